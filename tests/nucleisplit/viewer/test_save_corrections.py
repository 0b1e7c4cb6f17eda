import numpy as np
import pytest
from PIL import Image

from nucleisplit.datasets import load_dataset, read_classes
from nucleisplit.errors import InputError, OutputError
from nucleisplit.images import read_image
from nucleisplit.labels import read_labels, write_geojson, write_labels
from nucleisplit.viewer.save_corrections import save_corrections

GRAY = np.arange(48, dtype=np.uint8).reshape(6, 8)
LABELS = np.zeros((6, 8), np.int32)
LABELS[1:4, 1:4], LABELS[3:6, 5:8] = 1, 7


@pytest.mark.parametrize(
    ("image", "stored"),
    [
        (GRAY, GRAY),
        (GRAY.astype(np.uint16) * 1000, GRAY.astype(np.uint16) * 1000),
        (GRAY / np.float32(7), GRAY / np.float32(7)),
        (GRAY.astype(np.float16), GRAY.astype(np.float32)),
        (GRAY > 9, (GRAY > 9).astype(np.uint8) * 255),
        (np.stack([GRAY, GRAY + 1, GRAY + 2], -1), np.stack([GRAY, GRAY + 1, GRAY + 2], -1)),
    ],
)
def test_what_is_saved_is_read_back(tmp_path, image, stored):
    for name in ("a", "b"):
        save_corrections(tmp_path / "new", name, image, LABELS)
    record = load_dataset(tmp_path / "new", folds=2).records[0]
    read = read_image(record.image_path)
    assert read.dtype == stored.dtype
    assert np.array_equal(read, stored)
    assert np.array_equal(record.read_labels()[0], LABELS)


def test_classes_go_beside_their_labels_and_leave_with_them(tmp_path):
    _, path = save_corrections(tmp_path, "a", GRAY, LABELS, classes={7: "tumour, old", 1: "stroma"})
    rows = 'label,class\n1,stroma\n7,"tumour, old"\n'
    assert (tmp_path / "labels/a_classes.csv").read_text() == rows
    save_corrections(tmp_path, "b", GRAY, LABELS)
    (told,) = read_classes(load_dataset(tmp_path, folds=2)).values()
    assert told.of(LABELS) == {1: "stroma", 7: "tumour, old"}
    save_corrections(tmp_path, "a", GRAY, np.minimum(LABELS, 2), overwrite=True)
    assert sorted(file.name for file in path.parent.iterdir()) == ["a.tif", "b.tif"]


def test_classes_that_a_table_would_hide_are_refused(tmp_path):
    (tmp_path / "classes.csv").write_text("image,class\na,stroma\n")
    with pytest.raises(OutputError, match=r"classes.csv: says the classes of this folder"):
        save_corrections(tmp_path, "a", GRAY, LABELS, classes={1: "stroma"})
    assert not (tmp_path / "labels").exists()


def test_labels_are_replaced_only_when_asked(tmp_path):
    save_corrections(tmp_path, "a", GRAY, LABELS)
    other = np.where(LABELS == 7, 2, LABELS)
    with pytest.raises(OutputError, match="a.tif: exists"):
        save_corrections(tmp_path, "a", GRAY, other)
    assert np.array_equal(read_labels(tmp_path / "labels/a.tif"), LABELS)
    save_corrections(tmp_path, "a", GRAY, other, overwrite=True)
    assert np.array_equal(read_labels(tmp_path / "labels/a.tif"), other)


def test_the_same_image_stays_in_its_format(tmp_path):
    (tmp_path / "images").mkdir()
    Image.fromarray(GRAY).save(tmp_path / "images/a.png")
    image, _ = save_corrections(tmp_path, "a", GRAY, LABELS)
    assert image == tmp_path / "images/a.png"
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["a.png"]


@pytest.mark.parametrize("content", [GRAY + 1, None])
def test_another_image_is_never_replaced(tmp_path, content):
    path = tmp_path / "images/a.tif"
    if content is None:
        path.parent.mkdir()
        path.write_bytes(b"no image")
    else:
        save_corrections(tmp_path, "a", content, LABELS)
    with pytest.raises(OutputError, match="a.tif: is another image; choose another name"):
        save_corrections(tmp_path, "a", GRAY, LABELS, overwrite=True)


@pytest.mark.parametrize("name", ["a_labels.tif", "a.geojson"])
def test_labels_in_another_format_are_not_joined_by_a_second(tmp_path, name):
    write = write_labels if name.endswith("tif") else write_geojson
    write(tmp_path / "labels" / name, LABELS)
    with pytest.raises(OutputError, match=f"{name}: holds labels of that name"):
        save_corrections(tmp_path, "a", GRAY, LABELS, overwrite=True)


@pytest.mark.parametrize("name", ["", " ", ".hidden", "a/b", "..\\a", 'what"?'])
def test_names_that_are_no_file_names_are_refused(tmp_path, name):
    with pytest.raises(InputError, match="is no name for a file; use letters"):
        save_corrections(tmp_path, name, GRAY, LABELS)
    assert not list(tmp_path.iterdir())
