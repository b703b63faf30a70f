"""Random images whose orientation shows: odd sizes, and a bright upper right corner."""
import numpy as np


def size(rng, largest=24):
    return int(rng.integers(1, largest + 1))


def levels(rng, count, rows, columns, channels=None, most=254):
    """uint8 [count, rows, columns] or with channels; the upper right pixel is white."""
    shape = (count, rows, columns) if channels is None else (count, rows, columns, channels)
    drawn = rng.integers(0, most + 1, shape).astype(np.uint8)
    if most > 1:
        drawn[:, 0, -1] = 255
    return drawn


def bits(rng, count, rows, columns):
    drawn = rng.integers(0, 2, (count, rows, columns)).astype(np.uint8)
    drawn[0, 0, -1] = 1
    return drawn


def pick(rng, items):
    return items[int(rng.integers(len(items)))]


def classes(rng, count, most=6):
    """Numbers of classes and their names, the numbers from 0 up to the largest."""
    values = rng.integers(0, most, count)
    return values, [str(i) for i in range(int(values.max()) + 1)]
