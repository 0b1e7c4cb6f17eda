"""Images of a SpatialData, as spatialdata 0.7 lays them out; tests/pipelines has it write them."""

import numpy as np
import pytest

from nucleisplit.errors import InputError
from nucleisplit.images import PlaneChoice, open_image
from tests.strategies.zarrs import make_array, make_group


@pytest.fixture
def sample(tmp_path):
    """Write a SpatialData with images of given names, each filled with its number."""

    def write(*names, axes="cyx", systems=()):
        root = make_group(tmp_path / "sample.zarr")
        root.attrs["spatialdata_attrs"] = {"version": "0.2"}
        images = root.require_group("images")
        for number, name in enumerate(names):
            group = images.require_group(name)
            shape = (1, 8, 9) if len(axes) == 3 else (1, 5, 8, 9)
            make_array(group, shape, shape, name="0")[:] = np.full(shape, number)
            datasets = [{"path": "0", "coordinateTransformations": []}]
            scales = {"axes": [{"name": axis} for axis in axes], "datasets": datasets}
            scales["coordinateTransformations"] = list(systems)
            group.attrs["multiscales"] = [scales]
        return tmp_path / "sample.zarr"

    return write


def test_the_only_image_is_taken(sample):
    with open_image(sample("dapi")) as source:
        assert source.axes == "CYX"
        assert source.plane().read().tolist() == np.zeros((8, 9)).tolist()


def test_of_several_one_is_chosen_by_name(sample):
    path = sample("dapi", "membrane")
    choice = PlaneChoice(image="membrane")
    with open_image(path, choice) as source:
        assert source.plane(choice).read().tolist() == np.ones((8, 9)).tolist()


@pytest.mark.parametrize(
    ("names", "image", "message"),
    [
        ((), None, "is a SpatialData without images; name one with images"),
        (("a", "b"), None, "is a SpatialData of 2 images (a, b); choose one with --image NAME"),
        (("a", "b"), "c", "has no image c; its images are called a, b"),
    ],
)
def test_what_is_not_clear_is_asked(sample, names, image, message):
    path = sample(*names)
    with pytest.raises(InputError) as refused:
        open_image(path, PlaneChoice(image=image))
    assert str(refused.value) == f"{path}: {message}"


def test_other_axes_are_asked_for(sample):
    with (
        open_image(sample("a", axes="czyx")) as source,
        pytest.raises(
            InputError, match="has 5 slices .axes CZYX, shape 1x5x8x9.; choose with --z N"
        ),
    ):
        source.plane()


def test_a_name_for_another_zarr_is_refused(tmp_path):
    group = make_group(tmp_path / "a.zarr")
    make_array(group, (8, 9), (8, 9), name="0")
    with pytest.raises(InputError, match="is no SpatialData, whose images have names; leave out"):
        open_image(tmp_path / "a.zarr", PlaneChoice(image="x"))


def axes_of(letters, unit):
    return [{"name": "c", "type": "channel"}] + [
        {"name": letter, "type": "space", "unit": unit} for letter in letters
    ]


def to_system(name, kind, value=None, unit="unit", made="yx", given="yx"):
    """A transformation from pixels (c, y, x) as spatialdata writes it; parts have no name."""
    return {
        "type": kind,
        **({"transformations" if kind == "sequence" else kind: value} if value else {}),
        "input": {"name": "cyx", "axes": axes_of(given, "unit")},
        "output": {"name": name, "axes": axes_of(made, unit)},
    }


TO_UM = to_system("um", "scale", [1, 0.5, 0.25])
TURNED = [[1, 0, 0, 0], [0, -0.3, 0.4, 3], [0, 0.4, 0.3, 4]]
"""By some angle, to x and y in this order; half as large."""


@pytest.mark.parametrize(
    ("systems", "size"),
    [
        ([], None),
        ([to_system("global", "identity")], None),
        ([to_system("global", "scale", [1, 0.5, 0.25])], None),
        ([to_system("global", "scale", [1, 500, 250], "nanometer")], (0.5, 0.25)),
        ([to_system("um", "scale", [1, 0.5, 0.25], "pixel")], None),
        ([to_system("global", "identity"), TO_UM], (0.5, 0.25)),
        ([to_system("microns", "affine", TURNED, made="xy")], (0.5, 0.5)),
        ([to_system("um", "mapAxis", {"x": "y", "y": "x"}, made="xy")], (1, 1)),
        (
            [
                to_system(
                    "um",
                    "sequence",
                    [
                        to_system("global", "translation", [0, 5, 5]),
                        to_system("global", "affine", [[1, 0, 0, 0], [0, 0, 3, 0], [0, 2, 0, 0]]),
                        to_system("global", "scale", [1, 10, 100]),
                    ],
                )
            ],
            (200, 30),
        ),
        ([to_system("um", "affine", [[1, 0, 0, 0], [0, 1, 0.5, 0], [0, 0, 1, 0]])], None),
        ([TO_UM, to_system("nm", "scale", [1, 500, 251])], (0.5, 0.25)),
        ([TO_UM, to_system("nm", "scale", [1, 500, 260])], None),
        ([to_system("um", "scale", [1, 0, 0.25])], None),
        ([to_system("um", "byDimension", [])], None),
    ],
)
def test_the_size_of_a_pixel_is_that_of_a_system_in_micrometres(sample, systems, size):
    with open_image(sample("dapi", systems=systems)) as source:
        assert source.plane(PlaneChoice(channel=0)).pixel_size == pytest.approx(size)


def test_of_a_stack_the_distance_of_the_slices_too(sample):
    change = to_system("um", "scale", [1, 2, 0.5, 0.25], made="zyx", given="zyx")
    with open_image(sample("a", axes="czyx", systems=[change])) as source:
        assert source.stack().voxel_size == (2, 0.5, 0.25)
