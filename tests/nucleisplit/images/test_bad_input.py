"""Every bad file and dataset ends in one line that names the file and the remedy."""

import io

import numpy as np
import pytest
import tifffile
from PIL import Image

from nucleisplit.datasets import load_dataset
from nucleisplit.errors import DatasetError, InputError
from nucleisplit.images import find_images, read_image
from nucleisplit.labels import read_labels

NOISE = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)


def encoded(kind, array=NOISE, **options):
    buffer = io.BytesIO()
    if kind == "TIFF":
        tifffile.imwrite(buffer, array, **options)
    else:
        Image.fromarray(array).save(buffer, kind, **options)
    return buffer.getvalue()


def half(data):
    return data[: len(data) // 2]


def animation():
    buffer = io.BytesIO()
    frames = [Image.fromarray(NOISE), Image.fromarray(255 - NOISE)]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


def with_value(value):
    array = np.ones((4, 4), np.float32)
    array[1, 2] = value
    return encoded("TIFF", array)


RGB_TIFF = {"photometric": "rgb"}
FILES = [
    ("zero_bytes.png", b"", "is empty (0 bytes)"),
    ("text.png", b"no image at all, but some text", "is not an image that can be read"),
    ("text.tif", b"no image at all, but some text", "is not an image that can be read"),
    ("half.png", half(encoded("PNG")), "is damaged or truncated"),
    ("header.png", encoded("PNG")[:20], "is damaged or truncated"),
    ("half.jpg", half(encoded("JPEG")), "is damaged or truncated"),
    ("end.jpg", encoded("JPEG")[:-8], "is damaged or truncated"),
    ("half.bmp", half(encoded("BMP")), "is damaged or truncated"),
    ("half.webp", half(encoded("WEBP")), "is damaged or truncated"),
    ("half.tif", half(encoded("TIFF", **RGB_TIFF)), "truncated"),
    ("half_deflate.tif", half(encoded("TIFF", compression="zlib", **RGB_TIFF)), "truncated"),
    ("end.tif", encoded("TIFF", NOISE[..., 0])[:-3], "truncated"),
    ("header.tif", encoded("TIFF", **RGB_TIFF)[:9], "is damaged or truncated"),
    ("flipped.png", encoded("PNG")[:200] + b"XXXX" + encoded("PNG")[204:], "is damaged"),
    ("five.tif", encoded("TIFF", np.zeros((8, 9, 5), np.uint8), planarconfig="contig",
                         photometric="minisblack", extrasamples=(0, 0, 0, 0)), "has 5 channels"),
    ("two.tif", encoded("TIFF", np.zeros((8, 9, 2), np.uint8), planarconfig="contig",
                        photometric="minisblack", extrasamples=(0,)), "has 2 channels"),
    ("stack.tif", encoded("TIFF", np.zeros((6, 8, 9), np.uint8), photometric="minisblack"),
     "has 6 planes along an axis Q (axes QYX, shape 6x8x9); choose with --axes"),
    ("channels.tif", encoded("TIFF", np.zeros((3, 8, 9), np.uint8), imagej=True,
                             metadata={"axes": "CYX"}), "has 3 channels (axes CYX, shape 3x8x9)"),
    ("frames.gif", animation(), "is an animation of 2 frames"),
    ("nan.tif", with_value(np.nan), "holds 1 NaN or infinite values"),
    ("inf.tif", with_value(-np.inf), "holds 1 NaN or infinite values"),
    ("complex.tif", encoded("TIFF", np.ones((4, 4), np.complex64)), "has pixels of type complex"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "message"), FILES, ids=[row[0] for row in FILES])
def test_bad_image(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_image(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ") and message in text
    assert "; " in text and "\n" not in text
    with pytest.raises(InputError):
        read_labels(path)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(InputError, match="does not exist; check the path"):
        read_image(tmp_path / "a.png")
    with pytest.raises(InputError, match="is a folder"):
        read_image(tmp_path)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "no images given"),
        (["nowhere"], "nowhere: does not exist; check the path"),
        (["empty"], "holds no images; known endings are .png"),
        (["empty/*.png"], "matches no images; check the pattern"),
    ],
)
def test_no_images(tmp_path, given, message):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=message):
        find_images([tmp_path / text for text in given])


def put(root, files):
    """Write files: arrays as PNG, texts and bytes as they are, None as an empty folder."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            path.mkdir()
        elif isinstance(content, np.ndarray):
            Image.fromarray(content).save(path)
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)


IMAGE = np.zeros((6, 7), np.uint8)
PAIRS = {f"{kind}/{name}.png": IMAGE for kind in ("images", "labels") for name in "abcd"}
HEADER = "image_id,fold,mosaic,cluster\n"
NATIVE = {"a/images/a.png": IMAGE, "a/masks/1.png": IMAGE}

DATASETS = [
    ("nothing in it", {"readme.txt": "x"}, {}, "is not a dataset; it needs images/ and labels/"),
    ("no pairs", {"images": None, "labels": None}, {}, "holds no pairs (0 images, 0 label images)"),
    ("other stems", {"images/a.png": IMAGE, "labels/b.png": IMAGE}, {}, "holds no pairs"),
    ("image without labels", PAIRS | {"images/x.png": IMAGE}, {},
     "1 of 5 images have no labels: x; add them"),
    ("labels without image", PAIRS | {"labels/x.png": IMAGE}, {},
     "1 of 5 label images have no image: x"),
    ("one stem twice", PAIRS | {"images/a.bmp": IMAGE}, {}, "has the same stem as a.bmp"),
    ("too few for the folds", PAIRS, {"folds": 5}, "4 images in 4 groups do not fill 5 folds"),
    ("one fold", PAIRS, {"folds": 1}, "1 folds are too few"),
    ("group without table", PAIRS, {"group": "plate"}, "has no table with the column 'plate'"),
    ("table missing", PAIRS, {"table": "t.csv"}, "t.csv: does not exist"),
    ("table empty", PAIRS | {"folds.csv": b""}, {}, "folds.csv: is empty"),
    ("table not text", PAIRS | {"folds.csv": encoded("PNG")}, {}, "is not UTF-8 text"),
    ("no image_id", PAIRS | {"folds.csv": "id,fold\na,0\n"}, {},
     "has no column 'image_id'; it has id, fold"),
    ("no such group", PAIRS | {"folds.csv": HEADER + "a,0,1,x\nb,1,2,x\nc,0,3,x\nd,1,4,x\n"},
     {"group": "plate"}, "has no column 'plate'; it has image_id, fold, mosaic, cluster"),
    ("unknown id", PAIRS | {"folds.csv": HEADER + "a,0,1,x\nz,1,2,x\n"}, {},
     "1 ids are not in"),
    ("image without row", PAIRS | {"folds.csv": HEADER + "a,0,1,x\n"}, {},
     "3 images have no row: b, c, d; add their rows"),
    ("repeated id", PAIRS | {"folds.csv": HEADER + "a,0,1,x\na,0,1,x\n"}, {}, "line 3 repeats 'a'"),
    ("short row", PAIRS | {"folds.csv": HEADER + "a,0\n"}, {}, "line 2 has 2 cells, the header 4"),
    ("no id in row", PAIRS | {"folds.csv": HEADER + ",0,1,x\n"}, {}, "line 2 has no image_id"),
    ("fold is no number", PAIRS | {"folds.csv": HEADER + "a,-1,1,x\nb,1,2,x\nc,0,3,x\nd,1,4,x\n"},
     {}, "the fold of a is '-1'; use whole numbers"),
    ("single fold", PAIRS | {"folds.csv": HEADER + "a,1,1,x\nb,1,2,x\nc,1,3,x\nd,1,4,x\n"}, {},
     "all images are in fold 1"),
    ("parted group", PAIRS | {"folds.csv": HEADER + "a,0,1,x\nb,1,1,x\nc,0,3,x\nd,1,4,x\n"}, {},
     "group '1' is in the folds 0 and 1"),
    ("native without masks", NATIVE | {"b/images/b.png": IMAGE, "b/masks": None}, {},
     "holds no mask"),
    ("native with two images", NATIVE | {"a/images/b.png": IMAGE}, {}, "holds 2 images"),
    ("native without image", NATIVE | {"b/masks/1.png": IMAGE}, {}, "holds 0 images"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("files", "options", "message"), [row[1:] for row in DATASETS], ids=[row[0] for row in DATASETS]
)
def test_bad_dataset(tmp_path, files, options, message):
    put(tmp_path, files)
    if "table" in options:
        options = options | {"table": tmp_path / options["table"]}
    with pytest.raises((DatasetError, InputError)) as caught:
        load_dataset(tmp_path, **options)
    text = str(caught.value)
    assert message in text and text.startswith(str(tmp_path))
    assert "; " in text and "\n" not in text


def test_dataset_path_is_missing_or_a_file(tmp_path):
    with pytest.raises(DatasetError, match="does not exist"):
        load_dataset(tmp_path / "no")
    (tmp_path / "file").write_text("x")
    with pytest.raises(DatasetError, match="is not a folder"):
        load_dataset(tmp_path / "file")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (PAIRS | {"labels/a.png": IMAGE[:5]}, "labels/a.png: is 5x7 pixels, its image a.png 6x7"),
        (PAIRS | {"labels/a.png": NOISE}, "labels/a.png: is a colour image"),
        (PAIRS | {"labels/a.png": b""}, "labels/a.png: is empty"),
        (PAIRS | {"images/a.png": half(encoded("PNG"))}, "images/a.png: is damaged or truncated"),
        (NATIVE | {"a/masks/2.png": IMAGE[1:], "b/images/b.png": IMAGE, "b/masks/1.png": IMAGE},
         "masks/2.png: is 5x7 pixels, 1.png is 6x7"),
        (NATIVE | {"a/images/a.png": IMAGE[1:], "b/images/b.png": IMAGE, "b/masks/1.png": IMAGE},
         "masks/1.png: is 6x7 pixels, its image a.png 5x7"),
    ],
)  # fmt: skip
def test_bad_record(tmp_path, files, message):
    put(tmp_path, files)
    record = load_dataset(tmp_path, folds=2).records[0]
    with pytest.raises((DatasetError, InputError)) as caught:
        record.read()
    assert message in str(caught.value)
