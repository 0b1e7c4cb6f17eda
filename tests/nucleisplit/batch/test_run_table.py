"""One table of images that have different columns."""

import numpy as np
import pandas as pd
import pytest
import tifffile

from nucleisplit.batch.infer_batch import infer_batch
from nucleisplit.batch.run_table import columns_of, types_of, write_run_table
from nucleisplit.errors import ConfigError
from nucleisplit.images import PlaneChoice
from nucleisplit.measure import Measures

GRAY = {"columns": ["image", "label", "area"], "rows": '"a,\n1",1,7\n"a,\n1",2,8\n'}
SIZED = {"columns": ["image", "label", "area", "area_um2"], "rows": "b,1,4,1.5\n"}
FAILED = {"status": "failed"}


def test_columns_are_those_that_any_image_has():
    chosen = PlaneChoice(), Measures()
    assert columns_of(*chosen, [GRAY, FAILED, SIZED]) == ["image", "label", "area", "area_um2"]
    assert columns_of(*chosen, [FAILED]) == ["image", *Measures().columns()]
    assert columns_of(PlaneChoice(z="each"), Measures())[:3] == ["image", "slice", "label"]
    assert types_of(["image", "slice", "area", "area_um2", "touches_edge"], PlaneChoice()) == {
        "image": "string",
        "slice": "int64",
        "area": "int64",
        "area_um2": "float64",
        "touches_edge": "bool",
    }


def test_cells_that_an_image_does_not_have_are_empty(tmp_path):
    (tmp_path / "rows.csv").write_text("image,area_um2,label\nc,2.5,9\n")
    large = {"columns": ["image", "area_um2", "label"], "rows_file": "rows.csv"}
    path = tmp_path / "nuclei.csv"
    write_run_table(path, SIZED["columns"], [GRAY, FAILED, SIZED, large], tmp_path)
    assert path.read_text().splitlines() == [
        "image,label,area,area_um2",
        '"a,',
        '1",1,7,',
        '"a,',
        '1",2,8,',
        "b,1,4,1.5",
        "c,9,,2.5",
    ]
    assert pd.read_csv(path)["image"].tolist() == ["a,\n1", "a,\n1", "b", "c"]


@pytest.fixture
def images(tmp_path, spots):
    """Gray, colour, and of known pixel size, also computed in tiles."""
    folder = tmp_path / "images"
    folder.mkdir()
    gray = spots(0)[0]
    tifffile.imwrite(folder / "gray.tif", gray)
    colours = np.dstack([gray, gray // 2, 255 - gray])
    tifffile.imwrite(folder / "colour.tif", colours, photometric="rgb")
    sized = {"resolution": (2e4, 2e4), "resolutionunit": "CENTIMETER", "photometric": "minisblack"}
    tifffile.imwrite(folder / "sized.tif", gray, **sized)
    tifffile.imwrite(folder / "large.tif", np.tile(gray, (1, 5)), **sized)
    return folder


def test_images_of_all_kinds_make_one_table_however_the_run_went(images, tmp_path, model):
    options = {"model": model, "device": "cpu", "tile": 256, "parquet": True, "h5ad": True}
    report = infer_batch([images], tmp_path / "out", **options)
    table = pd.read_csv(tmp_path / "out" / "nuclei.csv")
    assert list(table) == ["image", *Measures().columns(channels=3, sized=True)]
    assert not report.failed and len(table) == report.nuclei > 20
    known = table.set_index("image").notna()
    size, channel = known["area_um2"], known["intensity_mean-2"]
    assert size.index[size].unique().tolist() == ["large.tif", "sized.tif"]
    assert channel.index[channel].unique().tolist() == ["colour.tif"]
    assert known["intensity_std"].all()
    sized = table[size.to_numpy()]
    np.testing.assert_allclose(sized["area_um2"], sized["area"] / 4, rtol=1e-5)
    large = table[table["image"] == "large.tif"]
    entry = next(e for e in report.images if e["image"] == "large.tif")
    radius = 3 * np.sqrt(4 / np.pi * large["area"].median())
    assert entry["tiles"] > 1 and entry["neighbour_radius"] == pytest.approx(radius, abs=0.01)
    for name in ("nuclei.parquet", "nuclei.h5ad"):
        assert (tmp_path / "out" / name).is_file()

    first = infer_batch([images / "gray.tif"], tmp_path / "again", **options)
    assert list(pd.read_csv(tmp_path / "again" / "nuclei.csv")) == ["image", *Measures().columns()]
    assert first.nuclei > 0
    infer_batch([images], tmp_path / "again", resume=True, **options)
    tables = [pd.read_csv(tmp_path / folder / "nuclei.csv") for folder in ("out", "again")]
    tables = [each.sort_values(["image", "label"], ignore_index=True) for each in tables]
    pd.testing.assert_frame_equal(*tables)


def test_other_measurements_are_another_run(images, tmp_path, model):
    options = {"model": model, "device": "cpu"}
    infer_batch([images / "gray.tif"], tmp_path / "out", measures=Measures(()), **options)
    assert list(pd.read_csv(tmp_path / "out" / "nuclei.csv")) == ["image", *Measures(()).columns()]
    with pytest.raises(ConfigError, match=r"was begun with measure \[\], not \['shape'"):
        infer_batch([images / "gray.tif"], tmp_path / "out", resume=True, **options)


def test_nuclei_in_3d_have_columns_of_their_own(images, tmp_path, model):
    with pytest.raises(ConfigError, match="nuclei in 3-D have measurements of their own"):
        infer_batch(
            [images / "gray.tif"],
            tmp_path / "out",
            model=model,
            planes=PlaneChoice(z="3d"),
            measures=Measures(channels="all"),
        )
