"""Parquet files as pyarrow, and so the `datasets` library, writes them."""
import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from draws import levels, pick, size
from PIL import Image

STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def encoded(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def image_column(rng, cells):
    kind = pick(rng, ["struct", "binary", "large", "dictionary"])
    if kind == "struct":
        return pa.array([{"bytes": cell, "path": pick(rng, [None, f"{i}.png"])} for i, cell in enumerate(cells)], STRUCT), kind
    array = pa.array(cells, pa.large_binary() if kind == "large" else pa.binary())
    return (array.dictionary_encode() if kind == "dictionary" else array), kind


def label_column(rng, count):
    """A column, the numbers of the classes, their names, and the hub's description of the column."""
    kind = pick(rng, ["class-label", "numbers", "texts", "categories"])
    values = rng.integers(0, 3, count)
    values[:3] = [0, 1, 2]
    if kind == "class-label":
        names = ["zebra", "Ant", "ä"]
        return pa.array(values), values, names, {"names": names, "_type": "ClassLabel"}
    if kind == "numbers":
        column = pa.array(values, pick(rng, [pa.int8(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16()]))
        return column, values, ["0", "1", "2"], {"dtype": "int64", "_type": "Value"}
    texts = ["zebra", "Ant", "ä"]
    names = sorted(texts)
    column = pa.array([texts[value] for value in values], pick(rng, [pa.string(), pa.large_string()]))
    numbers = [names.index(texts[value]) for value in values]
    if kind == "categories":
        column = column.dictionary_encode()
    return column, numbers, names, {"dtype": "string", "_type": "Value"}


def write(rng, path, pixels):
    cells = [encoded(one) for one in pixels]
    images, kind = image_column(rng, cells)
    labels, numbers, names, feature = label_column(rng, len(pixels))
    columns = {pick(rng, ["image", "img"]): images, "other": pa.array(["x"] * len(pixels)), pick(rng, ["label", "labels"]): labels}
    table = pa.table(columns)
    label_name = [name for name in columns if name.startswith("label")][0]
    image_name = [name for name in columns if name.startswith("im")][0]
    if feature["_type"] == "ClassLabel" or rng.random() < 0.5:
        features = {image_name: {"_type": "Image"}, label_name: feature}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    options = {
        "compression": pick(rng, ["none", "snappy", "gzip", "brotli", "zstd", "lz4"]),
        "row_group_size": pick(rng, [1, 2, 100]),
        "use_dictionary": bool(rng.random() < 0.5),
        "data_page_version": pick(rng, ["1.0", "2.0"]),
        "version": pick(rng, ["1.0", "2.4", "2.6"]),
        "write_statistics": bool(rng.random() < 0.5),
    }
    pq.write_table(table, path, **options)
    return numbers, names, f"{kind} {labels.type} {options}"


def parquet(rng, folder):
    pixels = levels(rng, 3 + size(rng, 6), size(rng), size(rng), pick(rng, [None, 3]))
    path = folder / pick(rng, ["a.parquet", "train-00000-of-00001.parquet"])
    numbers, names, what = write(rng, path, pixels)
    source = path if path.name.startswith("a") or rng.random() < 0.5 else folder
    return {"source": source, "parts": {"train": [pixels, numbers, names]}, "what": what}


def parquet_shards(rng, folder):
    rows, columns = size(rng), size(rng)
    wanted = pick(rng, [["train", "test"], ["train", "validation", "test"]])
    parts = {}
    for part in wanted:
        shards, all_numbers = [], []
        for i in range(2):
            pixels = levels(rng, 3 + size(rng, 4), rows, columns)
            values = rng.integers(0, 3, len(pixels))
            values[:3] = [0, 1, 2]
            cells = [{"bytes": encoded(one), "path": None} for one in pixels]
            table = pa.table({"image": pa.array(cells, STRUCT), "label": pa.array(values)})
            pq.write_table(table, folder / f"{part}-{i:05d}-of-00002.parquet")
            shards.append(pixels)
            all_numbers += list(values)
        parts[part] = [np.concatenate(shards), all_numbers, ["0", "1", "2"]]
    return {"source": folder, "parts": parts}


table_cases = {case.__name__: case for case in (parquet, parquet_shards)}
