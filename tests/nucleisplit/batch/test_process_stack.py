"""``nucleisplit infer --z each`` and ``--z 3d``."""

import json

import numpy as np
import pandas as pd
import pytest
import tifffile
from click.testing import CliRunner

from nucleisplit import Segmenter
from nucleisplit.cli.main import main
from nucleisplit.images import PlaneChoice, open_image
from nucleisplit.measure import Measures
from nucleisplit.stacks import VOLUME_COLUMNS


@pytest.fixture(scope="module")
def stack(tmp_path_factory, spots):
    """Six slices of the same spots, brightest in the middle, 2 pixels apart."""
    image = spots(1)[0].astype(float)
    light = np.array([0.3, 0.7, 1, 1, 0.7, 0.3])[:, None, None]
    path = tmp_path_factory.mktemp("stack") / "stack.tif"
    metadata = {"axes": "ZYX", "spacing": 1.0, "unit": "um"}
    pixels = (image * light).astype(np.uint8)
    tifffile.imwrite(path, pixels, imagej=True, metadata=metadata, resolution=(2, 2))
    return path


@pytest.fixture
def infer(stack, tmp_path, model):
    def run(*words):
        words = ("infer", stack, "--out", tmp_path / "out", "--model", model, *words)
        return CliRunner().invoke(main, [str(word) for word in words]), tmp_path / "out"

    return run


def test_every_slice_as_an_image(infer, stack, model):
    result, out = infer("--z", "each")
    assert result.exit_code == 0, result.output
    labels, table = tifffile.imread(out / "stack_labels.tif"), pd.read_csv(out / "nuclei.csv")
    assert labels.shape == (6, 64, 64)
    assert list(table.columns) == ["image", "slice", *Measures().columns(sized=True)]
    assert table["label"].tolist() == list(range(1, labels.max() + 1))
    with open_image(stack) as source:
        alone = Segmenter(model, device="cpu").segment(source.plane(PlaneChoice(z=2)).read())
    rows = table[table["slice"] == 2]
    first = rows["label"].min()
    assert np.array_equal(np.where(labels[2] > 0, labels[2] - first + 1.0, 0), alone.labels)
    assert rows["area"].tolist() == alone.table["area"].tolist()
    assert (out / "stack_overlay.png").is_file()


def test_nuclei_in_3d(infer, stack, model):
    result, out = infer("--z", "3d")
    assert result.exit_code == 0, result.output
    table = pd.read_csv(out / "nuclei.csv")
    assert list(table.columns) == ["image", *VOLUME_COLUMNS]
    labels = tifffile.imread(out / "stack_labels.tif")
    with open_image(stack) as source:
        alone = Segmenter(model, device="cpu").segment_stack(source.stack())
    assert np.array_equal(labels, alone.labels)
    assert table["volume"].tolist() == np.bincount(labels.ravel())[1:].tolist()
    assert len(table) > 0
    entry = json.loads((out / "run.json").read_text())["images"][0]
    assert (entry["slices"], entry["anisotropy"]) == (6, 2)
    assert entry["voxel_size_um"] == [1.0, 0.5, 0.5]


def test_a_finished_stack_is_not_done_again(infer):
    infer("--z", "each")
    result, _ = infer("--z", "each", "--resume")
    assert result.exit_code == 0 and "1 by an earlier run" in result.output
    result, _ = infer("--z", "3d", "--resume")
    assert result.exit_code == 2 and "was begun with z each" in result.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--z", "each", "--write", "geojson"], "geojson hold no stacks"),
        (["--z", "3d", "--sensitivity", 1], "sensitivity is 1.0, and nuclei cut in 3-D know none"),
        (["--z", "some"], "'some' is neither max, each, 3d nor the number"),
        ([], "--z N (infer: or max, each, 3d)"),
    ],
)
def test_refused(infer, words, message):
    result, _ = infer(*words)
    assert result.exit_code in (1, 2) and message in result.output


def test_a_stack_that_does_not_say_how_far_its_slices_are_apart(infer, stack):
    tifffile.imwrite(stack.with_name("bare.tif"), tifffile.imread(stack), metadata={"axes": "ZYX"})
    bare = stack.with_name("bare.tif")
    result, out = infer(bare, "--z", "3d")
    assert result.exit_code == 1
    assert "bare.tif: the distance of its slices is not known" in result.output
    assert (out / "stack_labels.tif").is_file() and not (out / "bare_labels.tif").exists()
    result, out = infer(bare, "--z", "3d", "--anisotropy", 2, "--overwrite")
    assert result.exit_code == 0 and (out / "bare_labels.tif").is_file()
