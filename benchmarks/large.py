"""What large images cost: megapixels a second, memory, where the time goes, and what tiles change.

    python benchmarks/large.py speed 512 2048 4096 [--backend NAME] [--tta] [--workers N]
    python benchmarks/large.py steps 4096
    python benchmarks/large.py seams 4096 [--tiles 1024 1536 2048]
    python benchmarks/large.py writes 30000 [--write geojson-gz]

`speed` runs `nucleisplit infer` in a process of its own on a TIFF of that side, and prints its
seconds (reading and writing included, start-up not; of small images the median of many) and its
peak memory. `steps` tells how they are
spent. `seams` compares the nuclei of an image in tiles with those of the same image in one piece.
`writes` tells what formats for other programs cost: seconds, share of the run, and the peak memory
of a process that does nothing else.

The images are patches of the textures given (--texture FILE ..., by default a drawn field of
nuclei), put side by side; they are written tile by tile, so any size fits. Limit the cores from
outside, for example with `taskset -c 0,1`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tifffile

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

PATCH = 240
CHUNK = 480
"""Side of a compressed tile of the image: a few patches."""


def load_textures(files: list[Path]) -> list[np.ndarray]:
    from make_images import fluorescence

    from nucleisplit.images import read_image

    if not files:
        return [fluorescence(seed, (512, 512), 250, 10) for seed in range(4)]
    return [image for image in map(read_image, files) if min(image.shape[:2]) >= PATCH]


def write_image(path: Path, side: int, textures: list[np.ndarray]) -> None:
    """Write a square TIFF of random patches, turned and mirrored at random."""
    rng = np.random.default_rng(side)
    shape = (CHUNK, CHUNK, *textures[0].shape[2:])

    def chunks():
        for _ in range((-(-side // CHUNK)) ** 2):
            chunk = np.empty(shape, textures[0].dtype)
            for top in range(0, CHUNK, PATCH):
                for left in range(0, CHUNK, PATCH):
                    texture = textures[rng.integers(len(textures))]
                    at = [rng.integers(n - PATCH + 1) for n in texture.shape[:2]]
                    patch = texture[at[0] : at[0] + PATCH, at[1] : at[1] + PATCH]
                    patch = np.rot90(patch, rng.integers(4))
                    chunk[top : top + PATCH, left : left + PATCH] = patch
            yield chunk

    tifffile.imwrite(
        path,
        chunks(),
        shape=(side, side, *shape[2:]),
        dtype=textures[0].dtype,
        tile=(CHUNK, CHUNK),
        compression="zlib",
        photometric="rgb" if shape[2:] else "minisblack",
        bigtiff=side > 20000,
    )


def speed(side: int, path: Path, options: list[str]) -> None:
    """Run the command once and print one row; small images are read again and again."""
    out = path.with_suffix("")
    copies = [path]
    for number in range(20 if side <= 2048 else 0):
        copies.append(path.with_name(f"copy{number}.tif"))
        os.link(path, copies[-1])
    files = [str(copy) for copy in copies]
    command = [sys.executable, "-m", "nucleisplit", "infer", *files, "--out", str(out), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    entries = json.loads((out / "run.json").read_text())["images"]
    entry = sorted(entries, key=lambda entry: entry["seconds"])[len(entries) // 2]
    peak = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    print(
        f"| {side} | {entry['nuclei']} | {entry.get('tiles', 1)} | {entry['seconds']:.2f} | "
        f"{side**2 / 1e6 / entry['seconds']:.2f} | {peak:.0f} |",
        flush=True,
    )


@contextmanager
def clocks(seconds: dict[str, float], places: dict[str, tuple[object, str]]):
    """Measure the time spent in functions, those they call and that are measured left out."""
    inside: list[float] = []
    before = {}

    def clocked(name, function):
        def call(*args, **kwargs):
            inside.append(0.0)
            begin = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                spent = time.perf_counter() - begin
                seconds[name] += spent - inside.pop()
                if inside:
                    inside[-1] += spent

        return call

    for name, (owner, attribute) in places.items():
        before[name] = getattr(owner, attribute)
        setattr(owner, attribute, clocked(name, before[name]))
    try:
        yield
    finally:
        for name, (owner, attribute) in places.items():
            setattr(owner, attribute, before[name])


def steps(side: int, path: Path, backend: str) -> None:
    """Print how the time of one image is spent."""
    from nucleisplit.batch import infer_batch as run
    from nucleisplit.batch import process
    from nucleisplit.images import Plane
    from nucleisplit.model.ensemble import Ensemble
    from nucleisplit.segmenter import Segmenter
    from nucleisplit.tiled import large, tile

    places = {
        "reading": (Plane, "read"),
        "network": (Ensemble, "predict_at"),
        "network, in one piece": (Ensemble, "predict"),
        "survey of the image": (large, "survey_plane"),
        "second stage": (Segmenter, "split"),
        "measuring": (tile, "measure_alone"),
        "keeping tiles": (large.TileStore, "save"),
        "putting tiles together, writing labels and table": (large, "write_label_bands"),
        "drawing the outlines": (large, "write_overlay"),
        "review": (process, "find_doubts"),
        "all else": (process.Process, "__call__"),
    }
    seconds: dict[str, float] = defaultdict(float)
    options = {"backend": backend, "overwrite": True}
    with tempfile.TemporaryDirectory() as out:
        run.infer_batch([path], out, **options)  # compiles, and warms the caches
        with clocks(seconds, places):
            run.infer_batch([path], out, **options)
    total = sum(seconds.values())
    for name in places:
        if seconds[name]:
            print(f"| {name} | {seconds[name]:.2f} | {seconds[name] / total:.0%} |")
    print(f"| **all** | **{total:.2f}** | {side**2 / 1e6 / total:.2f} MP/s |")


def writes(side: int, path: Path, backend: str, formats: list[str]) -> None:
    """Print what it costs to write formats; one size a process, for the sake of its peak."""
    from resource import RUSAGE_SELF, getrusage

    from nucleisplit.batch import infer_batch as run
    from nucleisplit.batch import process

    seconds: dict[str, float] = defaultdict(float)
    places = {"writing": (process, "write_as"), "all else": (process.Process, "__call__")}
    with tempfile.TemporaryDirectory() as out:
        with clocks(seconds, places):
            report = run.infer_batch([path], out, backend=backend, write=formats, overwrite=True)
        (entry,) = report.images
        size = sum((Path(out) / name).stat().st_size for name in entry["written"].values())
    share = seconds["writing"] / sum(seconds.values())
    peak = getrusage(RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    print(
        f"| {side} | {', '.join(formats)} | {entry['nuclei']} | {size / 1e6:.0f} | "
        f"{seconds['writing']:.1f} | {share:.1%} | {peak:.0f} |",
        flush=True,
    )


def seams(side: int, path: Path, backend: str, tiles: list[int]) -> None:
    """Print how many nuclei are the same in tiles and in one piece."""
    from stage2_trees import best_iou, overlap_table

    whole = in_tiles(path, backend, side)
    for tile in tiles:
        labels = in_tiles(path, backend, tile)
        table = overlap_table(whole, labels)
        iou = best_iou(table)[0][table.labels_a]
        print(f"| {tile} | {len(iou)} | {labels.max()} | {(iou > 0.95).mean():.2%} |", flush=True)


def in_tiles(path: Path, backend: str, tile: int) -> np.ndarray:
    """Segment an image as a large one, also where it is a single tile."""
    from nucleisplit.images import open_image
    from nucleisplit.labels import read_labels
    from nucleisplit.segmenter import Segmenter
    from nucleisplit.tiled import TileStore, segment_large

    with tempfile.TemporaryDirectory() as out, open_image(path) as source:
        files = [Path(out) / name for name in ("labels.tif", "nuclei.csv")]
        segmenter = Segmenter(backend=backend, tile=tile)
        segment_large(source.plane(), segmenter, TileStore(Path(out) / "tiles", {}), *files)
        return read_labels(files[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["speed", "steps", "seams", "writes"])
    parser.add_argument("sides", type=int, nargs="+")
    parser.add_argument("--texture", type=Path, nargs="+", default=[])
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--tta", action="store_true")
    parser.add_argument("--no-overlay", action="store_true")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--tiles", type=int, nargs="+", default=[1024, 1536, 2048])
    parser.add_argument("--write", nargs="+", default=["geojson-gz"])
    arguments = parser.parse_args()
    textures = load_textures(arguments.texture)
    heads = {
        "speed": "side | nuclei | tiles | seconds | MP/s | peak MiB",
        "steps": "step | seconds | share",
        "writes": "side | format | nuclei | MB | seconds | share of the run | peak MiB",
        "seams": "tile | nuclei in one piece | in tiles | the same",
    }
    print(f"| {heads[arguments.what]} |")
    for side in arguments.sides:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "image.tif"
            write_image(path, side, textures)
            if arguments.what == "speed":
                options = ["--backend", arguments.backend, "--workers", str(arguments.workers)]
                options += ["--tta"] * arguments.tta + ["--no-overlay"] * arguments.no_overlay
                speed(side, path, options)
            elif arguments.what == "steps":
                steps(side, path, arguments.backend)
            elif arguments.what == "writes":
                writes(side, path, arguments.backend, arguments.write)
            else:
                seams(side, path, arguments.backend, arguments.tiles)


if __name__ == "__main__":
    main()
