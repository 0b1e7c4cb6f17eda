"""Make docs/augmentation.png: what training makes of synthetic images, one row per setting.

    python docs/make_augmentation_sheet.py

A column shows crops at one place of one image, with what the network is to learn: the border in
yellow and the separation in red. Pixels that do not count in the loss are grayed out.
"""

import sys
from itertools import count
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from stage1_unet import Pair, TrainConfig
from stage1_unet.data import CropDataset

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

from make_images import fluorescence, nuclei, tissue

SIDE, GAP, TITLE = 112, 4, 76
ROWS = {
    "none": {"augment": "none"},
    "light": {"augment": "light"},
    "default": {"augment": "default"},
    " ": {"augment": "default", "seed": 1},
    "kinds": {"augment": "kinds"},
    "  ": {"augment": "kinds", "seed": 1},
    "pasted\nnuclei": {"augment": "none", "paste_share": 1.0, "paste_nuclei": 16},
    "MixUp": {"augment": "none", "mix": "mixup", "mix_share": 1.0},
    "CutMix": {"augment": "none", "mix": "cutmix", "mix_share": 1.0},
}
COLUMNS = 8


def pairs() -> list[Pair]:
    """Four images with their true labels, which each drawing places first."""
    found = []
    for draw, seed, number, radius in (
        (fluorescence, 1, 24, 12),
        (tissue, 4, 80, 9),
        (fluorescence, 2, 75, 10),
        (tissue, 5, 50, 12),
    ):
        shape = (256, 320)
        labels = nuclei(np.random.default_rng(seed), shape, number, radius)
        found.append(Pair.prepare(draw(seed, shape, number, radius), labels))
    return found


def picture(crops: CropDataset, number: int) -> np.ndarray:
    """One crop with its targets drawn in."""
    image, targets, weights = (array.numpy() for array in crops[number])
    pixels = image.transpose(1, 2, 0).copy()
    pixels[weights[0] == 0] = 0.5
    pixels[targets[1] > 0.5] = (1, 0.85, 0)
    pixels[targets[2] > 0.5] = (0.9, 0.1, 0.1)
    return np.rint(pixels * 255).astype(np.uint8)


def main() -> None:
    data, step = pairs(), SIDE + GAP
    sheet = Image.new("RGB", (TITLE + COLUMNS * step, len(ROWS) * step), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for row, (title, settings) in enumerate(ROWS.items()):
        crops = CropDataset(data, TrainConfig(crop=SIDE, **{"scale": (0.9, 1.3), **settings}))
        draw.text((4, row * step + SIDE // 2), title, "black", font, anchor="lm")
        for column in range(COLUMNS):
            number = next(n for n in count(column * 100) if crops.source(n) == column % len(data))
            place = TITLE + column * step, row * step
            sheet.paste(Image.fromarray(picture(crops, number)), place)
    path = Path(__file__).with_name("augmentation.png")
    sheet.quantize(224, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main()
