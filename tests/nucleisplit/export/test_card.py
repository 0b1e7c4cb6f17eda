import json
from dataclasses import replace

import pytest

from nucleisplit.export.documentation import write_readme


def test_a_model_of_ones_own(card):
    assert (card.name, card.stride, card.halo, card.smallest) == ("tiny", 4, 32, 68)
    assert (card.authors, card.license, card.bowl, card.missing) == ((), None, False, ())
    network = card.bundle.networks()[0]
    assert card.parameters == sum(value.numel() for value in network.parameters())


def test_a_bundled_model_has_authors_and_a_license(card_of):
    card = card_of("default")
    assert card.name == "default" and card.bowl
    assert card.authors == ("The nucleisplit maintainers",) and card.license == "BSD-3-Clause"
    card = card_of("default", ["A. Name", "B. Name"], "CC-BY-4.0")
    assert card.authors == ("A. Name", "B. Name") and card.license == "CC-BY-4.0"


def test_metadata_are_texts(card):
    metadata = card.metadata
    assert metadata["fingerprint"] == card.bundle.fingerprint
    assert metadata["version"] == card.bundle.manifest.nucleisplit
    assert (metadata["name"], metadata["stride"]) == ("tiny", "4")
    assert metadata["channels"] == "body,border,separation"
    assert json.loads(metadata["preprocess"])["high"] == 99.8


def test_classes_are_told(card):
    assert "classes" not in card.metadata and "classes of nuclei" not in write_readme(card, "A")
    manifest = card.bundle.manifest.model_copy(update={"classes": ("round", "long, thin")})
    card = replace(card, bundle=replace(card.bundle, manifest=manifest))
    assert json.loads(card.metadata["classes"]) == ["round", "long, thin"]
    assert "classes of nuclei, too (round, long, thin)" in write_readme(card, "A title")


@pytest.mark.parametrize(("halo", "rounded", "smallest"), [(0, 0, 4), (10, 12, 28), (12, 12, 28)])
def test_the_halo_is_a_multiple_of_the_stride(make_model, card_of, halo, rounded, smallest):
    card = card_of(make_model(predict={"halo": halo}))
    assert (card.halo, card.smallest) == (rounded, smallest)


@pytest.mark.parametrize(
    ("preprocess", "expressible"),
    [
        ({}, True),
        ({"polarity": "invert", "low": 0, "high": 100}, True),
        ({"polarity": "auto"}, False),
        ({"variant": "gray"}, False),
        ({"variant": "clahe"}, False),
        ({"variant": "lh", "polarity": "invert"}, False),
        ({"low": 0.1, "high": 0.9}, False),
    ],
)
def test_what_the_format_has_words_for(make_model, card_of, preprocess, expressible):
    assert card_of(make_model(preprocess=preprocess)).expressible is expressible
