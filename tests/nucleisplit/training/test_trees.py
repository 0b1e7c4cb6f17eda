"""Trees of a run by kind, on drawn maps: what is learnt, what the tables say."""

import json

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from nucleisplit.config import RunConfig
from nucleisplit.training import TrainingRun, train_trees
from nucleisplit.training.run_folder import IN_KIND, OUT_OF_KIND, networks_of, split_fingerprint
from stage1_unet import WEIGHTS, build_network, save_network

SURE, UNSURE = 0.98, 0.4
"""Body at the middle of a nucleus, in maps of a known kind and of one never seen."""
LARGE = 120
"""Nuclei of more pixels are of one class, the others of another."""


@pytest.fixture(scope="module")
def run(tmp_path_factory, spots):
    """A run whose networks answer as ours do: well on known kinds, timidly on others."""
    from nucleisplit.datasets import load_dataset

    folder = tmp_path_factory.mktemp("kinds")
    data = folder / "data"
    rows, classes = ["image_id,fold,kind"], ["image,label,class"]
    for name in ("images", "labels"):
        (data / name).mkdir(parents=True)
    truths = {}
    for i in range(16):
        image, labels = spots(seed=i, shape=(96, 96), count=10)
        truths[f"i{i:02}"] = labels
        Image.fromarray(image).save(data / "images" / f"i{i:02}.png")
        Image.fromarray(labels.astype(np.uint16)).save(data / "labels" / f"i{i:02}.png")
        rows.append(f"i{i:02},{i % 4},{'pqrs'[i // 4]}")
        for label, area in enumerate(np.bincount(labels.ravel())[1:], start=1):
            if area:
                size = "large" if area > LARGE else "small"
                classes.append(f"i{i:02},{label},{size}")
    (data / "folds.csv").write_text("\n".join(rows))
    (data / "classes.csv").write_text("\n".join(classes))
    dataset = load_dataset(data)
    config = RunConfig.model_validate(
        {
            "network": {"widths": (4, 8)},
            "trees": {"boosters": 1, "rounds": 40, "min_rows": 10, "threads": 1},
        }
    )
    run = TrainingRun(
        folder / "run",
        (data,),
        None,
        None,
        4,
        dataset.fingerprint,
        config,
        by_kind=True,
        split=split_fingerprint(dataset, True),
    )
    run.start()
    run.final_folder.mkdir()
    save_network(run.final_folder / WEIGHTS, build_network(config.network), config.network)
    rng = np.random.default_rng(0)
    for record, own in zip(dataset.records, networks_of(dataset, True), strict=True):
        for sort in own:
            peak = SURE if sort == IN_KIND else UNSURE
            run.write_maps(record, draw_maps(truths[record.image_id], peak, rng), sort)
    return run, config


def draw_maps(labels, peak, rng):
    """Body, border and separation of labels, blurred, as high as the network is sure."""
    maps = np.zeros((3, *labels.shape), np.float32)
    maps[0] = gaussian_filter((labels > 0).astype(np.float32), 2)
    for number in range(1, labels.max() + 1):
        inside = gaussian_filter((labels == number).astype(np.float32), 1)
        near = gaussian_filter(((labels > 0) & (labels != number)).astype(np.float32), 1)
        maps[2] = np.maximum(maps[2], np.minimum(inside, near) * 2)
    noise = gaussian_filter(rng.normal(0, 1, maps.shape), (0, 3, 3)) * 0.2
    return np.clip((maps + noise) * peak, 0, 1)


def test_both_sorts_are_learnt_and_told_apart(run, tmp_path):
    training, config = run
    lines = []
    labels = tmp_path / "labels"
    bundle = train_trees(
        training.folder, tmp_path / "model", config, labels=labels, say=lines.append
    )
    scores = json.loads((bundle.path / "manifest.json").read_text())["scores"]
    inside, outside = scores["methods"], scores["out_of_kind"]["methods"]
    assert inside["trees"]["overall"]["images"] == 12  # of 16: four have no maps in kind
    assert outside["trees"]["overall"]["images"] == 16
    assert set(outside["trees"]["kinds"]) == set("pqrs")
    # one threshold has to serve sure and timid maps; the trees follow each
    for methods in (inside, outside):
        values = {name: method["overall"]["map"] for name, method in methods.items()}
        assert values["oracle"] > values["trees"] > values["threshold"]
        assert values["trees"] > 0.5
    for part in (scores, scores["out_of_kind"]):
        assert abs(part["reliability"]["bias"]) < 0.05
        assert part["headroom"]["what_if"]["selected"] > 0.5
    assert bundle.manifest.classes == ("large", "small")
    assert scores["classes"]["found"] > 0.8 * scores["classes"]["nuclei"]
    assert scores["classes"]["own_outlines"]["macro_f1"] > 0.8
    heads = [line for line in lines if line.startswith("mAP, ") and "images" in line]
    assert [head.split("  ")[0] for head in heads] == ["mAP, in kind", "mAP, out of kind"]
    assert sum(line.startswith("mean over kinds") for line in lines) == 2
    assert len(list(labels.glob("*_labels.tif"))) == 12
    assert len(list((labels / "out-of-kind").glob("*_labels.tif"))) == 16


def test_maps_out_of_kind_count_half(run):
    from nucleisplit.training.trees import _read, _shares

    dataset, samples = _read(run[0])
    shares = _shares(dataset, samples)
    outside = np.array([sample.sort == OUT_OF_KIND for sample in samples])
    assert shares[outside].sum() == pytest.approx(shares[~outside].sum())
    assert shares.mean() == pytest.approx(1)
    for sample in samples:
        own = {sample.fold, sample.apart}
        assert len(own) == 1 if sample.record.fold == "pqrs".index(sample.record.kind) else 2
