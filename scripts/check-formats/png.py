"""PNG files of every colour type, bit depth and interlacing, which Pillow reads but does not write (PNG specification, third edition)."""
import struct
import zlib

import numpy as np

GREY, COLOUR, PALETTE, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6
ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed(samples, depth):
    """Rows of samples [rows, columns * channels] with a filter byte of zero before each."""
    if depth == 16:
        data = samples.astype(">u2").view(np.uint8).reshape(len(samples), -1)
    elif depth == 8:
        data = samples.astype(np.uint8)
    else:
        shown = np.unpackbits(samples.astype(np.uint8)[..., None], axis=2)[..., 8 - depth :]
        data = np.packbits(shown.reshape(len(samples), -1), axis=1)
    return b"".join(b"\0" + row.tobytes() for row in data)


def passes(samples, is_interlaced):
    if not is_interlaced:
        return [samples]
    parts = [samples[row::rows, column::columns] for row, column, rows, columns in ADAM7]
    return [part for part in parts if part.size > 0]


def png(samples, kind, depth, is_interlaced=False, palette=None, before=()):
    """samples: [rows, columns] or [rows, columns, channels], values below 2 ** depth."""
    rows, columns = samples.shape[:2]
    header = struct.pack(">IIBBBBB", columns, rows, depth, kind, 0, 0, int(is_interlaced))
    body = b"".join(packed(part.reshape(len(part), -1), depth) for part in passes(samples, is_interlaced))
    chunks = [(b"IHDR", header), *before]
    if palette is not None:
        chunks.append((b"PLTE", palette.astype(np.uint8).tobytes()))
    chunks += [(b"IDAT", zlib.compress(body)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, data) for name, data in chunks)
