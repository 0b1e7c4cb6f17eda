"""What inference costs: start-up, each stage of one image, memory of a large one.

    python benchmarks/infer.py [--model NAME|PATH] [--repeat 5]

Times are the smallest of several, in milliseconds, on synthetic nuclei. Limit the cores from
outside, for example with `taskset -c 0,1`.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

PROGRAM = "from nucleisplit.cli.main import main; main()"
START = "from nucleisplit import Segmenter; Segmenter({model!r})"
LARGE = """
import resource, sys, time
sys.path.insert(0, {examples!r})
from make_images import fluorescence
import numpy as np
from nucleisplit import Segmenter
image = np.tile(fluorescence(0, (512, 512), 250, 10), (4, 4))
segmenter = Segmenter({model!r})
begin = time.perf_counter()
result = segmenter.segment(image)
seconds = time.perf_counter() - begin
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
peak /= 2**20 if sys.platform == "darwin" else 2**10
print(f"{{seconds:.2f}} {{peak:.0f}} {{len(result.table)}}")
"""


def fastest(action, repeat: int) -> float:
    """Smallest of several wall-clock times, milliseconds."""
    times = []
    for _ in range(repeat):
        begin = time.perf_counter()
        action()
        times.append(time.perf_counter() - begin)
    return 1000 * min(times)


def python(code: str, *arguments: str) -> str:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def row(name: str, value: float, unit: str = "ms") -> None:
    print(f"  {name:<34} {value:9.1f} {unit}")


def stages(model: str, repeat: int) -> None:
    """Time each step of one 512 x 640 image."""
    from make_images import fluorescence

    from nucleisplit import Segmenter
    from nucleisplit.labels import write_labels
    from nucleisplit.measure import measure
    from nucleisplit.overlay import write_overlay
    from stage1_unet import preprocess
    from stage2_trees import build_forest, forest_features, select, split_maps

    segmenter = Segmenter(model)
    config, regressor = segmenter.bundle.config, segmenter.regressor
    image = fluorescence(0, (512, 640), 300, 10)
    scaled = preprocess(image, config.preprocess)
    predictor = segmenter.ensemble.predictors[0]
    maps = predictor.predict(scaled).maps
    forest = build_forest(maps, config.forest)
    features = forest_features(forest)
    scores = regressor.predict(features)
    split = split_maps(maps, regressor, config.forest)
    result = segmenter.segment(image)
    iou = split.predicted_iou

    print(f"one image of 512 x 640, {len(result.table)} nuclei, {len(features)} candidates")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        steps = {
            "preprocess": lambda: preprocess(image, config.preprocess),
            "network": lambda: predictor.predict(scaled),
            "forest": lambda: build_forest(maps, config.forest),
            "features": lambda: forest_features(forest),
            "regressor": lambda: regressor.predict(features),
            "select": lambda: select(forest.candidates, scores, config.select),
            "second stage, as a whole": lambda: split_maps(maps, regressor, config.forest),
            "measure": lambda: measure(result.labels, image, iou, split.threshold),
            "write labels": lambda: write_labels(out / "l.tif", result.labels, overwrite=True),
            "write overlay": lambda: write_overlay(
                out / "o.png", image, result.labels, iou, overwrite=True
            ),
            "image -> nuclei, as a whole": lambda: segmenter.segment(image),
        }
        for name, step in steps.items():
            row(name, fastest(step, repeat))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="default")
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"{platform.platform()}, Python {platform.python_version()}, {cores} cores")
    print("start-up, in a process of its own")
    row("nucleisplit --help", fastest(lambda: python(PROGRAM, "--help"), options.repeat))
    start = START.format(model=options.model)
    row("imports and model", fastest(lambda: python(start), options.repeat))
    stages(options.model, options.repeat)
    examples = str(Path(__file__).resolve().parents[1] / "examples")
    seconds, peak, nuclei = python(LARGE.format(model=options.model, examples=examples)).split()
    print(f"one image of 2048 x 2048, {nuclei} nuclei")
    row("image -> nuclei, first call", float(seconds) * 1000)
    row("peak memory of the process", float(peak), "MiB")


if __name__ == "__main__":
    main()
