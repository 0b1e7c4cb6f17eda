"""Two ways from a stack to its nuclei, on synthetic stacks with known truth.

    python benchmarks/stacks.py [--kinds touching ...] [--seeds 0 1] [--model default]

Draws ellipsoids, blurs them (more along the depth, as microscopes do), takes slices and adds
noise. Maps are computed of the slices alone, or averaged over planes in three directions; they are
cut in 3-D, or slice by slice and linked. Prints the mAP of the volumes (IoU of voxels, thresholds
of `nucleisplit.metric`), the mean over the seeds, with the number of nuclei found. The settings of
`stage2_trees.LinkConfig` and `VolumeConfig` were chosen on these kinds, but `far`, with seeds 100
and 101.
"""

from __future__ import annotations

import argparse
import time
from statistics import mean
from typing import NamedTuple

import numpy as np
from scipy import ndimage as ndi
from scipy.stats import spearmanr

from nucleisplit import Segmenter
from nucleisplit.metric import score_image
from nucleisplit.stacks import map_stack, segment_stack
from stage2_trees import best_iou, cut_volume, link_slices, overlap_table


class Kind(NamedTuple):
    """What a stack is like; lengths in pixels."""

    slices: int
    step: int  # distance of the slices
    count: int
    radius: float
    touching: float  # share of the nuclei put against another
    blur: float  # standard deviation along the depth


KINDS = {
    "apart": Kind(32, 1, 40, 9, 0.2, 2.5),
    "touching": Kind(32, 1, 70, 9, 0.85, 2.5),
    "small": Kind(32, 2, 250, 6.5, 0.7, 2.5),
    "crowded": Kind(32, 3, 170, 9, 0.85, 3.5),
    "flat": Kind(16, 6, 130, 11, 0.7, 3.5),
    "far": Kind(12, 10, 150, 11, 0.7, 3.5),
}
SIDE = 128


PHOTONS = 60


def draw(seed: int, kind: Kind) -> tuple[np.ndarray, np.ndarray]:
    """Stack, (Z, 128, 128) uint8, and truth, int32."""
    rng = np.random.default_rng(seed)
    slices, step, count, radius, touching, blur = kind
    shape = (slices * step, SIDE, SIDE)
    truth = np.zeros(shape, np.int32)
    placed = []
    for _ in range(60 * count):
        if len(placed) == count:
            break
        size = radius * np.exp(rng.normal(0, 0.15))
        centre = rng.uniform(0, shape)
        if placed and rng.random() < touching:
            centre, near = placed[rng.integers(len(placed))]
            way = rng.standard_normal(3)
            centre = centre + way / np.linalg.norm(way) * (near + size) * rng.uniform(0.8, 0.95)
            if not ((centre > 0) & (centre < shape)).all():
                continue
        axes = np.linalg.qr(rng.standard_normal((3, 3)))[0]
        stretch = np.exp(rng.normal(0, 0.15, 3))
        reach = size * stretch.max()
        box = tuple(slice(max(0, int(c - reach)), int(c + reach) + 2) for c in centre)
        part = truth[box]
        at = np.moveaxis(np.indices(part.shape), 0, -1) + [b.start for b in box] - centre
        inside = ((at @ axes / (size * stretch)) ** 2).sum(-1) < 1
        volume = inside.sum()
        if volume < 50 or (part[inside] > 0).sum() > 0.1 * volume:
            continue
        part[inside & (part == 0)] = len(placed) + 1
        placed.append((centre, size))
    light = np.append(0, rng.uniform(0.5, 1.0, len(placed)))[truth]
    grain = ndi.gaussian_filter(rng.standard_normal(shape), radius / 5)
    light *= 1 + 0.15 * grain / grain.std()
    middle = slice(step // 2, None, step)
    light, truth = ndi.gaussian_filter(light, (blur, 1, 1))[middle], truth[middle]
    counts = rng.poisson((0.08 + np.clip(light, 0, None)) * PHOTONS)
    noisy = (counts + rng.normal(0, 1, truth.shape)) / (1.8 * PHOTONS) * 255
    return np.clip(noisy, 0, 255).astype(np.uint8), truth


def compare(segmenter: Segmenter, stack: np.ndarray, truth: np.ndarray, step: int) -> dict:
    """Score of every way, and seconds for the maps and for the rest."""
    found = {}
    for directions in ("z", "zyx"):
        begin = time.perf_counter()
        maps = map_stack(segmenter.ensemble, stack, step, directions).maps
        mapped = time.perf_counter()
        cut = cut_volume(maps, step)
        done = time.perf_counter()
        slices = [segmenter.split(maps[:, z] / np.float32(255)).labels for z in range(len(stack))]
        linked = link_slices(np.stack(slices)).labels
        linked_at = time.perf_counter()
        found[directions, "cut"] = score_image(cut, truth), mapped - begin, done - mapped
        found[directions, "link"] = score_image(linked, truth), mapped - begin, linked_at - done
    return found


def reliability(segmenter: Segmenter, stack: np.ndarray, truth: np.ndarray, step: int) -> tuple:
    """Predicted and true IoU of the volumes that `segment_stack` finds by default."""
    result = segment_stack(segmenter, stack, anisotropy=step)
    true = best_iou(overlap_table(result.labels, truth))[0][1:]
    return result.table["predicted_iou"].to_numpy(), true


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--model", default="default")
    options = parser.parse_args()
    segmenter = Segmenter(options.model)
    segment_stack(segmenter, np.zeros((2, 32, 32)), anisotropy=1)  # compiles the kernels
    ways = [("zyx", "cut"), ("zyx", "link"), ("z", "cut"), ("z", "link")]
    names = {"zyx": "three directions", "z": "slices"}
    print("| mAP (nuclei) | truth | " + " | ".join(f"{names[d]}, {w}" for d, w in ways) + " |")
    print("| --- | " + "---: | " * (len(ways) + 1))
    everything = []
    trust = []
    for kind in options.kinds:
        stacks = [draw(seed, KINDS[kind]) for seed in options.seeds]
        step = KINDS[kind].step
        runs = [compare(segmenter, stack, truth, step) for stack, truth in stacks]
        everything += runs
        cells = [f"{mean(run['z', 'cut'][0].true_count for run in runs):.0f}"]
        for way in ways:
            scores = [run[way][0] for run in runs]
            count = mean(score.predicted_count for score in scores)
            cells.append(f"{mean(score.map for score in scores):.3f} ({count:.0f})")
        print(f"| {kind}, slices {step} px apart | " + " | ".join(cells) + " |", flush=True)
        pairs = [reliability(segmenter, stack, truth, step) for stack, truth in stacks]
        trust.append((kind, *(np.concatenate(part) for part in zip(*pairs, strict=True))))
    for label, index in (("maps", 1), ("maps to nuclei", 2)):
        times = [f"{mean(run[way][index] for run in everything):.2f}" for way in ways]
        print(f"| {label}, s a stack | | " + " | ".join(times) + " |")
    print("\n| default | predicted IoU, mean | true IoU, mean | rank correlation |")
    print("| --- | ---: | ---: | ---: |")
    for kind, predicted, true in trust:
        rank = spearmanr(predicted, true)[0]
        print(f"| {kind} | {predicted.mean():.2f} | {true.mean():.2f} | {rank:.2f} |")


if __name__ == "__main__":
    main()
