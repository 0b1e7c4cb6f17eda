"""Which network learns from which images: the first rule of the project."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from nucleisplit.config import RunConfig
from nucleisplit.datasets import load_dataset
from nucleisplit.errors import DatasetError, InputError, OutputError
from nucleisplit.training import TrainingRun, train_unet
from nucleisplit.training.run_folder import IN_KIND, OUT_OF_KIND
from nucleisplit.training.unet import read_pairs
from stage1_unet import WEIGHTS, Prediction, build_network, save_network


def write_image(folder, stem, nuclei):
    """An image that is known by its number of nuclei."""
    labels = np.zeros((16, 64), np.uint16)
    for i in range(nuclei):
        labels[4:8, 4 * i : 4 * i + 3] = i + 1
    for name, array in (("images", labels > 0), ("labels", labels)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray((array * (200 if name == "images" else 1)).astype(np.uint8)).save(
            folder / name / f"{stem}.png"
        )


@pytest.fixture
def sets(tmp_path):
    """Two folders: 1, 2, ... nuclei in their images; folds 0 and 1 in turn; kinds p, p, q, q; r."""
    rows = ["image_id,fold,kind"]
    for i in range(8):
        write_image(tmp_path / "one", f"i{i}", i + 1)
        rows.append(f"i{i},{i % 2},{'pq'[i // 4]}")
    (tmp_path / "one" / "folds.csv").write_text("\n".join(rows))
    for i in range(4):
        write_image(tmp_path / "two", f"i{i}", i + 9)
    (tmp_path / "two" / "folds.csv").write_text("image_id,fold\ni0,0\ni1,0\ni2,1\ni3,1\n")
    return [tmp_path / "one", tmp_path / "two"]


@pytest.fixture
def trainings(monkeypatch):
    """Networks are not trained; what each would have learnt from is kept, by folder."""
    seen = {}

    def pretend(training, validation, folder, network, config, **_):
        parts = (training, validation)
        seen[folder.name] = [sorted(int(p.labels.max()) for p in part) for part in parts]
        weights = folder / WEIGHTS
        folder.mkdir(parents=True)
        save_network(weights, build_network(network), network)
        return weights

    monkeypatch.setattr("nucleisplit.training.unet.train_network", pretend)
    monkeypatch.setattr("nucleisplit.training.curves.draw_curves", lambda run: None)
    return seen


def train(data, out, **options):
    config = RunConfig.model_validate({"network": {"widths": (4, 8)}})
    lines = []
    run = train_unet(data, out, config, device="cpu", say=lines.append, **options)
    return run, lines


def test_no_network_learns_from_its_own_fold(sets, trainings, tmp_path):
    run, _ = train(sets, tmp_path / "run")
    assert trainings == {
        "fold-0": [[2, 4, 6, 8, 11, 12], [1, 3, 5, 7, 9, 10]],
        "fold-1": [[1, 3, 5, 7, 9, 10], [2, 4, 6, 8, 11, 12]],
        "final": [list(range(1, 13)), []],
    }
    dataset = run.load_dataset()
    assert all(run.has_maps(r) and not run.has_maps(r, OUT_OF_KIND) for r in dataset.records)
    run.check_complete(dataset)


def test_by_kind_no_network_learns_from_the_kinds_it_leaves_out_either(sets, trainings, tmp_path):
    run, lines = train(sets, tmp_path / "run", by_kind=True)
    # four images a kind: p to fold 0, q to fold 1, then "two" to fold 0
    assert lines[1:3] == ["fold 0 also leaves out: p, two", "fold 1 also leaves out: q"]
    assert trainings == {
        "fold-0": [[6, 8], [1, 2, 3, 4, 5, 7, 9, 10, 11, 12]],
        "fold-1": [[1, 3, 9, 10], [2, 4, 5, 6, 7, 8, 11, 12]],
        "final": [list(range(1, 13)), []],
    }
    sorts = {}
    for record in run.load_dataset().records:
        sorts[record.image_id] = [s for s in (IN_KIND, OUT_OF_KIND) if run.has_maps(record, s)]
    both, outside = [IN_KIND, OUT_OF_KIND], [OUT_OF_KIND]
    assert [sorts[f"one/i{i}"] for i in range(8)] == [outside, both] * 2 + [both, outside] * 2
    assert [sorts[f"two/i{i}"] for i in range(4)] == [outside] * 2 + [both] * 2


def test_maps_of_each_sort_come_from_the_network_that_has_not_seen_it(
    sets, trainings, tmp_path, monkeypatch
):
    made = {}

    class Recorder:
        def __init__(self, network, config, device):
            self.fold = network

        def predict(self, image):
            maps = np.full((3, *image.shape[:2]), self.fold / 10, np.float32)
            return Prediction(maps, None, 1.0)

    numbers = {f"fold-{k}": k + 1 for k in range(2)}
    monkeypatch.setattr(
        "nucleisplit.training.unet.load_network", lambda path: numbers[path.parent.name]
    )
    monkeypatch.setattr("nucleisplit.training.unet.Predictor", Recorder)
    run, _ = train(sets, tmp_path / "run", by_kind=True)
    for record in run.load_dataset().records:
        for sort in (IN_KIND, OUT_OF_KIND):
            if run.has_maps(record, sort):
                fold = round(run.read_maps(record, sort).max() / 25.5) - 1
                made[record.image_id, sort] = fold
    assert made["one/i1", IN_KIND] == 1 and made["one/i1", OUT_OF_KIND] == 0
    assert made["one/i4", IN_KIND] == 0 and made["one/i4", OUT_OF_KIND] == 1
    assert made["two/i2", IN_KIND] == 1 and made["two/i2", OUT_OF_KIND] == 0


def test_a_run_knows_when_its_folds_or_kinds_have_changed(sets, trainings, tmp_path):
    run, _ = train(sets, tmp_path / "run", by_kind=True)
    train(sets, tmp_path / "run", by_kind=True)  # the same again is welcome
    with pytest.raises(OutputError, match="--by-kind"):
        train(sets, tmp_path / "run")
    table = sets[0] / "folds.csv"
    table.write_text(table.read_text().replace("i7,1,q", "i7,1,p"))
    with pytest.raises(OutputError, match="other folds, groups or kinds"):
        train(sets, tmp_path / "run", by_kind=True)
    with pytest.raises(InputError, match="has changed since"):
        TrainingRun.open(run.folder).load_dataset()


def test_by_kind_needs_two_kinds(sets, trainings, tmp_path):
    with pytest.raises(DatasetError, match="all 4 images are of one kind"):
        train(sets[1], tmp_path / "run", by_kind=True)
    assert not (tmp_path / "run").exists() and not trainings


@pytest.mark.parametrize("empty", ["", "b", "abd", "abcd"])
def test_labels_without_nuclei(tmp_path, spots, empty):
    for number, name in enumerate("abcd"):
        image, labels = spots(number)
        for folder, pixels in (("images", image), ("labels", labels * (name not in empty))):
            (tmp_path / folder).mkdir(exist_ok=True)
            tifffile.imwrite(tmp_path / folder / f"{name}.tif", pixels.astype(np.uint8))
    said: list[str] = []
    dataset = load_dataset(tmp_path, folds=2)
    if empty == "abcd":
        with pytest.raises(DatasetError, match="no label image holds a nucleus .such as .*a.tif"):
            read_pairs(dataset, RunConfig(), said.append)
        return
    assert len(read_pairs(dataset, RunConfig(), said.append)) == 4
    told = [line for line in said if "hold no nucleus" in line]
    count = len(empty)
    assert told == (
        [
            f"{count} of 4 label images hold no nucleus: {', '.join(empty)}; if there are some, "
            "label them"
        ]
        if empty
        else []
    )
