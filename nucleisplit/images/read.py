"""Open microscope images of every kind; read images and label images into plain arrays.

The format is told from the first bytes of the file, not from its name, except for the files of
microscope makers.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from nucleisplit.errors import InputError
from nucleisplit.files import first_bytes, naming_file

from .plane_choice import PlaneChoice, SeveralImages, check_claim, choose_scene, describe_axes
from .source import ImageSource
from .stores.base import ArrayStore, Store
from .stores.ome_zarr_folders import is_zarr, is_zarr_zip
from .stores.png import PNG, check_png, is_deep_png

__all__ = [
    "image_numbers",
    "image_size",
    "is_zarr",
    "open_image",
    "read_image",
]


MAKER_SUFFIXES = {".czi": "bioio_czi", ".nd2": "bioio_nd2", ".lif": "bioio_lif"}
"""File name endings of microscope makers, and the plugin of bioio that reads them."""

_MOST_WHOLE = 2**28
"""Pixels of an image of a format that is decoded as a whole."""
_FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF")
_PLAIN_MODES = {"1", "L", "LA", "I", "F", "RGB", "RGBA"}
_DECODED_AT_ONCE = (b"\x89PNG", b"\xff\xd8\xff", b"BM", b"RIFF", b"GIF8")
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
        (these are decoded at once); CZI, ND2 and LIF with the extra ``microscopes``.
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
    with naming_file(path):
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
    with naming_file(path):
        try:
            _open_store(path, PlaneChoice(), True).close()
        except SeveralImages as several:
            return several.numbers
    return (None,)


def image_size(path: str | Path, choice: PlaneChoice | None = None) -> tuple[int, int]:
    """Tell height and width of a plane without decoding it.

    Parameters
    ----------
    path, choice
        As for `read_image`. (Of formats that are decoded at once, `PlaneChoice.axes` do not count.)

    Raises
    ------
    InputError
        As for `read_image`, but for what only the pixels show.
    """
    path, choice = Path(path), choice or PlaneChoice()
    with naming_file(path):
        if path.is_file() and first_bytes(path, 4).startswith(_DECODED_AT_ONCE):
            with _of_any_size(), Image.open(path, formats=_FORMATS) as opened:
                return opened.height, opened.width
    with open_image(path, choice) as source:
        height, width = source.plane(choice).shape[:2]
    return height, width


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


def _open_store(path: Path, choice: PlaneChoice, palette: bool) -> Store:
    scene = choice.scene
    if is_zarr(path) or is_zarr_zip(path):
        from .stores.ome_zarr import ZarrStore

        return ZarrStore(path, scene, choice.image)
    head = first_bytes(path, 4)
    if path.suffix.lower() in MAKER_SUFFIXES:
        from .stores.bioio import BioioStore

        return BioioStore(path, MAKER_SUFFIXES[path.suffix.lower()], scene)
    if head in _TIFF:
        from .stores.tiff import TiffStore

        return TiffStore(path, scene, palette)
    choose_scene(scene, [""])
    return ArrayStore(*_decode(path, palette, choice.max_pixels))


def _decode(path: Path, palette: bool, max_pixels: int | None) -> tuple[np.ndarray, bool]:
    """Return the pixels of a file, (H, W) or (H, W, C), and whether the last channel is alpha."""
    try:
        with _of_any_size():
            return _decode_pillow(first_bytes(path), palette, max_pixels)
    except UnidentifiedImageError:
        raise InputError(
            "is not an image that can be read", "use PNG, JPEG, BMP, WebP, TIFF or OME-Zarr"
        ) from None


@contextmanager
def _of_any_size() -> Iterator[None]:
    """Let Pillow open images of any size: the limit is our own."""
    most, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = most


def _decode_pillow(data: bytes, palette: bool, max_pixels: int | None) -> tuple[np.ndarray, bool]:
    with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
        check_claim(opened.size[::-1], 4, lambda _: len(data), max_pixels, _MOST_WHOLE)
    if data.startswith(PNG):
        check_png(data)
        if is_deep_png(data):
            import imagecodecs  # Pillow would cut 16-bit colour down to 8 bits

            pixels = imagecodecs.png_decode(data)
            return pixels, pixels.ndim == 3 and pixels.shape[2] in (2, 4)
    with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
        image: Image.Image = opened
        frames = getattr(opened, "n_frames", 1)
        if frames > 1 and opened.format in ("GIF", "PNG", "WEBP"):
            raise InputError(f"is an animation of {frames} frames", "save one frame per file")
        if image.mode == "P":
            if palette:
                image = image.convert("RGBA" if "transparency" in image.info else "RGB")
        elif image.mode not in _PLAIN_MODES and not image.mode.startswith("I;16"):
            image = image.convert("RGB")  # CMYK, YCbCr, ...
        return np.asarray(image), image.mode in ("LA", "RGBA")
