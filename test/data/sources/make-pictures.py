"""Writes the pictures and tables of fixtures-pictures/ with Pillow and pyarrow, and in expected.json their levels as Pillow reads them.

Needs numpy, Pillow and pyarrow: python make-pictures.py
"""

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

FOLDER = Path(__file__).parent / "fixtures-pictures"
ORIENTATION = 0x0112
random = np.random.default_rng(19)
expected = {}


def levels(rows, columns, *channels):
    return random.integers(0, 256, (rows, columns, *channels), dtype=np.uint8)


def save(image, name, **options):
    """Saves a picture; its levels as colour and as grey become the expected ones."""
    image.save(FOLDER / name, **options)
    with Image.open(FOLDER / name) as stored:
        expected[name] = {
            "rows": stored.height,
            "columns": stored.width,
            "colour": np.asarray(stored.convert("RGB")).ravel().tolist(),
            "grey": np.asarray(stored.convert("L")).ravel().tolist(),
        }


def lossless():
    grey = Image.fromarray(levels(3, 4))
    colour = Image.fromarray(levels(3, 4, 3))
    save(grey, "grey.png")
    save(colour, "colour.png")
    save(colour, "colour.webp", lossless=True)
    save(colour, "colour.tif")
    save(colour.quantize(8), "palette.png")
    save(colour.quantize(8), "palette.gif")
    save(grey.point(lambda level: 255 * (level > 127)).convert("1"), "one-bit.png")
    save(Image.fromarray(levels(5, 2, 3)), "tall.png")
    save(grey, "two-pages.tif", save_all=True, append_images=[grey.point(lambda level: 255 - level)])
    for name in ["two-frames.gif", "two-frames.webp"]:
        frames = [Image.fromarray(levels(3, 4)).convert("P") if name.endswith("gif") else colour for _ in range(2)]
        frames[1] = frames[1].point(lambda level: 255 - level)
        save(frames[0], name, save_all=True, append_images=frames[1:], duration=100, lossless=True)


def sixteen_bits():
    values = random.integers(0, 65536, (3, 4), dtype=np.uint16)
    Image.fromarray(values).save(FOLDER / "grey-16.png")
    upper = (values >> 8).ravel().tolist()
    expected["grey-16.png"] = {"rows": 3, "columns": 4, "grey": upper, "colour": np.repeat(upper, 3).tolist()}


def transparent():
    """Levels over black and over white, of pixels that are opaque, half transparent and transparent."""
    pixels = levels(3, 4, 4)
    pixels[:, :, 3] = np.resize([255, 128, 0], (3, 4))
    for name, shown in [("colour-alpha.png", pixels), ("grey-alpha.png", pixels[:, :, [0, 0, 0, 3]])]:
        image = Image.fromarray(shown)
        (image if name.startswith("colour") else image.convert("LA")).save(FOLDER / name)
        opacity = shown[:, :, 3:] / 255
        over = {
            behind: np.round(opacity * shown[:, :, :3] + (1 - opacity) * level).astype(int).ravel().tolist()
            for behind, level in [("black", 0), ("white", 255)]
        }
        expected[name] = {"rows": 3, "columns": 4, **over}


def oriented():
    """One upright picture, 16 x 24 with a bright top left corner, stored in each of the eight orientations of EXIF."""
    upright = np.zeros((16, 24), np.uint8)
    upright[:8, :8] = 255
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].T,
        8: np.rot90(upright, -1),
    }
    for orientation, pixels in stored.items():
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        for name in [f"oriented-{orientation}.jpg", f"oriented-{orientation}.png"]:
            Image.fromarray(np.ascontiguousarray(pixels)).save(FOLDER / name, exif=exif)


def others():
    colour = Image.fromarray(np.full((16, 16, 3), [200, 100, 50], np.uint8))
    colour.convert("CMYK").save(FOLDER / "cmyk.jpg", quality=95)
    colour.save(FOLDER / "flat.jpg", quality=95)
    colour.save(FOLDER / "flat.avif", quality=95)
    Image.fromarray(np.ones((3, 4), np.float32)).save(FOLDER / "float.tif")
    Image.new("1", (8200, 8200)).save(FOLDER / "bomb.png", optimize=True)
    colour.save(FOLDER / "flat.bmp")


def png(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def hub(names):
    """The metadata that the `datasets` library writes."""
    label = {"names": names, "_type": "ClassLabel"}
    return {"huggingface": json.dumps({"info": {"features": {"image": {"_type": "Image"}, "label": label}}})}


def write_table(name, columns, metadata=None, **options):
    table = pa.table(columns)
    pq.write_table(table.replace_schema_metadata(metadata), FOLDER / name, **options)


def tables():
    images = [levels(3, 4) for _ in range(5)]
    cells = [{"bytes": png(image), "path": f"{i}.png"} for i, image in enumerate(images)]
    struct = pa.array(cells, STRUCT)
    binary = pa.array([cell["bytes"] for cell in cells], pa.binary())
    numbers = pa.array([2, 0, 1, 1, 0], pa.int64())
    expected["tables"] = [image.ravel().tolist() for image in images]
    write_table("hub.parquet", {"image": struct, "label": numbers}, hub(["ant", "bee", "cat"]), row_group_size=2)
    for compression in ["none", "gzip", "zstd", "brotli", "lz4"]:
        write_table(f"{compression}.parquet", {"img": binary, "label": numbers}, compression=compression)
    nameless = [{"bytes": cell["bytes"], "path": None} for cell in cells]
    write_table("nameless.parquet", {"image": pa.array(nameless, STRUCT), "label": numbers}, compression="gzip")
    write_table("texts.parquet", {"image": struct, "label": pa.array(["b", "a", "c", "a", "b"])})
    write_table("unlabelled.parquet", {"image": struct, "label": pa.array([-1] * 5)})
    write_table("partly-labelled.parquet", {"image": struct, "label": pa.array([0, None, 1, 1, 0])})
    write_table("two-images.parquet", {"left": struct, "right": binary, "name": pa.array(["x"] * 5)})
    write_table("no-images.parquet", {"label": numbers, "name": pa.array(["x"] * 5)})
    write_table("elsewhere.parquet", {"image": pa.array(cells[:3] + [{"bytes": None, "path": "d.png"}, None], STRUCT)})


FOLDER.mkdir(exist_ok=True)
for make in [lossless, sixteen_bits, transparent, oriented, others, tables]:
    make()
(FOLDER / "expected.json").write_text(json.dumps(expected) + "\n")
