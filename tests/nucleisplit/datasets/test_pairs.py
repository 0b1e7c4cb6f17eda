"""The folders that people have: which files in them are labels, and of which images."""

import numpy as np
import pytest
import tifffile

from nucleisplit.datasets import find_label_sources, load_dataset
from nucleisplit.datasets.pairs import find_pairs
from nucleisplit.errors import DatasetError, InputError, InputWarning
from nucleisplit.labels import FORMATS


@pytest.fixture
def lay(tmp_path, spots):
    """Write files: photographs, or labels where the name says so; return the folder."""

    def lay(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            image, labels = spots(sum(map(ord, path.name[0])))
            if path.suffix == ".npy":
                content = {"masks": labels.astype(np.uint16)} if "_seg" in name else labels
                np.save(path, content, allow_pickle=True)
            elif path.suffix == ".geojson":
                FORMATS["geojson"].write(path, labels)
            elif "images/" not in name and ("labels" in name or "masks" in name):
                tifffile.imwrite(path, labels.astype(np.uint16))
            else:
                tifffile.imwrite(path, image)
        return tmp_path

    return lay


def read_all(sources, spots):
    for stem, source in sources.items():
        assert np.array_equal(source.read() > 0, spots(ord(stem))[1] > 0)
    return {stem: source.paths[0].name for stem, source in sources.items()}


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["a.tif", "a_masks.tif", "b.tif", "b_masks.tif"], ["a_masks.tif", "b_masks.tif"]),
        (["a.tif", "a_cp_masks.tif", "a_flows.tif"], ["a_cp_masks.tif"]),
        (["a.tif", "a_seg.npy", "b.tif", "b_seg.npy"], ["a_seg.npy", "b_seg.npy"]),
        (["a.tif", "a_seg.npy", "a_masks.tif", "a_cp_masks.tif"], ["a_cp_masks.tif"]),
        (["a.tif", "a_seg.npy", "b.tif", "b_masks.tif"], ["a_seg.npy", "b_masks.tif"]),
        (["a.tif", "a.npy", "b.tif", "b.npy"], ["a.npy", "b.npy"]),
        (["a.tif", "a_labels.tif", "a_overlay.tif", "a.geojson"], ["a_labels.tif"]),
        (["a.ome.tif", "a_labels.tif"], ["a_labels.tif"]),
        (["a.ome.tif", "a.ome_labels.tif"], ["a.ome_labels.tif"]),
    ],
)
def test_labels_beside_their_images(lay, spots, names, found):
    folder = lay(*names)
    stems = sorted({name[0] for name in names})
    assert read_all(find_label_sources(folder), spots) == dict(zip(stems, found))
    if "a_flows.tif" in names or "a_overlay.tif" in names:
        return
    pairs = find_pairs(folder)
    assert [(p.image_id, p.label_paths[0].name) for p in pairs] == list(zip(stems, found))
    assert all(p.image_path.name in (f"{p.image_id}.tif", f"{p.image_id}.ome.tif") for p in pairs)


def test_images_without_labels_beside_them_are_named(lay):
    folder = lay("a.tif", "a_masks.tif", "b.tif", "c.tif")
    with pytest.warns(InputWarning, match="only files like a_masks.tif .* left out: b.tif, c.tif"):
        assert list(find_label_sources(folder)) == ["a"]
    with pytest.warns(InputWarning, match="2 images have no labels beside them .* b.tif, c.tif"):
        assert [pair.image_id for pair in find_pairs(folder)] == ["a"]


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("a.ome.tif", "a.tif"),
        ("a.ome.tif", "a.ome.tif"),
        ("a.ome.tiff", "a_labels.tif"),
        ("a.tif", "a.ome.tif"),
        ("a.ome.tif", "a.geojson"),
        ("a.ome.tif", "a.ome.geojson"),
        ("a.tif", "a.npy"),
        ("a.tif", "a_seg.npy"),
        ("a.tif", "a_cp_masks.tif"),
        ("a_masks.tif", "a_masks.tif"),
    ],
)
@pytest.mark.parametrize("name", ["labels", "masks"])
def test_an_image_and_its_labels_have_one_stem(lay, spots, images, labels, name):
    others = [f"images/{i}.tif" for i in "bcd"] + [f"{name}/{i}.tif" for i in "bcd"]
    folder = lay(f"images/{images}", f"{name}/{labels}", *others)
    stem = images.split(".")[0]
    assert [pair.image_id for pair in find_pairs(folder)] == [stem, "b", "c", "d"]
    record = load_dataset(folder, folds=2).records[0]
    assert np.array_equal(record.read_labels()[0] > 0, spots(ord("a"))[1] > 0)
    sources = find_label_sources(folder)
    assert {i: s.paths for i, s in sources.items()} == {
        pair.image_id: pair.label_paths for pair in find_pairs(folder)
    }


def test_of_two_label_files_the_better_counts(lay):
    folder = lay("images/a.tif")
    for name in ("a_seg.npy", "a_masks.tif", "a_cp_masks.tif", "a_labels.tif"):
        lay(f"labels/{name}")
        assert [pair.label_paths[0].name for pair in find_pairs(folder)] == [name]
    with pytest.raises(DatasetError, match="4 of 5 label images have no image: a_cp_masks"):
        find_pairs(lay("labels/a.tif"))


def test_train_and_test(lay):
    parts = [f"{part}/{kind}/{i}.tif" for part in ("train", "test") for kind in ("images", "masks")
             for i in "abcd"]  # fmt: skip
    folder = lay(*parts)
    pairs = find_pairs(folder)
    assert [pair.image_id for pair in pairs] == list("abcd")
    assert all(folder / "train" in pair.image_path.parents for pair in pairs)
    with pytest.raises(DatasetError, match="holds train/ and test/; name one of them: .*test"):
        find_label_sources(folder)
    assert len(find_label_sources(folder / "test")) == 4
    (folder / "train").rename(folder / "old")
    with pytest.raises(DatasetError, match="holds no train/; name one of its parts: .*test"):
        find_pairs(folder)


def test_two_files_of_one_stem_are_refused(lay):
    folder = lay("images/a.tif", "images/a.ome.tif", "labels/a.tif")
    with pytest.raises(DatasetError, match="a.tif: has the same stem as a.ome.tif"):
        find_pairs(folder)


def test_photographs_alone_are_refused(lay):
    (source,) = find_label_sources(lay("a.tif")).values()
    with pytest.raises(InputError, match="looks like a photograph"):
        source.read()
