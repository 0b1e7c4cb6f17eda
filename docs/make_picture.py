"""Make docs/picture.png: two example images as `nucleisplit infer` draws them, side by side.

python docs/make_picture.py [--model NAME|PATH]
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from nucleisplit.batch.infer_batch import infer_batch

HERE = Path(__file__).parent
NAMES = ("cells_crowded", "tissue")
GAP = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="default")
    model = parser.parse_args().model
    images = [HERE.parent / "examples" / "images" / f"{name}.png" for name in NAMES]
    with tempfile.TemporaryDirectory() as folder:
        infer_batch(images, folder, model=model, device="cpu", overwrite=True)
        pictures = [np.asarray(Image.open(f"{folder}/{name}_overlay.png")) for name in NAMES]
    height = max(picture.shape[0] for picture in pictures)
    gap = np.full((height, GAP, 3), 255, np.uint8)
    row = np.concatenate([pictures[0], gap, pictures[1]], axis=1)
    Image.fromarray(row).save(HERE / "picture.png", optimize=True)


if __name__ == "__main__":
    main()
