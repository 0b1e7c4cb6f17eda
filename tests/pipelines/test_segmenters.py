"""sopa and squidpy segment a toy dataset with a method of ours."""

import numpy as np
import pytest
import spatialdata
from spatialdata.models import Image2DModel

import nucleisplit
from nucleisplit.errors import InputError


@pytest.fixture(scope="module")
def segmenter():
    return nucleisplit.Segmenter()


def test_sopa_makes_cells_of_a_toy_dataset(tmp_path, segmenter, spots):
    import sopa

    image = Image2DModel.parse(spots[0][None], dims=("c", "y", "x"), c_coords=["DAPI"])
    made = spatialdata.SpatialData(images={"image": image})
    made.write(tmp_path / "toy.zarr")
    made = spatialdata.read_zarr(tmp_path / "toy.zarr")
    sopa.make_image_patches(made, patch_width=100, patch_overlap=40)
    sopa.segmentation.custom_staining_based(
        made,
        segmenter.for_sopa,
        channels="DAPI",
        key_added="nuclei",
        clip_limit=0,
        gaussian_sigma=0,
    )
    centres = made["nuclei"].centroid
    found = np.stack([centres.x, centres.y], axis=1)
    np.testing.assert_allclose(
        found[np.lexsort(found.T[::-1])], [(30, 6), (40, 60), (75, 95), (110, 60)], atol=3
    )


def test_squidpy_segments_an_image_container(segmenter, spots):
    import squidpy

    container = squidpy.im.ImageContainer(spots[0][..., None], layer="dapi")
    squidpy.im.segment(
        container, layer="dapi", method=segmenter.for_squidpy, layer_added="nuclei", channel=0
    )
    labels = np.squeeze(container["nuclei"].values)
    assert labels.shape == (120, 160)
    ours = labels[[60, 60, 95], [40, 110, 75]]
    assert len(set(ours.tolist()) - {0}) == 3


def test_other_channels_are_refused(segmenter):
    with pytest.raises(InputError, match=r"patch is \(2, 8, 8\); choose the channel of the nuclei"):
        segmenter.for_sopa(np.zeros((2, 8, 8)))
