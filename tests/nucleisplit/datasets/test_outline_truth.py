"""Outlines of other programs as truth: for ``evaluate`` and for training."""

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from nucleisplit.cli.main import main
from nucleisplit.datasets import find_label_sources, load_dataset
from nucleisplit.errors import DatasetError, InputError
from nucleisplit.labels import FORMATS

OUTLINES = ("geojson", "roi", "coco", "coco-polygons", "submission")


@pytest.fixture(params=OUTLINES)
def entry(request):
    return FORMATS[request.param]


@pytest.fixture
def drawn(spots):
    return {name: spots(number) for number, name in enumerate("abcd")}


def save(folder, drawn):
    folder.mkdir(parents=True)
    for name, (image, _) in drawn.items():
        Image.fromarray(image).save(folder / f"{name}.png")


def test_a_dataset_of_outlines(tmp_path, drawn, entry):
    save(tmp_path / "images", drawn)
    for name, (_, labels) in drawn.items():
        entry.write(tmp_path / "labels" / f"{name}{entry.ending}", labels)
    dataset = load_dataset(tmp_path)
    assert [record.image_id for record in dataset.records] == list("abcd")
    for record in dataset.records:
        image, labels, _ = record.read()
        assert image.shape == labels.shape
        assert ((labels > 0) >= (drawn[record.image_id][1] > 0)).mean() > 0.99
    for name, source in find_label_sources(tmp_path).items():
        assert np.array_equal(source.read() > 0, drawn[name][1] > 0)


def test_outlines_beside_their_images_are_truth_for_evaluate(tmp_path, drawn, entry):
    save(tmp_path / "truth", drawn)
    for name, (_, labels) in drawn.items():
        entry.write(tmp_path / "truth" / f"{name}{entry.ending}", labels)
        FORMATS["tiff"].write(tmp_path / "found" / f"{name}_labels.tif", labels)
    result = CliRunner().invoke(
        main, ["evaluate", *map(str, (tmp_path / "found", tmp_path / "truth"))]
    )
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[1].split()[:5] == ["all", "4", "28", "28", "1.000"]


def test_predictions_without_images_take_the_size_of_the_truth(tmp_path, drawn, entry):
    truth, found = tmp_path / "a.tif", tmp_path / f"other{entry.ending}"
    FORMATS["tiff"].write(truth, drawn["a"][1])
    entry.write(found, drawn["a"][1])
    result = CliRunner().invoke(main, ["evaluate", str(found), str(truth)])
    assert result.exit_code == 0 and " 1.000" in result.output


def test_outlines_of_another_image_are_refused(tmp_path, drawn):
    Image.fromarray(drawn["a"][0][:, 1:]).save(tmp_path / "a.png")
    FORMATS["geojson"].write(tmp_path / "a.geojson", drawn["a"][1])
    (source,) = find_label_sources(tmp_path).values()
    with pytest.raises(InputError, match="of 64x64 pixels, this one has 64x63"):
        source.read()


def test_two_label_files_of_one_image_are_refused(tmp_path, drawn):
    save(tmp_path / "images", drawn)
    for ending in ("tif", "geojson"):
        FORMATS[{"tif": "tiff"}.get(ending, ending)].write(
            tmp_path / "labels" / f"a.{ending}", drawn["a"][1]
        )
    with pytest.raises(DatasetError, match=r"a.geojson: has the same stem as a.tif"):
        load_dataset(tmp_path)


def test_what_infer_wrote_counts_once(tmp_path, drawn):
    for ending in ("_labels.tif", ".geojson", ".ome.tif"):
        name = {"_labels.tif": "tiff", ".geojson": "geojson", ".ome.tif": "ome-tiff"}[ending]
        FORMATS[name].write(tmp_path / f"a{ending}", drawn["a"][1])
    (source,) = find_label_sources(tmp_path).values()
    assert source.paths == (tmp_path / "a_labels.tif",)
