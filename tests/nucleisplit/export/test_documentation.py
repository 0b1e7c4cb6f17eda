import re

import pytest

from nucleisplit.export.documentation import write_readme

SCORES = {
    "methods": {
        "threshold": {"overall": {"map": 0.5837, "images": 7}},
        "trees": {"overall": {"map": 0.6071, "images": 7}},
    },
    "thresholds": {"seed": 0.5, "body": 0.7, "border_weight": 1.0, "min_seed_area": 10},
}


def test_a_readme_has_the_facts_of_the_model(card):
    text = write_readme(card, "A title")
    assert text.startswith("# A title\n") and "## Validation" in text
    assert card.bundle.fingerprint in text and card.bundle.manifest.data in text
    assert "multiples of 4 pixels" in text and "halo of 32" in text and "68 pixels" in text
    assert "Percentile 1 of the image becomes 0 and percentile 99.8 becomes 1" in text
    assert "is no part of this package" in text and "nucleisplit infer images/ --model" in text
    assert "mAP of the Data Science Bowl" not in text and "were never tuned" in text
    assert "BBBC038" not in text


def test_scores_are_those_of_the_manifest(make_model, card_of):
    text = write_readme(card_of(make_model(scores=SCORES)), "A title")
    assert "| maps, watershed | 0.584 |\n| maps, second stage | 0.607 |" in text
    assert "of the 7 training images" in " ".join(text.split())
    assert "pixels where body * (1 - separation) * (1 - border) exceeds `--seed`" in text
    options = "--seed 0.5 --body 0.7 --border-weight 1 --min-seed-area 10"
    assert f"python labels_from_maps.py maps.npy labels.tif {options}\n" in text


def test_the_bundled_model_cites_its_data(card_of):
    text = write_readme(card_of("default"), "A title")
    assert "https://bbbc.broadinstitute.org/BBBC038" in text and "10.1038/nmeth.2083" in text


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"preprocess": {"polarity": "invert"}}, ["`scale_linear`", "1 of a constant image"]),
        ({"preprocess": {"variant": "lh"}}, ["has no words for", "variant='lh'"]),
        ({"predict": {"tta": "d4", "scales": (1, 1.25)}}, ["turns: d4; scales: 1, 1.25"]),
    ],
)
def test_what_differs_is_said(make_model, card_of, settings, words):
    text = write_readme(card_of(make_model(**settings)), "A title")
    assert all(word in text for word in words)
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        compile(code, "README.md", "exec")
