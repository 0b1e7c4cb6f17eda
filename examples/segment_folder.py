"""Segment every image of a folder, and sum up each image in one row of a table.

    python examples/segment_folder.py examples/images results

`nucleisplit infer` writes one row per nucleus; this writes `summary.csv`, one row per image, with
figures of your own choice, and a label image and outlines for QuPath for each.
"""

import argparse
from pathlib import Path

import pandas as pd

import nucleisplit
from nucleisplit.endings import stem_of
from nucleisplit.images import find_images, read_image
from nucleisplit.labels import write_geojson, write_labels
from nucleisplit.tables import write_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("images", type=Path, help="folder of images")
    parser.add_argument("out", type=Path, help="folder to write into")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)

    segmenter = nucleisplit.Segmenter()  # the model is loaded once, for all images
    rows = []
    for path in find_images([arguments.images]):
        try:
            result = segmenter.segment(read_image(path), name=path.name)
        except nucleisplit.NucleisplitError as error:  # one bad image does not stop the others
            print(error)
            continue
        write_labels(arguments.out / f"{stem_of(path)}_labels.tif", result.labels, overwrite=True)
        write_geojson(
            arguments.out / f"{stem_of(path)}.geojson", result.labels, result.table, overwrite=True
        )

        # A nucleus that the edge of the image cuts off has no size to speak of.
        whole = result.table[~result.table["touches_edge"]]
        rows.append(
            {
                "image": path.name,
                "nuclei": result.nuclei,
                "median_area": whole["area"].median(),
                "median_intensity": whole["intensity_mean"].median(),
                "covered": (result.labels > 0).mean(),  # share of the image
                "predicted_map": result.predicted_map,
                "look_at_it": result.doubtful,
            }
        )
    write_table(arguments.out / "summary.csv", pd.DataFrame(rows), overwrite=True)
    print(f"{len(rows)} images: {arguments.out / 'summary.csv'}")


if __name__ == "__main__":
    main()
