"""Cut out the most doubtful nuclei of a folder of images, to be looked at one by one.

    python examples/review_doubtful.py examples/images review --count 12

writes `001.png`, `002.png`, ..., the most doubtful first, each with the outline found and some of
its surroundings, and `review.csv`, which says of each where it is, how much it is to be trusted and
what it could be instead. Its empty column `verdict` is for you to fill in.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

import nucleisplit
from nucleisplit.images import find_images, read_image
from nucleisplit.overlay import draw_outlines, for_display
from nucleisplit.tables import write_table

MARGIN = 20  # pixels around the nucleus
ENLARGED = 4


def cut_out(image: np.ndarray, labels: np.ndarray, row: pd.Series) -> Image.Image:
    """The surroundings of one nucleus, enlarged, with its outline and no others."""
    top, left, bottom, right = (int(row[f"bbox-{i}"]) for i in range(4))
    area = np.s_[max(0, top - MARGIN) : bottom + MARGIN, max(0, left - MARGIN) : right + MARGIN]
    picture = for_display(image)[area].repeat(ENLARGED, axis=0).repeat(ENLARGED, axis=1)
    mask = (labels[area] == row["label"]).repeat(ENLARGED, axis=0).repeat(ENLARGED, axis=1)
    draw_outlines(picture, mask.astype(np.int32), np.array([row["predicted_iou"]]))
    return Image.fromarray(picture)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("images", type=Path, help="folder of images")
    parser.add_argument("out", type=Path, help="folder to write into")
    parser.add_argument("--count", type=int, default=20, help="how many nuclei (20)")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)

    segmenter = nucleisplit.Segmenter()
    found, tables = {}, []
    for path in find_images([arguments.images]):
        image = read_image(path)
        result = segmenter(image)
        found[path.name] = image, result.labels
        # What each nucleus could be instead (merged or split), and how close that was.
        closest = result.runner_up()[["label", "kind", "other_iou", "margin"]]
        tables.append(result.table.merge(closest, on="label").assign(image=path.name))

    # Lowest predicted IoU first: that is where a look pays most.
    doubtful = pd.concat(tables).sort_values("predicted_iou").head(arguments.count)
    for number, (_, row) in enumerate(doubtful.iterrows(), start=1):
        cut_out(*found[row["image"]], row).save(arguments.out / f"{number:03d}.png")

    doubtful.insert(0, "picture", [f"{n:03d}.png" for n in range(1, len(doubtful) + 1)])
    columns = ["picture", "image", "label", "centroid-0", "centroid-1", "predicted_iou", "kind"]
    listed = doubtful[[*columns, "other_iou", "margin"]].assign(verdict="")
    write_table(arguments.out / "review.csv", listed, overwrite=True)
    print(f"{len(listed)} nuclei: {arguments.out / 'review.csv'}")


if __name__ == "__main__":
    main()
