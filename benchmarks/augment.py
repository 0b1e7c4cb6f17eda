"""How many training crops one core cuts and augments a second.

    python benchmarks/augment.py [--crops 200] [--repeat 3]

Rates are the best of several passes, by the clock of the process, so that other work on the machine
disturbs them little; on synthetic images, with cv2 and torch on one thread, as the processes of the
loader run them.
"""

import argparse
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

from make_images import fluorescence, nuclei, tissue

from stage1_unet import Pair, TrainConfig
from stage1_unet.data import CropDataset

ROWS = {
    **{name: {"augment": name} for name in ("none", "light", "default", "kinds")},
    "default, every crop with pasted nuclei": {"paste_share": 1.0},
    "default, every crop cut into another": {"mix": "cutmix", "mix_share": 1.0},
}
SIDES, SHAPE = (192, 256), (256, 320)


def pairs() -> list[Pair]:
    """Eight images, half gray and half stained, with their true labels, which are drawn first."""
    return [
        Pair.prepare(draw(seed, SHAPE, 60, 10), nuclei(np.random.default_rng(seed), SHAPE, 60, 10))
        for seed in range(4)
        for draw in (fluorescence, tissue)
    ]


def rate(crops: CropDataset, count: int, repeat: int) -> float:
    """Crops a second, the best of several passes."""
    seconds = []
    for _ in range(repeat):
        begin = time.process_time()
        for number in range(count):
            crops[number]
        seconds.append(time.process_time() - begin)
    return count / min(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--crops", type=int, default=200)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    data = pairs()
    print(f"{'crops a second on one core':40}" + "".join(f"{side:>6} px" for side in SIDES))
    for name, settings in ROWS.items():
        rates = [
            rate(
                CropDataset(data, TrainConfig(crop=side, **settings)), options.crops, options.repeat
            )
            for side in SIDES
        ]
        print(f"{name:40}" + "".join(f"{value:9.0f}" for value in rates))


if __name__ == "__main__":
    main()
