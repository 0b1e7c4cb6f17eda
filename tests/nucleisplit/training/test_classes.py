"""Classes from the command that learns them to every place that shows them."""

import json
import re
import shutil

import anndata
import geopandas
import numpy as np
import pandas as pd
import pytest
import roifile
from PIL import Image
from pycocotools.coco import COCO
from skimage.draw import ellipse
from skimage.io import imsave

from nucleisplit import Segmenter, load_bundle
from nucleisplit.datasets import load_dataset
from nucleisplit.errors import BundleError, ConfigError
from nucleisplit.images import open_image
from nucleisplit.labels import read_labels, write_as
from nucleisplit.tables import read_nuclei
from nucleisplit.tiled import TileStore, segment_large
from nucleisplit.training.classes import fit_classes
from stage1_unet import PreprocessConfig


def draw_tissue(seed: int, shape=(160, 200)):
    """Even nuclei and grainy, larger ones that overlap them in size: image, labels and classes."""
    random = np.random.default_rng(seed)
    image, labels, classes = np.full(shape, 30.0), np.zeros(shape, np.int32), {}
    for y in range(22, shape[0] - 16, 36):
        for x in range(22, shape[1] - 16, 36):
            grainy = bool(random.random() < 0.4)
            sides = random.uniform(7, 11, 2) + 2 * grainy
            middle = np.array([y, x]) + random.integers(-3, 4, 2)
            inside = ellipse(*middle, *sides, shape=shape, rotation=random.uniform(0, 3))
            label = len(classes) + 1
            labels[inside], classes[label] = label, "grainy" if grainy else "even"
            grain = random.normal(0, 30 if grainy else 6, shape)
            image[inside] = 150 + random.normal(0, 15) + grain[inside]
    return np.clip(image + random.normal(0, 3, shape), 0, 255).astype(np.uint8), labels, classes


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classes") / "labelled"
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    rows = ["image,label,class"]
    for seed in range(8):
        image, labels, classes = draw_tissue(seed)
        imsave(folder / f"images/t{seed}.png", image, check_contrast=False)
        imsave(folder / f"labels/t{seed}.png", labels.astype(np.uint8), check_contrast=False)
        rows += [f"t{seed},{label},{name}" for label, name in classes.items()]
    rows[1] = "t0,1,odd"
    (folder / "classes.csv").write_text("\n".join(rows) + "\n")
    names = [{"name": "grainy", "colour": "#D62728"}, {"name": "even"}, {"name": "odd"}]
    (folder / "classes.json").write_text(json.dumps(names))
    return folder


@pytest.fixture(scope="module")
def learnt(labelled, run):
    """What the command printed, and the model it wrote."""
    model = labelled.with_name("model")
    return run("train-trees", "--classes", labelled, "--out", model, "--device", "cpu"), model


@pytest.fixture(scope="module")
def segmented(learnt, labelled, run):
    """The output folder of infer on two images that the classes were not learnt from."""
    folder = labelled.with_name("new")
    folder.mkdir()
    for seed in (20, 21):
        imsave(folder / f"n{seed}.png", draw_tissue(seed)[0], check_contrast=False)
    out = labelled.with_name("out")
    words = ("--write", "geojson,coco,hovernet,roi", "--parquet", "--h5ad")
    run("infer", folder, "--model", learnt[1], "--out", out, *words)
    return out


def test_two_kinds_of_nuclei_are_told(learnt):
    output, model = learnt
    scores = json.loads((model / "manifest.json").read_text())["scores"]["classes"]
    assert scores["true_outlines"]["classes"] == ["even", "grainy"]
    assert scores["true_outlines"]["macro_f1"] > 0.9
    assert scores["own_outlines"]["macro_f1"] > 0.9
    assert scores["found"] > 0.8 * scores["nuclei"]
    assert f"macro F1 {scores['true_outlines']['macro_f1']:.3f}" in output
    assert "left out: odd, 1 nucleus" in output


def test_outlines_stay_as_they_were(learnt, labelled):
    image = draw_tissue(30)[0]
    before, after = (Segmenter(model)(image) for model in ("default", learnt[1]))
    np.testing.assert_array_equal(before.labels, after.labels)
    assert "class" not in before.table
    pd.testing.assert_frame_equal(
        before.table, after.table.drop(columns=["class", "class_probability"])
    )


def test_unseen_images_have_their_classes(segmented):
    table = read_nuclei(segmented / "nuclei.csv")
    assert table["class_probability"].between(0.5, 1).all()
    for seed in (20, 21):
        _, truth, classes = draw_tissue(seed)
        own = table[table["image"] == f"n{seed}.png"]
        centres = own[["centroid-0", "centroid-1"]].round().to_numpy(int)
        true = [classes.get(label) for label in truth[tuple(centres.T)].tolist()]
        right = [a == b for a, b in zip(true, own["class"], strict=True) if a]
        assert len(right) > 10 and np.mean(right) > 0.9


def test_every_format_says_the_same(segmented):
    """As programs of the field read it, not ours."""
    table = pd.read_csv(segmented / "nuclei.csv", comment="#").set_index(["image", "label"])
    parquet = pd.read_parquet(segmented / "nuclei.parquet").set_index(["image", "label"])
    assert parquet["class"].astype(str).to_dict() == table["class"].to_dict()
    obs = anndata.read_h5ad(segmented / "nuclei.h5ad").obs.set_index(["image", "label"])
    assert obs["class"].astype(str).to_dict() == table["class"].to_dict()
    own = table.loc["n20.png", "class"].to_dict()
    features = geopandas.read_file(next(segmented.glob("n20*.geojson")))
    kinds = features["classification"].tolist()
    assert [kind["name"] for kind in kinds] == list(own.values())
    colours = {kind["name"]: kind["color"] for kind in kinds}
    assert colours == {"even": [230, 159, 0], "grainy": [214, 39, 40]}
    coco = COCO(next(segmented.glob("n20*.coco.json")))
    names = {number: kind["name"] for number, kind in coco.cats.items()}
    assert names == {1: "even", 2: "grainy"}
    assert {n: names[a["category_id"]] for n, a in coco.anns.items()} == own
    hovernet = json.loads(next(segmented.glob("n20*.hovernet.json")).read_text())
    assert hovernet["type_map"] == {"even": 1, "grainy": 2}
    types = {int(n): names[nucleus["type"]] for n, nucleus in hovernet["nuc"].items()}
    assert types == own
    sure = table.loc["n20.png", "class_probability"]
    told = [nucleus["type_prob"] for nucleus in hovernet["nuc"].values()]
    np.testing.assert_allclose(told, sure, atol=1e-5)


def test_imagej_has_groups_and_colours(segmented):
    regions = roifile.roiread(next(segmented.glob("n20*.rois.zip")))
    table = read_nuclei(segmented / "nuclei.csv").query("image == 'n20.png'")
    own = dict(zip(table["label"], table["class"], strict=True))
    groups = {"even": (1, (230, 159, 0)), "grainy": (2, (214, 39, 40))}
    assert len(regions) == len(own)
    for region in regions:
        name = own[int(region.name)]
        assert (region.group, tuple(region.stroke_color[1:])) == groups[name]
        assert region.props == f"class: {name}\n"


def test_the_overlay_has_their_colours(segmented):
    picture = np.asarray(Image.open(segmented / "n20_overlay.png").convert("RGB"))
    assert (picture == [214, 39, 40]).all(axis=2).any()
    assert not (picture == [86, 180, 233]).all(axis=2).any()


def test_evaluate_compares_them(segmented, learnt, run, tmp_path):
    for seed in (20, 21):
        _, labels, classes = draw_tissue(seed)
        table = pd.DataFrame({"label": list(classes), "class": list(classes.values())})
        write_as("hovernet", tmp_path / f"n{seed}.hovernet.json", labels, table)
    run("evaluate", segmented, tmp_path, "--json", tmp_path / "scores.json")
    scores = json.loads((tmp_path / "scores.json").read_text())["classes"]
    assert scores["classes"] == ["even", "grainy"] and scores["accuracy"] > 0.9
    assert sum(scores["true"]) == sum(len(draw_tissue(seed)[2]) for seed in (20, 21))
    assert scores["macro_f1"] > 0.7 and scores["mpq"] > 0.5


def test_anndata_has_categories_and_their_colours(segmented):
    found = anndata.read_h5ad(segmented / "nuclei.h5ad")
    assert list(found.obs["class"].cat.categories) == ["even", "grainy"]
    assert list(found.uns["class_colors"]) == ["#e69f00", "#d62728"]


def test_the_record_counts_them(segmented):
    record = json.loads((segmented / "run.json").read_text())
    table = read_nuclei(segmented / "nuclei.csv")
    for entry in record["images"]:
        counts = table[table["image"] == entry["image"]]["class"].value_counts().to_dict()
        assert {n: c for n, c in entry["classes"].items() if c} == counts


def test_tiles_tell_the_same(learnt, tmp_path):
    image = draw_tissue(40, (420, 420))[0]
    imsave(tmp_path / "large.png", image, check_contrast=False)
    whole = Segmenter(learnt[1], rescale=False)(image)
    segmenter = Segmenter(learnt[1], rescale=False, tile=256)
    with open_image(tmp_path / "large.png") as source:
        result = segment_large(
            source.plane(),
            segmenter,
            TileStore(tmp_path / "tiles", {}),
            tmp_path / "labels.tif",
            tmp_path / "nuclei.csv",
        )
    table = pd.read_csv(tmp_path / "nuclei.csv")
    assert result.tiles > 1 and sum(result.classes.values()) == len(table) == result.nuclei
    labels = read_labels(tmp_path / "labels.tif")
    centres = whole.table[["centroid-0", "centroid-1"]].round().to_numpy(int)
    there = labels[tuple(centres.T)]
    told = table.set_index("label")["class"]
    same = [told[b] == a for a, b in zip(whole.table["class"], there.tolist(), strict=True) if b]
    assert len(same) > 100 and np.mean(same) > 0.97


def test_reselected_nuclei_have_classes(learnt):
    result = Segmenter(learnt[1])(draw_tissue(31)[0])
    assert list(result.reselect(split_bias=0.5).table["class"].cat.categories) == ["even", "grainy"]


def test_limits_of_a_class_hold_for_it_alone(learnt):
    image = draw_tissue(31)[0]
    table = Segmenter(learnt[1])(image).table
    grainy = table["class"] == "grainy"
    area = int(table.loc[grainy, "area"].median())
    iou = float(table.loc[~grainy, "predicted_iou"].median())
    segmenter = Segmenter(learnt[1], class_min_area={"grainy": area}, class_min_iou={"even": iou})
    result = segmenter(image)
    kept = table[np.where(grainy, table["area"] >= area, table["predicted_iou"] >= iou)]
    told = ["area", "predicted_iou", "class", "class_probability"]
    pd.testing.assert_frame_equal(result.table[told], kept[told].reset_index(drop=True))
    assert result.dropped == len(table) - len(kept) > 0
    assert result.labels.max() == len(kept)
    freed = result.reselect(class_min_area={}, class_min_iou={})
    assert (freed.nuclei, freed.dropped) == (len(table), 0)
    y, x = table.loc[~table.index.isin(kept.index), ["centroid-0", "centroid-1"]].iloc[0]
    again = result.add_at(round(y), round(x))
    assert len(again.table) == len(kept) + 1 and again.table["class"].notna().all()


def test_limits_of_classes_by_command_in_tiles_as_in_one_piece(learnt, tmp_path, run):
    imsave(tmp_path / "large.png", draw_tissue(40, (420, 420))[0], check_contrast=False)
    words = ("--model", learnt[1], "--no-rescale", "--min-area", "grainy=400", "--min-area", "150")
    entries = []
    for number, more in enumerate([(), ("--tile", "256")]):
        out = tmp_path / f"out{number}"
        run("infer", tmp_path / "large.png", *words, *more, "--out", out)
        table = read_nuclei(out / "nuclei.csv")
        assert table.loc[table["class"] == "grainy", "area"].min() >= 400
        assert 150 <= table.loc[table["class"] == "even", "area"].min() < 400
        record = json.loads((out / "run.json").read_text())
        assert record["parameters"]["class_min_area"] == {"grainy": 400}
        (entry,) = record["images"]
        shares = entry["class_shares"]
        assert shares["even"] == round(entry["classes"]["even"] / entry["nuclei"], 4)
        entries.append(entry)
    whole, tiled = entries
    assert tiled["tiles"] > 1 and whole["dropped_by_class"] > 10
    assert tiled["dropped_by_class"] == pytest.approx(whole["dropped_by_class"], abs=3)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"class_min_iou": {"odd": 0.5}}, "min_iou of odd: .*its classes are even, grainy"),
        ({"class_min_area": {"even": -1}}, "min_area of even is -1"),
        ({"class_min_iou": {"even": 0.3}, "min_iou": 0.5}, "even is 0.3, below the 0.5 of all"),
        ({"class_min_iou": {"even": 0.3}, "classes": False}, "of no use without classes"),
        ({"classes": "default"}, "default: tells no classes"),
        ({"model": "default", "class_min_iou": {"even": 0.3}}, "the model tells no classes"),
    ],
)
def test_limits_of_no_use_are_refused(learnt, fields, message):
    with pytest.raises(ConfigError, match=message):
        Segmenter(**({"model": learnt[1]} | fields))


def test_classes_are_those_of_another_model_or_none(learnt):
    image = draw_tissue(32)[0]
    own, other = Segmenter(learnt[1])(image), Segmenter("default", classes=learnt[1])(image)
    pd.testing.assert_frame_equal(own.table, other.table)
    assert "class" not in Segmenter(learnt[1], classes=False)(image).table


def test_what_is_no_nucleus_is_dropped(labelled, learnt, tmp_path, run):
    """Only the grainy ones are labelled here, so the others are no nuclei."""
    import shutil

    folder = tmp_path / "labelled"
    shutil.copytree(labelled, folder)
    (folder / "classes.json").unlink()
    rows, kinds = ["image,label,class"], ("low", "high")
    for seed in range(8):
        _, labels, classes = draw_tissue(seed)
        for label, name in classes.items():
            if name == "even":
                labels[labels == label] = 0
            else:
                rows.append(f"t{seed},{label},{kinds[label % 2]}")
        imsave(folder / f"labels/t{seed}.png", labels.astype(np.uint8), check_contrast=False)
    (folder / "classes.csv").write_text("\n".join(rows) + "\n")
    words = ("train-trees", "--classes", folder, "--drop-unlabelled", "--device", "cpu")
    output = run(*words, "--out", tmp_path / "m")
    manifest = json.loads((tmp_path / "m/manifest.json").read_text())
    scores = manifest["scores"]["classes"]["background"]
    assert scores["dropped"] > 0.85 and scores["nuclei_dropped"] < 0.15
    assert f"{scores['outlines']} outlines of no labelled nucleus" in output
    assert manifest["classes"] == ["high", "low"]
    image, truth, classes = draw_tissue(33)
    result = Segmenter(tmp_path / "m")(image)
    centres = result.table[["centroid-0", "centroid-1"]].round().to_numpy(int)
    found = [classes.get(label) for label in truth[tuple(centres.T)].tolist()]
    grainy = list(classes.values()).count("grainy")
    assert found.count("even") <= 2 and found.count("grainy") >= 0.75 * grainy
    assert result.dropped >= 0.75 * (len(classes) - grainy)
    assert (result.table["class_probability"] < 1).all()


def test_images_without_nuclei_have_the_columns(learnt):
    table = Segmenter(learnt[1])(np.zeros((64, 64), np.uint8)).table
    assert len(table) == 0 and {"class", "class_probability"} <= set(table)


def test_a_changed_classifier_is_refused(learnt, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(learnt[1], model)
    path = model / "classes/classes.json"
    path.write_text(path.read_text().replace("grainy", "gritty"))
    with pytest.raises(BundleError, match="has changed"):
        load_bundle(model)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "says nothing about classes"),
        (
            "image,class\n" + "".join(f"t{i},even\n" for i in range(8)),
            "label nuclei of two classes",
        ),
        ("image,label,class\nt0,1,even\nt0,2,odd\n", "label nuclei of two classes"),
        ("image,label,class\nt0,99,even\n", "no nucleus of t0.png has the label 99"),
        ("image,label,class\nt0,1,evn\n", "the class 'evn' of t0.png is not in"),
        ("image,label,class\nt0,1,even\nt0,1,odd\n", "line 3: label 1 of t0.png is 'odd' here"),
    ],
)
def test_what_cannot_be_learnt_is_said(labelled, tmp_path, content, message):
    from click.testing import CliRunner

    from nucleisplit.cli.main import main

    folder = tmp_path / "labelled"
    shutil.copytree(labelled, folder)
    (folder / "classes.csv").unlink()
    if content:
        (folder / "classes.csv").write_text(content)
    words = ["train-trees", "--classes", str(folder), "--out", str(tmp_path / "m")]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2
    assert message in result.output and len(result.output.strip().splitlines()) == 1
    assert not (tmp_path / "m").exists()


def test_the_report_shows_them(segmented, run):
    run("report", segmented)
    page = (segmented / "report.html").read_text(encoding="utf-8")
    counts = read_nuclei(segmented / "nuclei.csv").query("image == 'n20.png'")["class"]
    found = counts.value_counts().to_dict()
    assert f"even <b>{found['even']}</b>, grainy <b>{found['grainy']}</b>" in page
    assert page.count("probability <b>") == len(read_nuclei(segmented / "nuclei.csv"))
    assert f"<title>grainy {found['grainy']}</title>" in page
    assert page.count('fill="#d62728"') == 2 and 'class="confusion"' not in page


def test_the_report_compares_them_with_the_truth(segmented, run, tmp_path):
    _, labels, classes = draw_tissue(20)
    table = pd.DataFrame({"label": list(classes), "class": list(classes.values())})
    write_as("geojson", tmp_path / "n20.geojson", labels, table)
    run("report", segmented, "--truth", tmp_path, "--out", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    part = page[
        page.index('<div class="scrolled"><table class="confusion">') : page.index("</table>")
    ]
    rows = {
        line.partition("<th>")[2].partition("</th>")[0]: re.findall("<td>([^<]*)</td>", line)
        for line in part.splitlines()
        if "<td>" in line
    }
    assert list(rows) == ["even", "grainy", "spurious"]
    counts = {name: sum(map(int, cells[:4])) for name, cells in rows.items() if cells[3]}
    true = list(classes.values())
    assert counts == {"even": true.count("even"), "grainy": true.count("grainy")}


def test_hovernet_types_of_half_of_the_images_are_learnt(labelled, tmp_path):
    """The rest has no classes and is left out; numbers are named by the map of HoVer-Net."""
    folder = tmp_path / "labelled"
    shutil.copytree(labelled, folder)
    (folder / "classes.csv").unlink()
    (folder / "classes.json").unlink()
    for seed in range(4):
        _, labels, classes = draw_tissue(seed)
        path = folder / f"labels/t{seed}.json"
        table = pd.DataFrame({"label": list(classes), "class": list(classes.values())})
        write_as("hovernet", path, labels, table)
        content = json.loads(path.read_text())
        path.write_text(json.dumps({"mag": 40, "nuc": content["nuc"]}))
        path.with_suffix(".png").unlink()
    info = {"0": ["nolabe", [0, 0, 0]], "1": ["smooth", [9, 9, 9]], "2": ["rough", [255, 0, 0]]}
    (folder / "type_info.json").write_text(json.dumps(info))
    lines: list[str] = []
    classifier, scores = fit_classes(
        load_dataset(folder, folds=4),
        lambda record, image: record.read_labels(image.shape)[0],
        PreprocessConfig(),
        lines.append,
    )
    assert classifier.classes == ("rough", "smooth")
    assert scores["images"] == 4 and scores["true_outlines"]["macro_f1"] > 0.85
    assert "in 4 images" in lines[0]
