import shutil
from collections import Counter

import numpy as np
import pytest
import tifffile
from PIL import Image

from nucleisplit.datasets import CleaningConfig, CleaningNotes, load_dataset, make_folds
from nucleisplit.errors import DatasetError

SQUARE = np.zeros((8, 9), np.uint16)
SQUARE[2:5, 3:7] = 4


def make_pairs(root, names="abcdef", table=None):
    for kind, array in (("images", (SQUARE * 10).astype(np.uint8)), ("labels", SQUARE)):
        (root / kind).mkdir(parents=True)
        for i, name in enumerate(names):
            Image.fromarray(array + array.dtype.type(i)).save(root / kind / f"{name}.png")
    for i, name in enumerate(names):  # background stays 0
        Image.fromarray(SQUARE * (i + 1)).save(root / "labels" / f"{name}.png")
    if table:
        (root / "folds.csv").write_text(table)
    return root


def make_native(root):
    rgba = np.full((8, 9, 4), (10, 20, 30, 255), np.uint8)
    masks = np.zeros((3, 8, 9), np.uint8)
    masks[0, 1:6, 1:5] = 255  # 20 pixels
    masks[1, 4:7, 4:8] = 255  # 12 pixels, two of them also in the first
    for name in ("one", "two"):
        (root / name / "images").mkdir(parents=True)
        (root / name / "masks").mkdir()
        Image.fromarray(rgba).save(root / name / "images" / f"{name}.png")
        for i, mask in enumerate(masks):
            Image.fromarray(mask).save(root / name / "masks" / f"m{i}.png")
    return root


def test_pairs_without_table(tmp_path):
    dataset = load_dataset(make_pairs(tmp_path), folds=3)
    assert [r.image_id for r in dataset.records] == list("abcdef") and len(dataset) == 6
    assert Counter(r.fold for r in dataset.records) == {0: 2, 1: 2, 2: 2}
    assert dataset.folds == (0, 1, 2) and dataset.kinds == ("",)
    assert dataset.folds_from == "made"
    assert [r.group for r in dataset.records] == list("abcdef")


def test_read(tmp_path):
    record = load_dataset(make_pairs(tmp_path)).records[1]
    image, labels, notes = record.read()
    assert image.dtype == np.uint8 and image[0, 0] == 1 and image[3, 4] == 41
    np.testing.assert_array_equal(labels, SQUARE > 0)
    assert labels.dtype == np.int32 and notes == CleaningNotes()
    stored, _ = record.read_labels()
    assert stored.max() == 8
    assert record.read(CleaningConfig(min_area=13))[2] == CleaningNotes(specks_dropped=1)


def test_labels_may_carry_the_suffix_of_infer(tmp_path):
    make_pairs(tmp_path, "abcd")
    for name in "abc":  # d keeps its plain name
        (tmp_path / "labels" / f"{name}.png").unlink()
        tifffile.imwrite(tmp_path / "labels" / f"{name}_labels.tif", SQUARE)
    records = load_dataset(tmp_path).records
    assert records[3].label_paths == (tmp_path / "labels" / "d.png",)
    record = records[0]
    assert record.label_paths == (tmp_path / "labels" / "a_labels.tif",)
    assert record.read()[1].max() == 1


def test_native_layout_and_overlapping_masks(tmp_path):
    dataset = load_dataset(make_native(tmp_path), folds=2)
    assert [r.image_id for r in dataset.records] == ["one", "two"]
    image, labels, notes = dataset.records[0].read()
    assert image.shape == (8, 9, 3) and image[0, 0].tolist() == [10, 20, 30]
    assert (labels == 1).sum() == 18  # the shared pixels go to the smaller mask
    assert (labels == 2).sum() == 12
    assert notes == CleaningNotes(overlap_pixels=2, specks_dropped=1)  # the third mask is empty


def test_table_gives_folds_groups_and_kinds(tmp_path):
    table = "\ufeffimage_id;mosaic;fold;kind\na;m;1;x\nb;m;1;x\nc;;0;y\nd;n;0;x\n"
    dataset = load_dataset(make_pairs(tmp_path, "abcd", table))
    assert [r.fold for r in dataset.records] == [1, 1, 0, 0]
    assert [r.group for r in dataset.records] == ["m", "m", "c", "n"]
    assert [r.kind for r in dataset.records] == ["x", "x", "y", "x"]
    assert dataset.kinds == ("x", "y") and dataset.folds_from == "table"


def test_named_table_and_group_column_make_grouped_folds(tmp_path):
    root = make_pairs(tmp_path / "data")
    (tmp_path / "t.csv").write_text(
        "plate,image_id\n1,a\n1,b\n1,c\n2,d\n2,e\n3,f\n", encoding="utf-8"
    )
    dataset = load_dataset(root, table=tmp_path / "t.csv", group="plate", folds=2)
    folds = [r.fold for r in dataset.records]
    assert folds[0] == folds[1] == folds[2] != folds[3] == folds[4] == folds[5]


def test_fingerprint_follows_content_and_nothing_else(tmp_path):
    first = load_dataset(make_pairs(tmp_path / "first")).fingerprint
    shutil.copytree(tmp_path / "first", tmp_path / "second")
    second = load_dataset(tmp_path / "second", folds=2, seed=5)
    assert second.fingerprint == first and len(first) == 64
    path = tmp_path / "second" / "labels" / "c.png"
    Image.fromarray(SQUARE * 9).save(path)
    assert load_dataset(tmp_path / "second").fingerprint != first


def test_made_folds_are_balanced_grouped_and_spread_kinds():
    groups = [f"g{i // 3}" for i in range(240)]
    kinds = ["rare" if i < 24 else "common" for i in range(240)]
    folds = make_folds(groups, kinds, folds=4, seed=1)
    assert Counter(folds) == dict.fromkeys(range(4), 60)
    assert Counter(folds[:24]) == dict.fromkeys(range(4), 6)
    assert all(folds[i] == folds[i - i % 3] for i in range(240))


def test_made_folds_depend_on_the_seed_alone():
    names = [f"i{k}" for k in range(40)]
    folds = dict(zip(names, make_folds(names)))
    assert dict(zip(names[::-1], make_folds(names[::-1]))) == folds
    assert dict(zip(names, make_folds(names, seed=1))) != folds


@pytest.mark.parametrize("sizes", [[30, 1, 1, 1], [5, 5, 5, 5], [1] * 9, [9, 8, 1, 1, 1]])
def test_no_fold_is_empty(sizes):
    groups = [f"g{i}" for i, size in enumerate(sizes) for _ in range(size)]
    kinds = [f"c{i % 2}" for i, size in enumerate(sizes) for _ in range(size)]
    assert set(make_folds(groups, kinds, folds=4)) == {0, 1, 2, 3}


def make_sets(root, **sets):
    """Folders of pairs, each with the table given, or none."""
    return [make_pairs(root / name, names, table) for name, (names, table) in sets.items()]


def test_several_folders_make_one_dataset(tmp_path):
    table = "image_id,fold,mosaic,cluster\na,1,m,x\nb,1,m,y\nc,3,m2,x\n"
    folders = make_sets(tmp_path, first=("abc", table), second=("abcd", None))
    dataset = load_dataset(folders)
    assert [r.image_id for r in dataset.records][2:5] == ["first/c", "second/a", "second/b"]
    assert [r.fold for r in dataset.records[:3]] == [1, 1, 3]
    assert Counter(r.fold for r in dataset.records[3:]) == {1: 2, 3: 2}  # the folds that are there
    assert dataset.kinds == ("first/x", "first/y", "second")
    assert dataset.records[0].group == "first/m" and dataset.records[3].group == "second/a"
    assert dataset.folds_from == "made" and str(dataset) == f"{folders[0]}, {folders[1]}"
    assert load_dataset(folders[::-1]).folds == (1, 3)


def test_a_column_kind_holds_across_folders_and_wins_over_cluster(tmp_path):
    folders = make_sets(
        tmp_path,
        one=("ab", "stem,kind,cluster\na,tissue,p\nb,smear,q\n"),
        two=("ab", "stem,kind\na,tissue\nb,tissue\n"),
    )
    (folders[1] / "folds.csv").rename(folders[1] / "group.csv")
    dataset = load_dataset(folders, folds=2)
    assert [r.kind for r in dataset.records] == ["tissue", "smear", "tissue", "tissue"]
    assert dataset.weights() == [3**-0.5, 1, 3**-0.5, 3**-0.5]
    assert load_dataset(folders[1], folds=2).kinds == ("tissue",)


def test_kinds_are_dealt_to_the_folds_by_size(tmp_path):
    names = [chr(97 + i) for i in range(12)]
    kinds = "ppppppqqqrrs"  # 6, 3, 2, 1
    rows = [f"{name},{kind},{i % 3}" for i, (name, kind) in enumerate(zip(names, kinds))]
    table = "image_id,kind,fold\n" + "\n".join(rows)
    dataset = load_dataset(make_pairs(tmp_path / "many", names, table))
    assert dataset.kind_folds == {"p": 0, "q": 1, "r": 2, "s": 2}
    few = table.replace(",q,", ",p,").replace(",r,", ",p,")  # two kinds, one of a single image
    dataset = load_dataset(make_pairs(tmp_path / "few", names, few))
    assert dataset.kind_folds == {"p": 0, "s": 1}


def test_one_kind_cannot_be_left_out(tmp_path):
    with pytest.raises(DatasetError, match="all 6 images are of one kind") as caught:
        _ = load_dataset(make_pairs(tmp_path)).kind_folds
    assert "column kind" in caught.value.hint


def test_several_folders_that_cannot_be_told_apart_are_refused(tmp_path):
    folders = [make_pairs(tmp_path / name / "data") for name in ("a", "b")]
    with pytest.raises(DatasetError, match="2 datasets, of which 2 are called 'data'"):
        load_dataset(folders)
    with pytest.raises(DatasetError, match="cannot share one table"):
        load_dataset(folders, table=tmp_path / "t.csv")
    with pytest.raises(DatasetError, match="no dataset"):
        load_dataset([])


def test_few_images_of_several_folders_are_dealt_together(tmp_path):
    folders = make_sets(tmp_path, one=("a", None), two=("ab", None), three=("c", None))
    dataset = load_dataset(folders, folds=4)  # one alone could not fill four folds
    assert sorted(r.fold for r in dataset.records) == [0, 1, 2, 3]
    with pytest.raises(DatasetError, match=f"{folders[0]}, {folders[1]}: 3 images in 3 groups"):
        load_dataset(folders[:2], folds=4)
