"""Open microscope images of every kind; read images and label images into plain arrays.

The format is told from the first bytes of the file, not from its name, except for the files of
microscope makers.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from nucleisplit.errors import InputError

from .label_check import as_labels
from .planes import PlaneChoice, SeveralImages, check_claim, choose_scene, describe_axes
from .png import PNG, check_png, is_deep_png
from .source import ImageSource, told
from .store import ArrayStore, Store
from .zarr_folders import is_zarr, is_zarr_zip

__all__ = ["IMAGE_SUFFIXES", "image_numbers", "is_zarr", "open_image", "read_image", "read_labels"]

IMAGE_SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".btf", ".lsm"),
    *(".svs", ".ndpi", ".scn", ".bif", ".zarr", ".czi", ".nd2", ".lif"),
)
"""File name endings (lower case) that count as images when a folder is listed."""

MAKER_SUFFIXES = {".czi": "bioio_czi", ".nd2": "bioio_nd2", ".lif": "bioio_lif"}
"""File name endings of microscope makers, and the plugin of bioio that reads them."""

_MOST_WHOLE = 2**28
"""Pixels of an image of a format that is decoded as a whole."""
_FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF")
_PLAIN_MODES = {"1", "L", "LA", "I", "F", "RGB", "RGBA"}
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def open_image(
    path: str | Path, choice: PlaneChoice | None = None, *, palette: bool = True
) -> ImageSource:
    """Open an image: what it holds is known at once, pixels are read when asked for.

    Parameters
    ----------
    path : str or Path
        TIFF of any kind (BigTIFF, OME, ImageJ, whole slides that tifffile knows, such as .svs,
        .ndpi and .scn), an OME-Zarr (a folder, or one that is zipped), PNG, JPEG, BMP or WebP
        (these are decoded at once); CZI, ND2 and LIF with
        ``pip install 'nucleisplit[microscopes]'``.
    choice : PlaneChoice, optional
        Of which the `scene` counts here; the rest is for `ImageSource.plane`.
    palette : bool
        Apply the colour map of a palette image; otherwise its indices are the pixels.

    Raises
    ------
    InputError
        The file is missing, empty, damaged, of no known format, or holds several images and the
        choice does not say which.
    """
    path = Path(path)
    with told(path):
        store = _open_store(path, choice or PlaneChoice(), palette)
        try:
            first = store.shapes[0]
            if first is not None and len(first) < 2:
                raise InputError(f"has no rows and columns (shape {first})", "export it again")
            if first is not None and 0 in first:
                raise InputError(f"has no pixels (shape {first})", "export it again")
            if first is not None and len(first) != len(store.axes):
                raise InputError(
                    f"is damaged ({describe_axes(store.axes, first)})", "copy or export it again"
                )
            return ImageSource(path, store)
        except BaseException:
            store.close()
            raise


def image_numbers(path: str | Path) -> tuple[int | None, ...]:
    """List the numbers of the images of a file; None stands for the only one.

    Of a file of an OME-TIFF set those of which it holds planes.

    Raises
    ------
    InputError
        The file cannot be opened.
    """
    path = Path(path)
    with told(path):
        try:
            _open_store(path, PlaneChoice(), True).close()
        except SeveralImages as several:
            return several.numbers
    return (None,)


def read_image(path: str | Path, choice: PlaneChoice | None = None) -> np.ndarray:
    """Read one image.

    Parameters
    ----------
    path : str or Path
        As for `open_image`. The orientation tag that cameras and telephones write is not applied:
        rows are those stored in the file.
    choice : PlaneChoice, optional
        Which plane, where the file holds more than one.

    Returns
    -------
    ndarray, shape (H, W) or (H, W, 3)
        In the type of the file and native byte order. A palette is applied, an alpha channel is
        dropped (transparency is no signal).

    Raises
    ------
    InputError
        The file is missing, empty, truncated, not an image, holds more than one plane, is of a
        complex type, or holds NaN or infinity.
    """
    with open_image(path, choice) as source:
        return source.plane(choice).read()


def read_labels(path: str | Path, choice: PlaneChoice | None = None) -> np.ndarray:
    """Read one label image as it is: no clean-up, no renumbering.

    Parameters
    ----------
    path : str or Path
        PNG (8/16-bit, or palette: its indices), TIFF or OME-Zarr (any integer type, or float
        holding whole numbers). An alpha channel is dropped.
    choice : PlaneChoice, optional
        Which plane; of a file of rows and columns alone there is none to choose.

    Returns
    -------
    ndarray of int32, shape (H, W)
        0 is background, every other value one instance.

    Raises
    ------
    InputError
        As `read_image`, or the file is a colour image, or holds fractions, negative values or
        values above 2**31 - 1.
    """
    path = Path(path)
    with open_image(path, choice, palette=False) as source:
        is_plain = sum(length > 1 for length in source.shape) <= 2
        labels = source.plane(None if is_plain else choice).read()
    if labels.ndim != 2:
        raise InputError(
            f"{path}: is a colour image of {labels.shape[2]} channels, not a label image",
            "save one number per nucleus in a single-channel 16-bit PNG or TIFF",
        )
    return as_labels(path, labels)


def _open_store(path: Path, choice: PlaneChoice, palette: bool) -> Store:
    scene = choice.scene
    if is_zarr(path) or is_zarr_zip(path):
        from .zarr_store import ZarrStore

        return ZarrStore(path, scene)
    head = _open_file(path, 4)
    if path.suffix.lower() in MAKER_SUFFIXES:
        from .bioio_store import BioioStore

        return BioioStore(path, MAKER_SUFFIXES[path.suffix.lower()], scene)
    if head in _TIFF:
        from .tiff import TiffStore

        return TiffStore(path, scene, palette)
    choose_scene(scene, [""])
    return ArrayStore(*_decode(path, palette, choice.max_pixels))


def _decode(path: Path, palette: bool, max_pixels: int | None) -> tuple[np.ndarray, bool]:
    """Return the pixels of a file, (H, W) or (H, W, C), and whether the last channel is alpha."""
    most, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None  # the limit is our own
    try:
        return _decode_pillow(_open_file(path), palette, max_pixels)
    except UnidentifiedImageError:
        raise InputError(
            "is not an image that can be read", "use PNG, JPEG, BMP, WebP, TIFF or OME-Zarr"
        ) from None
    finally:
        Image.MAX_IMAGE_PIXELS = most


def read_bytes(path: Path) -> bytes:
    """Return the content of a file; `InputError` if it is missing, a folder, locked or empty."""
    with told(path):
        return _open_file(path)


def _open_file(path: Path, count: int = -1) -> bytes:
    """Read the first bytes of a file, by default all; messages name no path."""
    try:
        with path.open("rb") as file:
            data = file.read(count)
    except FileNotFoundError:
        if path.is_symlink():
            raise InputError(
                f"is a link to {os.readlink(path)}, which does not exist", "check the link"
            ) from None
        raise InputError("does not exist", "check the path") from None
    except IsADirectoryError:
        raise InputError("is a folder", "name a file in it") from None
    except OSError as error:
        raise InputError(f"cannot be opened ({error.strerror})", "check the permissions") from None
    if not data:
        raise InputError("is empty (0 bytes)", "copy or export it again")
    return data


def _decode_pillow(data: bytes, palette: bool, max_pixels: int | None) -> tuple[np.ndarray, bool]:
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        check_claim(image.size[::-1], 4, lambda _: len(data), max_pixels, _MOST_WHOLE)
    if data.startswith(PNG):
        check_png(data)
        if is_deep_png(data):
            import imagecodecs  # Pillow would cut 16-bit colour down to 8 bits

            pixels = imagecodecs.png_decode(data)
            return pixels, pixels.ndim == 3 and pixels.shape[2] in (2, 4)
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and image.format in ("GIF", "PNG", "WEBP"):
            raise InputError(f"is an animation of {frames} frames", "save one frame per file")
        if image.mode == "P":
            if palette:
                image = image.convert("RGBA" if "transparency" in image.info else "RGB")
        elif image.mode not in _PLAIN_MODES and not image.mode.startswith("I;16"):
            image = image.convert("RGB")  # CMYK, YCbCr, ...
        return np.asarray(image), image.mode in ("LA", "RGBA")
