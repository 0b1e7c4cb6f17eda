"""Make docs/picture.png: images as `nucleisplit infer` draws them, side by side.

    python docs/make_picture.py IMAGE... [--side PIXELS] [--model NAME|PATH]

Of each image the middle is shown. The picture in README.md shows, in this order,
0ea221716cf13710214dcd331a61cea48308c3940df1d28cfc7fd817c83714e1.png of the Data Science Bowl 2018
and 07_1.png of TNBC.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from nucleisplit.batch.infer_batch import infer_batch

HERE = Path(__file__).parent
GAP = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGE")
    parser.add_argument("--side", type=int, default=400, help="of the squares shown, pixels")
    parser.add_argument("--model", default="default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        infer_batch(options.images, folder, model=options.model, device="cpu", overwrite=True)
        pictures = [Image.open(f"{folder}/{path.stem}_overlay.png") for path in options.images]
        row = np.full((options.side, 0, 3), 255, np.uint8)
        for picture in pictures:
            square = np.asarray(middle(picture.convert("RGB"), options.side))
            gap = np.full((options.side, GAP if row.size else 0, 3), 255, np.uint8)
            row = np.concatenate([row, gap, square], axis=1)
    Image.fromarray(row).quantize(256).save(HERE / "picture.png", optimize=True)


def middle(picture: Image.Image, side: int) -> Image.Image:
    """The square in the middle, of an image that is large enough."""
    left, top = ((length - side) // 2 for length in picture.size)
    if min(left, top) < 0:
        raise SystemExit(f"an image of {picture.size} has no {side} pixels each way")
    return picture.crop((left, top, left + side, top + side))


if __name__ == "__main__":
    main()
