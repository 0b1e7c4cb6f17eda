"""A large image is measured as it would be in one piece, whatever is asked for."""

import numpy as np
import pandas as pd
import pytest
import tifffile

from nucleisplit.images import PlaneChoice, open_image
from nucleisplit.labels import read_labels
from nucleisplit.measure import GROUPS, Measures, measure
from nucleisplit.segmenter import Segmenter
from nucleisplit.tiled import TileStore, segment_large


@pytest.fixture
def channels(tmp_path, spots):
    """Two channels of a field, with the size of a pixel."""
    image = spots(3, (260, 420), 170)[0]
    pixels = np.stack([255 - image, image])
    sizes = {"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.25}
    metadata = {"axes": "CYX", "Channel": {"Name": ["stain", "DAPI"]}, **sizes}
    tifffile.imwrite(tmp_path / "field.ome.tif", pixels, metadata=metadata, ome=True)
    return tmp_path / "field.ome.tif", pixels


@pytest.mark.parametrize("groups", [tuple(GROUPS), ()])
def test_tiles_measure_what_the_whole_measures(tmp_path, model, channels, groups):
    path, pixels = channels
    measures = Measures(groups, "all", 20)
    segmenter = Segmenter(model, device="cpu", tile=256, measures=measures)
    files = [tmp_path / name for name in ("labels.tif", "nuclei.csv")]
    with open_image(path) as source:
        plane = source.plane(PlaneChoice(channel="DAPI"))
        result = segment_large(plane, segmenter, TileStore(tmp_path / "tiles", {}), *files)
        assert plane.all_channels().shape == (260, 420, 2)
    labels, table = read_labels(files[0]), pd.read_csv(files[1])
    assert result.tiles > 1 and result.nuclei > 50
    assert result.columns == list(table)
    assert result.neighbour_radius == (20 if groups else None)
    whole = measure(
        labels,
        pixels[1],
        table["predicted_iou"],
        table["threshold"],
        measures,
        channels=pixels.transpose(1, 2, 0),
        pixel_size=(0.25, 0.5),
    )
    assert table.pop("image").unique().tolist() == ["image"]
    pd.testing.assert_frame_equal(table, whole, check_dtype=False, rtol=1e-5)
