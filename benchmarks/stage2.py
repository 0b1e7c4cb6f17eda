"""Time and memory of the second stage, step by step, on one core.

Run from the repository's root: ``python benchmarks/stage2.py [SIZE ...]``. The maps are drawn:
ellipses, blurred, with a smooth error, 64 in 256 x 256 and 1,024 in 1024 x 1024 pixels. The
regressor is fitted on such maps with the default settings, so it has the size of a real one.
Times are those of the processor, the shortest of several runs.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter

import stage2_trees

REPEATS = 5


def draw(size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels (size, size) int32 and maps (3, size, size) float32."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((size, size), np.int32)
    pitch = 32
    count = 0
    for cy in range(pitch // 2, size, pitch):
        for cx in range(pitch // 2, size, pitch):
            y, x = np.array([cy, cx]) + rng.uniform(-8, 8, 2)
            a, b = rng.uniform(8, 15, 2)
            y0, x0 = max(int(y) - 18, 0), max(int(x) - 18, 0)
            yy, xx = np.mgrid[y0 : min(y0 + 37, size), x0 : min(x0 + 37, size)]
            count += 1
            patch = labels[y0 : y0 + 37, x0 : x0 + 37]
            patch[(patch == 0) & (((yy - y) / a) ** 2 + ((xx - x) / b) ** 2 < 1)] = count
    inside = np.where(labels > 0, labels, count + 1)
    lowest, highest = minimum_filter(inside, 5), maximum_filter(labels, 5)
    separation = (lowest < highest) & (lowest <= count)
    border = (labels > 0) & (minimum_filter(labels, 3) != labels)
    maps = np.empty((3, size, size), np.float32)
    for channel, target in enumerate((labels > 0, border, separation)):
        soft = gaussian_filter(target.astype(np.float32), 1.2)
        error = gaussian_filter(rng.standard_normal((size, size)).astype(np.float32), 4)
        logit = 1.5 * np.log((soft + 0.02) / (1.02 - soft)) + error / error.std()
        maps[channel] = 1 / (1 + np.exp(-logit))
    return labels, maps


def timed(steps: dict[str, float], name: str, function, *args):
    """Call, and keep the shortest time seen under this name."""
    start = time.process_time()
    result = function(*args)
    steps[name] = min(steps.get(name, np.inf), time.process_time() - start)
    return result


def peak_bytes(restart: bool = False) -> int:
    """Largest memory this process has held (Linux: since the last call that asked to restart)."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if restart:
        Path("/proc/self/clear_refs").write_text("5")
    (line,) = (row for row in status.read_text().splitlines() if row.startswith("VmHWM"))
    return 1024 * int(line.split()[1])


def measure(size: int, folder: str) -> dict[str, float]:
    """Times in seconds and counts of one size, in a process of its own."""
    regressor = stage2_trees.IoURegressor.load(folder)
    small = np.load(Path(folder) / "small.npy")
    stage2_trees.split_maps(small, regressor)
    maps, truth = (np.load(Path(folder) / f"{name}.npy") for name in ("maps", "truth"))
    before = peak_bytes(restart=True)
    split = stage2_trees.split_maps(maps, regressor)
    peak = peak_bytes() - before
    steps: dict[str, float] = {}
    for _ in range(REPEATS if size <= 4096 else 2):
        forest = timed(steps, "forest", stage2_trees.build_forest, maps)
        X = timed(steps, "features", stage2_trees.forest_features, forest)
        raw = timed(steps, "scores", regressor.predict_raw, X)
        timed(steps, "selection + painting", stage2_trees.choose, forest, raw, regressor)
    total = sum(steps.values())
    stage2_trees.true_iou(stage2_trees.build_forest(small), np.zeros(small.shape[1:], int))
    timed(steps, "(true IoU, in training)", stage2_trees.true_iou, forest, truth)
    timed(steps, "(single threshold)", stage2_trees.threshold_labels, maps)
    return {
        "nuclei": split.labels.max(),
        "candidates": len(forest),
        "bytes": peak / size**2,
        "total": total,
        **steps,
    }


def main(sizes: list[int]) -> None:
    """Print one block per size."""
    for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    images = [draw(256, seed) for seed in range(9, 17)]
    rows = [stage2_trees.training_rows(maps, truth) for truth, maps in images]
    fitted = stage2_trees.cross_fit(rows, np.arange(len(rows)) % 2)
    with tempfile.TemporaryDirectory() as folder:
        fitted.regressor.save(folder)
        np.save(Path(folder) / "small.npy", images[0][1][:, :64, :64])
        for size in sizes:
            for name, array in zip(("truth", "maps"), draw(size, 0), strict=True):
                np.save(Path(folder) / f"{name}.npy", array)
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                found = pool.submit(measure, size, folder).result()
            print(
                f"{size} x {size}: {found.pop('nuclei')} nuclei, {found.pop('candidates')} "
                f"candidates, {found.pop('bytes'):.0f} bytes a pixel at the peak beside the maps"
            )
            total = found.pop("total")
            for name, seconds in found.items():
                share = "" if name.startswith("(") else f"{100 * seconds / total:5.0f} %"
                print(f"  {name:26s}{1000 * seconds:9.1f} ms{share}")
            print(f"  {'total':26s}{1000 * total:9.1f} ms{1e9 * total / size**2:5.0f} ns a pixel")


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [256, 1024])
