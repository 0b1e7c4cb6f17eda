import numpy as np
import pytest

from nucleisplit import Segmenter
from nucleisplit.errors import Cancelled, InputError
from nucleisplit.viewer import computing
from nucleisplit.viewer.computing import Models, segment


@pytest.fixture(scope="module")
def tiled(model):
    """Several tiles for 64 x 160 pixels."""
    return Segmenter(model, device="cpu", tile=128, rescale=False)


def test_the_share_of_the_maps_is_said_and_then_that_nuclei_are_chosen(tiled, spots):
    image = spots(3, (64, 160), 12)[0]
    said = []
    result = segment(tiled, image, {}, say=lambda *what: said.append(what))
    maps = [share for what, share in said if what == "computing the maps"]
    tiles = len(maps)
    assert tiles > 1
    assert maps[0] is None
    assert maps[1:] == pytest.approx([i / tiles for i in range(1, tiles)])
    assert said[-1] == ("choosing the nuclei", None)
    assert np.array_equal(result.labels, tiled(image).labels)


def test_it_stops_between_two_tiles_and_the_model_can_be_used_again(tiled, spots):
    image = spots(3, (64, 160), 12)[0]
    before = tiled(image)
    said = []
    with pytest.raises(Cancelled):
        segment(
            tiled,
            image,
            {},
            say=lambda *what: said.append(what),
            cancelled=lambda: len(said) == 1,
        )
    assert said == [("computing the maps", None)]
    assert np.array_equal(tiled(image).labels, before.labels)


def test_a_cut_is_that_of_choosing_again(segmenter, crowd, result):
    cut = {"min_iou": 0.4, "min_area": 40, "split_bias": 0.5, "sensitivity": 0.25}
    cut["outline_bias"] = 0.5
    assert np.array_equal(segment(segmenter, crowd, cut).labels, result.reselect(**cut).labels)


def test_too_large_a_region_is_refused_before_it_is_computed(monkeypatch):
    monkeypatch.setattr(computing, "LARGEST", 100)
    with pytest.raises(InputError, match="slide: 20x30 pixels are too many for the viewer; draw"):
        segment(None, np.zeros((20, 30)), {}, name="slide")


def test_a_model_is_loaded_once_for_the_same_options(model):
    models = Models()
    first = models.get(model=str(model), diameter=None)
    assert models.get(model=str(model), diameter=None) is first
    assert models.get(model=str(model), diameter=20.0) is not first
