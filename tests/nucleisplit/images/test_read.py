"""Images and label images of every kind come out as the array that was stored."""

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from nucleisplit.errors import InputError
from nucleisplit.images import image_size, read_image
from nucleisplit.labels import read_labels

GRAY = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
RGB = np.stack([GRAY, GRAY[::-1], 255 - GRAY], axis=-1)
DEEP = np.arange(12, dtype=np.uint16).reshape(3, 4) * 5000
DEEP_RGB = np.stack([DEEP, DEEP[::-1], 65535 - DEEP], axis=-1)


def opaque(rgb, top):
    return np.concatenate([rgb, np.full((*rgb.shape[:2], 1), top, rgb.dtype)], axis=-1)


def save_pil(array, mode=None):
    def save(path):
        image = Image.fromarray(array)
        (image.convert(mode) if mode else image).save(path)

    return save


def save_png16(array):
    return lambda path: path.write_bytes(imagecodecs.png_encode(array))


def save_tiff(array, **options):
    return lambda path: tifffile.imwrite(path, array, **options)


def save_varying_alpha(path):
    Image.fromarray(np.dstack([RGB, GRAY])).save(path)


IMAGES = [
    ("gray.png", save_pil(GRAY), GRAY),
    ("gray16.png", save_pil(DEEP), DEEP),
    ("rgb.png", save_pil(RGB), RGB),
    ("rgb16.png", save_png16(DEEP_RGB), DEEP_RGB),
    ("rgba.png", save_pil(opaque(RGB, 255)), RGB),
    ("rgba16.png", save_png16(opaque(DEEP_RGB, 65535)), DEEP_RGB),
    ("varying_alpha.png", save_varying_alpha, RGB),
    ("gray_alpha.png", save_pil(GRAY, "LA"), GRAY),
    ("bool.png", save_pil(GRAY > 100), GRAY > 100),
    ("rgb.bmp", save_pil(RGB), RGB),
    ("gray.tif", save_tiff(GRAY), GRAY),
    ("gray16.tif", save_tiff(DEEP), DEEP),
    ("big_endian.tif", save_tiff(DEEP, byteorder=">"), DEEP),
    ("big_tiff.tif", save_tiff(DEEP, bigtiff=True), DEEP),
    ("rgb.tif", save_tiff(RGB, photometric="rgb"), RGB),
    ("rgb16_deflate.tif", save_tiff(DEEP_RGB, photometric="rgb", compression="zlib"), DEEP_RGB),
    ("rgb_lzw.tif", save_tiff(RGB, photometric="rgb", compression="lzw"), RGB),
    (
        "planar.tif",
        save_tiff(np.moveaxis(RGB, -1, 0).copy(), photometric="rgb", planarconfig="separate"),
        RGB,
    ),
    ("rgba.tif", save_tiff(opaque(RGB, 255), photometric="rgb"), RGB),
    ("float64.tif", save_tiff(GRAY / 7), GRAY / 7),
    ("bool.tif", save_tiff(GRAY > 100), GRAY > 100),
    ("one_page.tif", save_tiff(GRAY[None, None], photometric="minisblack"), GRAY),
    ("one_pixel.png", save_pil(GRAY[:1, :1]), GRAY[:1, :1]),
    ("one_pixel.tif", save_tiff(GRAY[:1, :1]), GRAY[:1, :1]),
    ("one_row.tif", save_tiff(GRAY[:1]), GRAY[:1]),
    ("one_column.tif", save_tiff(GRAY[:, :1]), GRAY[:, :1]),
    ("png_called.jpg.png", save_pil(RGB), RGB),
]


@pytest.mark.parametrize(("name", "save", "expected"), IMAGES, ids=[row[0] for row in IMAGES])
def test_read_image(tmp_path, name, save, expected):
    save(tmp_path / name)
    image = read_image(tmp_path / name)
    assert image.dtype == expected.dtype and image.dtype.isnative
    np.testing.assert_array_equal(image, expected)


def test_channels_last_without_a_name_are_recognised(tmp_path):
    image = np.random.default_rng(0).random((9, 8, 3), dtype=np.float32)
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="minisblack")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), image)


def test_palette_is_applied_to_images_and_not_to_labels(tmp_path):
    image = Image.frombytes("P", (2, 2), bytes([0, 1, 2, 1]))
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    image.save(tmp_path / "p.png")
    assert read_image(tmp_path / "p.png")[0].tolist() == [[0, 0, 0], [255, 0, 0]]
    assert read_labels(tmp_path / "p.png").tolist() == [[0, 1], [2, 1]]

    colormap = np.zeros((3, 256), np.uint16)
    colormap[0, 1] = 65535
    indices = np.array([[0, 1]], np.uint8)
    tifffile.imwrite(tmp_path / "p.tif", indices, photometric="palette", colormap=colormap)
    assert read_image(tmp_path / "p.tif").tolist() == [[[0, 0, 0], [255, 0, 0]]]
    assert read_labels(tmp_path / "p.tif").tolist() == [[0, 1]]


@pytest.mark.parametrize("ending", ["jpg", "webp"])
def test_lossy_formats(tmp_path, ending):
    image = np.full((16, 16, 3), (200, 100, 50), np.uint8)
    Image.fromarray(image).save(tmp_path / f"a.{ending}", quality=95)
    assert np.abs(read_image(tmp_path / f"a.{ending}").astype(int) - image).max() <= 4


def test_format_is_told_from_the_content(tmp_path):
    tifffile.imwrite(tmp_path / "a.png", DEEP)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), DEEP)


LABELS = np.array([[0, 1, 1], [0, 0, 300]])


@pytest.mark.parametrize(
    ("name", "save"),
    [
        ("a.png", save_pil(LABELS.astype(np.uint16))),
        ("a.tif", save_tiff(LABELS.astype(np.uint16))),
        ("a.tiff", save_tiff(LABELS.astype(">u4"), byteorder=">")),
        ("a.tif", save_tiff(LABELS.astype(np.int64))),
        ("a.tif", save_tiff(LABELS.astype(np.float32))),
    ],
)
def test_read_labels(tmp_path, name, save):
    save(tmp_path / name)
    labels = read_labels(tmp_path / name)
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, LABELS)


@pytest.mark.parametrize(
    ("save", "message"),
    [
        (save_tiff(RGB, photometric="rgb"), "is a colour image of 3 channels, not a label image"),
        (save_tiff(GRAY / 7), "labels are not whole numbers"),
        (save_tiff(GRAY.astype(np.int16) - 5), "holds the negative label -5"),
        (save_tiff(np.full((2, 2), 2**31, np.uint32)), "holds the label 2147483648"),
    ],
)
def test_read_labels_refuses(tmp_path, save, message):
    save(tmp_path / "a.tif")
    with pytest.raises(InputError, match=message) as caught:
        read_labels(tmp_path / "a.tif")
    assert str(caught.value).startswith(f"{tmp_path / 'a.tif'}: ")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "a.webp", "a.tif"])
def test_the_size_is_told_without_decoding(tmp_path, monkeypatch, name):
    Image.fromarray(RGB).save(tmp_path / name)

    def decode(*_):
        raise AssertionError("decodes")

    monkeypatch.setattr("nucleisplit.images.read._decode", decode)
    assert image_size(tmp_path / name) == (3, 4)


def test_the_size_of_a_file_that_is_no_image(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG, not")
    for name in ("a.png", "b.png"):
        with pytest.raises(InputError, match=name):
            image_size(tmp_path / name)
