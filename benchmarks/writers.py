"""How long it takes to measure nuclei, and to write and read them in every format.

    python benchmarks/writers.py formats [--nuclei 1000 100000] [--repeat 3] [--formats geojson]
    python benchmarks/writers.py share [--repeat 7] [--formats geojson]

`formats` draws discs that touch on a grid, measures them, writes them in every format and as every
table, and reads them back. `share` runs `infer` on drawn images of 1024 x 1024 pixels with about
1,000 nuclei, gray and colour, and says how much of its time goes where. Times are those of the
processor, so that other programs disturb them little, on one thread, the shortest of several.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENVINO_THREADS"), "1"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

import numpy as np

SPACING = 20
TABLES = ("csv", "parquet", "h5ad")


def draw(count: int) -> np.ndarray:
    """Label image of about `count` discs, each touching its neighbours."""
    side = round(count**0.5)
    y, x = np.mgrid[: side * SPACING, : side * SPACING].astype(np.int32)
    near = (y % SPACING - SPACING // 2) ** 2 + (x % SPACING - SPACING // 2) ** 2
    return np.where(near <= 105, y // SPACING * side + x // SPACING + 1, 0).astype(np.int32)


def shortest(repeat: int, action, *arguments) -> float:
    times = []
    for _ in range(repeat):
        begin = time.process_time()
        action(*arguments)
        times.append(time.process_time() - begin)
    return min(times)


def formats(counts: list[int], repeat: int, names: list[str]) -> None:
    """Print what every format takes."""
    from nucleisplit.labels import FORMATS
    from nucleisplit.measure import measure
    from nucleisplit.tables import read_nuclei, write_nuclei

    def measured(labels: np.ndarray):
        iou = np.full(labels.max(), 0.5)
        return measure(labels, labels % 251, iou, iou, pixel_size=(0.5, 0.5))

    def size(path: Path) -> float:
        files = path.rglob("*") if path.is_dir() else [path]
        return sum(file.stat().st_size for file in files if file.is_file()) / 1e6

    print("| format | nuclei | columns | write s | read s | MB |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        for number, count in enumerate([9, *counts]):  # the first compiles
            labels = draw(count)
            table = measured(labels)
            rows = [("measure", shortest(repeat, measured, labels), 0.0, 0.0)]
            for name in names or [*FORMATS, *TABLES]:
                if name in TABLES:
                    path = Path(folder) / f"a.{name}"
                    write = shortest(repeat, write_nuclei, path, table, True)
                    read = shortest(repeat, read_nuclei, path)
                else:
                    path = Path(folder) / f"a{FORMATS[name].ending}"
                    write = shortest(repeat, FORMATS[name].write, path, labels, table, True)
                    read = shortest(repeat, FORMATS[name].read, path, labels.shape)
                rows.append((name, write, read, size(path)))
            for name, write, read, megabytes in rows if number else ():
                print(
                    f"| {name} | {len(table)} | {table.shape[1]} | {write:.3f} | {read:.3f} "
                    f"| {megabytes:.2f} |",
                    flush=True,
                )


@contextmanager
def clocks(seconds: dict[str, float], places: dict[str, tuple[object, str]]):
    """Add up the processor time of functions, that of others among them left out."""
    inside: list[float] = []
    before = {place: getattr(*place) for place in places.values()}

    def clocked(name, function):
        def call(*args, **kwargs):
            inside.append(0.0)
            begin = time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                spent = time.process_time() - begin
                seconds[name] += spent - inside.pop()
                if inside:
                    inside[-1] += spent

        return call

    for name, place in places.items():
        setattr(*place, clocked(name, before[place]))
    try:
        yield
    finally:
        for place, function in before.items():
            setattr(*place, function)


def share(repeat: int, names: list[str]) -> None:
    """Print where the time of `infer` goes."""
    import tifffile
    from make_images import fluorescence, tissue

    from nucleisplit import result as segmentation
    from nucleisplit.batch import infer_batch as run
    from nucleisplit.batch import process
    from nucleisplit.images import Plane
    from nucleisplit.model.ensemble import Ensemble
    from nucleisplit.segmenter import Segmenter

    places = {
        "reading": (Plane, "read"),
        "network": (Ensemble, "predict"),
        "second stage": (Segmenter, "split"),
        "measuring": (segmentation, "measure"),
        "writing the label image": (process, "write_labels"),
        "writing the rows of the table": (process, "csv_rows"),
        "writing other formats": (process, "write_as"),
        "finding what to review": (process, "find_doubts"),
        "writing the review": (process, "write_review"),
        "drawing and writing the outlines": (process, "write_overlay"),
        "all else": (run, "_run"),
    }
    ours = [name for name in places if name.startswith(("measuring", "writing"))]
    sized = {"resolution": (2e4, 2e4), "resolutionunit": "CENTIMETER"}
    for kind, paint in (("gray", fluorescence), ("colour", tissue)):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "image.tif"
            tifffile.imwrite(path, paint(0, (1024, 1024), 1000, 10), **sized)
            best: dict[str, float] = defaultdict(lambda: np.inf)
            for _ in range(repeat + 1):
                seconds: dict[str, float] = defaultdict(float)
                with clocks(seconds, places):
                    report = run.infer_batch(
                        [path], Path(folder) / "out", write=names, overwrite=True
                    )
                best |= {name: min(best[name], seconds[name]) for name in seconds}
        total = sum(best.values())
        print(f"| {kind}, {report.nuclei} nuclei | ms | share |\n| --- | ---: | ---: |")
        for name in places:
            if name in best:
                print(f"| {name} | {1000 * best[name]:.1f} | {best[name] / total:.1%} |")
        together = sum(best[name] for name in ours if name in best)
        print(f"| **measuring and writing** | {1000 * together:.1f} | {together / total:.1%} |")
        print(f"| **all** | {1000 * total:.1f} | |\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["formats", "share"])
    parser.add_argument("--nuclei", type=int, nargs="+", default=[1000, 100_000])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--formats", nargs="+", default=[])
    options = parser.parse_args()
    if options.what == "share":
        share(options.repeat, options.formats)
    else:
        formats(options.nuclei, options.repeat, options.formats)


if __name__ == "__main__":
    main()
