"""Pictures in folders: PNG of all kinds, GIF, WebP, TIFF and JPEG as Pillow writes and reads them."""
import io
import os

import numpy as np
from draws import levels, pick, size
from PIL import Image
from png import COLOUR, COLOUR_ALPHA, GREY, GREY_ALPHA, PALETTE, png

ORIENTATION = 0x0112
NAMES = ["a", "B", "10", "2", "写真", "größe", "mit leer zeichen", "😀", "x.y.z", "é", "%41", "#1", "[1]"]


def by_code_points(names):
    return sorted(names)


def grey_to_colour(pixels):
    return np.repeat(pixels[..., None], 3, axis=-1)


def one_png(rng, rows, columns):
    """A PNG of a random kind: its bytes, and its levels [rows, columns] or [rows, columns, 3]."""
    kind = pick(rng, ["grey", "grey-16", "colour", "colour-16", "palette", "bits", "interlaced", "pillow-palette"])
    is_interlaced = kind == "interlaced" or rng.random() < 0.3
    if kind == "grey":
        drawn = rng.integers(0, 256, (rows, columns))
        return png(drawn, GREY, 8, is_interlaced), drawn, kind
    if kind == "grey-16":
        drawn = rng.integers(0, 65536, (rows, columns))
        return png(drawn, GREY, 16, is_interlaced), drawn >> 8, kind
    if kind == "colour-16":
        drawn = rng.integers(0, 65536, (rows, columns, 3))
        return png(drawn, COLOUR, 16, is_interlaced), drawn >> 8, kind
    if kind in ("palette", "pillow-palette"):
        depth = pick(rng, [1, 2, 4, 8])
        palette = rng.integers(0, 256, (2**depth, 3))
        drawn = rng.integers(0, 2**depth, (rows, columns))
        return png(drawn, PALETTE, depth, is_interlaced, palette), palette[drawn], f"{kind} {depth}"
    if kind == "bits":
        depth = pick(rng, [1, 2, 4])
        drawn = rng.integers(0, 2**depth, (rows, columns))
        return png(drawn, GREY, depth, is_interlaced), drawn * (255 // (2**depth - 1)), f"{kind} {depth}"
    drawn = rng.integers(0, 256, (rows, columns, 3))
    return png(drawn, COLOUR, 8, is_interlaced), drawn, kind


def alike(all_levels):
    """[count, rows, columns] if all are grey, else in colour."""
    if all(pixels.ndim == 2 for pixels in all_levels):
        return np.stack(all_levels).astype(np.uint8)
    return np.stack([pixels if pixels.ndim == 3 else grey_to_colour(pixels) for pixels in all_levels]).astype(np.uint8)


def names_of(rng, count):
    chosen = rng.permutation(len(NAMES))[:count]
    return [NAMES[i] for i in chosen]


def pngs(rng, folder):
    """Directly in a folder, with hidden files beside and other files that are no pictures."""
    rows, columns, written, kinds = size(rng), size(rng), {}, []
    for name in names_of(rng, 1 + int(rng.integers(6))):
        content, pixels, kind = one_png(rng, rows, columns)
        name += pick(rng, [".png", ".PNG"])
        (folder / name).write_bytes(content)
        written[name] = pixels
        kinds.append(kind)
    (folder / ".hidden.png").write_bytes(b"no picture")
    (folder / "._a.png").write_bytes(b"no picture")
    (folder / "Thumbs.db").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("no picture")
    parts = {"train": [alike([written[name] for name in by_code_points(written)])]}
    return {"source": folder, "parts": parts, "what": str(kinds)}


def class_folders(rng, folder):
    rows, columns = size(rng), size(rng)
    parts = pick(rng, [[""], ["train", "test"], ["train", "valid", "test"], ["Train", "val", "Test"]])
    names = by_code_points(names_of(rng, 2 + int(rng.integers(3))))
    expected = {}
    spelled = {"": "train", "train": "train", "valid": "validation", "val": "validation", "test": "test"}
    for part in parts:
        all_levels, values = [], []
        for number, name in enumerate(names):
            inside = folder / part / name
            inside.mkdir(parents=True)
            (inside / ".DS_Store").write_bytes(b"x")
            for i in by_code_points([f"{i}.png" for i in range(1 + int(rng.integers(3)))]):
                content, pixels, _ = one_png(rng, rows, columns)
                (inside / i).write_bytes(content)
                all_levels.append(pixels)
                values.append(number)
        expected[spelled[part.lower()]] = [all_levels, values, names]
    is_grey = all(pixels.ndim == 2 for all_levels, *_ in expected.values() for pixels in all_levels)
    to = (lambda pixels: pixels) if is_grey else (lambda pixels: pixels if pixels.ndim == 3 else grey_to_colour(pixels))
    read = {
        name: [np.stack([to(pixels) for pixels in all_levels]).astype(np.uint8), values, names]
        for name, (all_levels, values, names) in expected.items()
    }
    ordered = {name: read[name] for name in ("train", "validation", "test") if name in read}
    return {"source": folder, "parts": ordered, "what": str(parts)}


def alpha(rng, folder):
    """Transparent pixels over black or white; opacity 0 and 255 only, where all programs agree."""
    rows, columns = size(rng), size(rng)
    behind = pick(rng, ["black", "white"])
    is_colour = rng.random() < 0.5
    depth = pick(rng, [8, 16])
    opaque = rng.integers(0, 2, (rows, columns))
    opaque.flat[0] = 0
    drawn = rng.integers(0, 2**depth, (rows, columns, 3 if is_colour else 1))
    shown = drawn if depth == 8 else drawn >> 8
    content = np.concatenate([drawn, opaque[..., None] * (2**depth - 1)], axis=2)
    (folder / "a.png").write_bytes(png(content, COLOUR_ALPHA if is_colour else GREY_ALPHA, depth))
    over = np.where(opaque[..., None] == 1, shown, 255 if behind == "white" else 0)
    pixels = over if is_colour else over[..., 0]
    flags = {"background": behind}
    return {"source": folder, "flags": flags, "parts": {"train": [pixels[None].astype(np.uint8)]}, "warnings": ["transparent-images"], "what": f"{depth} bits"}


def saved(image, name, **options):
    stream = io.BytesIO()
    image.save(stream, name, **options)
    return stream.getvalue()


def lossless(rng, folder):
    """GIF, WebP and TIFF of Pillow, and what Pillow reads of them."""
    rows, columns = size(rng), size(rng)
    kind = pick(rng, ["gif", "webp", "tiff", "tiff-16", "animated-gif", "animated-webp", "pages"])
    drawn = rng.integers(0, 256, (2, rows, columns, 3)).astype(np.uint8)
    frames = [Image.fromarray(pixels) for pixels in drawn]
    several = {"save_all": True, "append_images": frames[1:]}
    compression = pick(rng, [None, "tiff_lzw", "tiff_adobe_deflate", "packbits"])
    if kind == "tiff-16":
        grey = rng.integers(0, 65536, (rows, columns)).astype(np.uint16)
        (folder / "a.tif").write_bytes(saved(Image.fromarray(grey), "TIFF", compression=compression))
        return {"source": folder, "parts": {"train": [(grey >> 8)[None].astype(np.uint8)]}, "what": kind}
    path, content = {
        "gif": ("a.gif", lambda: saved(frames[0].quantize(16), "GIF")),
        "webp": ("a.webp", lambda: saved(frames[0], "WEBP", lossless=True)),
        "tiff": ("a.tiff", lambda: saved(frames[0], "TIFF", compression=compression)),
        "animated-gif": ("a.gif", lambda: saved(frames[0], "GIF", **several)),
        "animated-webp": ("a.webp", lambda: saved(frames[0], "WEBP", lossless=True, duration=99, **several)),
        "pages": ("a.tif", lambda: saved(frames[0], "TIFF", **several)),
    }[kind]
    (folder / path).write_bytes(content())
    with Image.open(folder / path) as stored:
        pixels = np.asarray(stored.convert("RGB"))
    is_animated = kind in ("animated-gif", "animated-webp", "pages")
    return {"source": folder / path, "parts": {"train": [pixels[None]]}, "warnings": ["animated-images"] if is_animated else [], "what": f"{kind} {compression}"}


TURNS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, 1),
}


def turned(rng, folder):
    """EXIF orientation in JPEG, PNG, WebP and TIFF."""
    orientation = 1 + int(rng.integers(8))
    drawn = rng.integers(0, 256, (size(rng), size(rng), 3)).astype(np.uint8)
    name = pick(rng, ["PNG", "WEBP", "JPEG", "TIFF"])
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    options = {"lossless": True} if name == "WEBP" else {"quality": 95, "subsampling": 0} if name == "JPEG" else {}
    path = folder / f"a.{name.lower()}"
    Image.fromarray(drawn).save(path, name, exif=exif, **options)
    with Image.open(path) as stored:
        pixels = TURNS[orientation](np.asarray(stored.convert("RGB")))
        if name == "TIFF":  # Pillow may turn it itself
            stored.load()
            pixels = TURNS[orientation](drawn)
    return {"source": folder, "parts": {"train": [pixels[None]]}, "what": f"{name} {orientation}"}


def jpeg(rng, folder):
    """Pillow and libvips decode with libjpeg-turbo alike."""
    is_grey = rng.random() < 0.3
    drawn = rng.integers(0, 256, (size(rng, 40), size(rng, 40)) + (() if is_grey else (3,))).astype(np.uint8)
    options = {"quality": int(rng.integers(40, 100)), "progressive": bool(rng.random() < 0.5)}
    if not is_grey:
        options["subsampling"] = pick(rng, [0, 1, 2])
    Image.fromarray(drawn).save(folder / "a.jpg", "JPEG", **options)
    with Image.open(folder / "a.jpg") as stored:
        pixels = np.asarray(stored)
    return {"source": folder, "parts": {"train": [pixels[None]]}, "what": str(options)}


def to_grey(rng, folder):
    """--channels grey, as Pillow's convert('L')."""
    drawn = rng.integers(0, 256, (2, size(rng), size(rng), 3)).astype(np.uint8)
    for i, pixels in enumerate(drawn):
        Image.fromarray(pixels).save(folder / f"{i}.png")
    grey = np.stack([np.asarray(Image.fromarray(pixels).convert("L")) for pixels in drawn])
    return {"source": folder, "flags": {"channels": "grey"}, "parts": {"train": [grey]}}


def broken(rng, folder):
    drawn = levels(rng, 5, 2 + size(rng), 2 + size(rng))
    for i, pixels in enumerate(drawn):
        Image.fromarray(pixels).save(folder / f"{i}.png")
    worst = int(rng.integers(5))
    path = folder / f"{worst}.png"
    content = path.read_bytes()
    how = pick(rng, ["cut", "empty", "other", "link"])
    if how == "link":
        path.unlink()
        os.symlink("nowhere", path)
    else:
        path.write_bytes({"cut": content[:-20], "empty": b"", "other": b"words, words"}[how])
    if rng.random() < 0.3:
        return {"source": folder, "refused": f"{path}: ", "what": how}
    kept = np.delete(drawn, worst, axis=0)
    return {"source": folder, "flags": {"skipBroken": "on"}, "parts": {"train": [kept]}, "warnings": ["broken-images"], "what": how}


def pattern(rng, folder):
    drawn = levels(rng, 4, size(rng), size(rng))
    (folder / "deep" / "er").mkdir(parents=True)
    places = ["deep/er/b.png", "deep/a.png", "z.png", "deep/er/a.jpeg"]
    for place, pixels in zip(places, drawn):
        Image.fromarray(pixels).save(folder / place, "PNG")
    order = {"**/*.png": [1, 0, 2], "*.png": [2], "deep/?.png": [1], "**/*": [1, 3, 0, 2]}
    wanted = pick(rng, list(order))
    return {"source": f"{folder}/{wanted}", "parts": {"train": [drawn[order[wanted]]]}, "what": wanted}


def csv_labels(rng, folder):
    drawn = levels(rng, 6, size(rng), size(rng))
    inside = folder / "pictures"
    inside.mkdir()
    names = names_of(rng, 6)
    order = by_code_points([f"{name}.png" for name in names])
    for name, pixels in zip(order, drawn):
        Image.fromarray(pixels).save(inside / name)
    classes = ["sea", "Land", "über, alles"]
    values = [classes[i] for i in [0, 1, 2, *rng.integers(0, 3, 3)]]
    import csv

    with open(folder / "labels.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "filename", "label"])
        for i in rng.permutation(6):
            writer.writerow([i, order[i], values[i]])
    ordered = sorted(classes)
    numbers = [ordered.index(value) for value in values]
    return {"source": inside, "flags": {"labels": str(folder / "labels.csv")}, "parts": {"train": [drawn, numbers, ordered]}}


picture_cases = {
    case.__name__: case
    for case in (pngs, class_folders, alpha, lossless, turned, jpeg, to_grey, broken, pattern, csv_labels)
}
