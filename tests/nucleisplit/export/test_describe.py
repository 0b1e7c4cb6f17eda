import re
import shutil

import pytest

from nucleisplit.export.credits import BOWL_URL
from nucleisplit.export.describe import describe_package, title_of


def ids(steps):
    return [step["id"] for step in steps]


def test_percentiles_are_taken_over_all_channels(card):
    (image,) = describe_package(card)["inputs"]
    scale, clip = image["preprocessing"]
    assert scale["id"] == "scale_range"
    assert scale["kwargs"] == {
        "axes": ["channel", "y", "x"],
        "min_percentile": 1.0,
        "max_percentile": 99.8,
        "eps": 1e-6,
    }
    assert clip == {"id": "clip", "kwargs": {"min": 0.0, "max": 1.0}}
    assert image["data"]["range"] == [None, None]


@pytest.mark.parametrize(
    ("preprocess", "steps", "values"),
    [
        ({"polarity": "invert"}, ["scale_range", "clip", "scale_linear"], [None, None]),
        ({"variant": "lh"}, [], [0, 1]),
    ],
)
def test_other_ways_to_prepare_images(make_model, card_of, preprocess, steps, values):
    (image,) = describe_package(card_of(make_model(preprocess=preprocess)))["inputs"]
    assert ids(image["preprocessing"]) == steps and image["data"]["range"] == values


def test_sizes_and_halo(card, make_model, card_of):
    content = describe_package(card)
    assert content["inputs"][0]["axes"][2]["size"] == {"min": 68, "step": 4}
    assert content["outputs"][0]["axes"][3] == {
        "type": "space",
        "id": "x",
        "size": {"tensor_id": "image", "axis_id": "x"},
        "halo": 32,
    }
    content = describe_package(card_of(make_model(predict={"halo": 0})))
    assert content["inputs"][0]["axes"][2]["size"] == {"min": 4, "step": 4}
    assert "halo" not in content["outputs"][0]["axes"][3]


def test_only_what_is_known_is_said_of_a_model_of_ones_own(card, card_of):
    own, bundled = describe_package(card), describe_package(card_of("default"))
    assert own["authors"] == [] and not {"license", "training_data"} & set(own)
    assert [entry["doi"] for entry in own["cite"]] == ["10.1007/978-3-319-24574-4_28"]
    assert bundled["training_data"]["source"] == BOWL_URL
    assert bundled["license"] == "BSD-3-Clause" and len(bundled["cite"]) == 3
    assert set(bundled["tags"]) - set(own["tags"]) == {
        "fluorescence-light-microscopy",
        "transmission-light-microscopy",
        "dsb2018",
    }
    assert own["config"]["nucleisplit"] == card.metadata


def test_a_title_has_the_letters_that_are_allowed(card, model, tmp_path, card_of):
    assert title_of(card) == "nucleisplit tiny - maps of nuclei"
    folder = shutil.copytree(model, tmp_path / f"m, é.1{'x' * 40}")
    title = title_of(card_of(folder))
    assert re.fullmatch(r"[A-Za-z0-9_+() -]{5,64}", title) and title.startswith("nucleisplit m- -1")
