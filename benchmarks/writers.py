"""How long the label formats take to write and to read.

    python benchmarks/writers.py [--nuclei 1000 100000] [--repeat 3] [--formats geojson roi]

Draws discs that touch on a grid, measures them, writes them in every format and reads them back.
Prints the shortest of the repetitions, seconds, and the size of the file.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from nucleisplit.io.formats import FORMATS
from nucleisplit.measure import measure

SPACING = 20


def draw(count: int) -> np.ndarray:
    """Label image of about `count` discs, each touching its neighbours."""
    side = round(count**0.5)
    y, x = np.mgrid[: side * SPACING, : side * SPACING].astype(np.int32)
    near = (y % SPACING - SPACING // 2) ** 2 + (x % SPACING - SPACING // 2) ** 2
    return np.where(near <= 105, y // SPACING * side + x // SPACING + 1, 0).astype(np.int32)


def shortest(repeat: int, action, *arguments) -> float:
    times = []
    for _ in range(repeat):
        begin = time.perf_counter()
        action(*arguments)
        times.append(time.perf_counter() - begin)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nuclei", type=int, nargs="+", default=[1000, 100_000])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=list(FORMATS))
    options = parser.parse_args()
    print(f"{'format':14} {'nuclei':>7} {'write s':>8} {'read s':>8} {'MB':>7}")
    with tempfile.TemporaryDirectory() as folder:
        for name in options.formats:  # compiles the kernels
            FORMATS[name].write(Path(folder) / "warm", draw(9))
            FORMATS[name].read(Path(folder) / "warm", draw(9).shape)
            (Path(folder) / "warm").unlink()
        for count in options.nuclei:
            labels = draw(count)
            table = measure(labels, labels, np.full(labels.max(), 0.5))
            for name in options.formats:
                entry = FORMATS[name]
                path = Path(folder) / f"a{entry.ending}"
                write = shortest(options.repeat, entry.write, path, labels, table, True)
                read = shortest(options.repeat, entry.read, path, labels.shape)
                size = path.stat().st_size / 1e6
                print(f"{name:14} {labels.max():7} {write:8.3f} {read:8.3f} {size:7.2f}")


if __name__ == "__main__":
    main()
