"""``nucleisplit infer --measure`` and its relatives."""

import json

import numpy as np
import pandas as pd
import pytest
import tifffile
from click.testing import CliRunner

from nucleisplit.cli.main import main
from nucleisplit.cli.measure_options import GROUP_NAMES
from nucleisplit.measure import GROUPS, Measures


@pytest.fixture
def infer(tmp_path, model, spots):
    image = spots(2)[0]
    pixels = np.stack([image, 255 - image])
    names = {"Channel": {"Name": ["DAPI", "actin"]}}
    path = tmp_path / "cells.ome.tif"
    tifffile.imwrite(path, pixels, metadata={"axes": "CYX", **names}, ome=True)

    def run(*words):
        words = ("infer", path, "--channel", "DAPI", "--model", model, "--device", "cpu", *words)
        result = CliRunner().invoke(main, [str(word) for word in words])
        return result, tmp_path / "cells-nuclei"

    return run


def test_names_of_the_groups():
    assert tuple(sorted(GROUPS)) == tuple(sorted(GROUP_NAMES))


def test_what_is_asked_for_is_measured(infer):
    words = ("--measure", "intensity,texture,neighbours", "--measure-channels", "all")
    result, out = infer(*words, "--neighbour-radius", 30, "--h5ad")
    assert result.exit_code == 0, result.output
    table = pd.read_csv(out / "nuclei.csv")
    measures = Measures(("intensity", "texture", "neighbours"), "all", 30)
    assert list(table) == ["image", *measures.columns(channels=2)]
    np.testing.assert_allclose(table["intensity_mean-0"], table["intensity_mean"])
    np.testing.assert_allclose(table["intensity_mean-1"], 255 - table["intensity_mean"], rtol=1e-5)
    run = json.loads((out / "run.json").read_text())
    assert run["parameters"]["measure"] == ["intensity", "texture", "neighbours"]
    assert run["parameters"]["measure_channels"] == "all"
    (entry,) = run["images"]
    assert (entry["neighbour_radius"], entry["channels"]) == (30, ["DAPI", "actin"])
    assert (out / "nuclei.h5ad").is_file()


@pytest.mark.parametrize(("word", "groups"), [("all", tuple(GROUPS)), ("none", ())])
def test_all_and_none(infer, word, groups):
    result, out = infer("--measure", word)
    assert result.exit_code == 0, result.output
    assert list(pd.read_csv(out / "nuclei.csv")) == ["image", *Measures(groups).columns()]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--measure", "shape,colour"], "'colour' is none of shape, intensity, texture"),
        (["--measure-channels", "some"], "'some' is not one of"),
        (["--neighbour-radius", "0"], "0.0 is not in the range x>0"),
    ],
)
def test_refused(infer, words, message):
    result, out = infer(*words)
    assert result.exit_code == 2 and message in result.output and not out.exists()
