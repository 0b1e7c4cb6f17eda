"""Read microscope images and label images into plain arrays.

The format is told from the first bytes of the file, not from its name.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from nucleisplit.errors import InputError

from .tiff import decode_tiff, is_tiff

__all__ = ["IMAGE_SUFFIXES", "read_image", "read_labels"]

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
"""File name endings (lower case) that count as images when a folder is listed."""

_FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF")
_PLAIN_MODES = {"1", "L", "LA", "I", "F", "RGB", "RGBA"}


def read_image(path: str | Path) -> np.ndarray:
    """Read one image.

    Parameters
    ----------
    path : str or Path
        PNG, JPEG, BMP, WebP or TIFF (also BigTIFF, big-endian, OME and ImageJ). One plane: gray,
        RGB, RGBA or palette; 8/16/32-bit, bool or float. The orientation
        tag that cameras and telephones write is not applied: rows are those stored in the file.

    Returns
    -------
    ndarray, shape (H, W) or (H, W, 3)
        In the type of the file and native byte order. A palette is applied. An alpha channel is
        dropped (transparency is no signal), and so is a constant fourth channel.

    Raises
    ------
    InputError
        The file is missing, empty, truncated, not an image, a stack, of 2 or more than 3 channels,
        of a complex type, or holds NaN or infinity.
    """
    path = Path(path)
    image, alpha = _decode(path, palette=True)
    if image.ndim == 3:
        image = _drop_alpha(image, alpha)
        if image.shape[2] not in (1, 3):
            raise InputError(
                f"{path}: has {image.shape[2]} channels",
                "save the nuclear channel alone (gray), or RGB",
            )
        image = image[..., 0] if image.shape[2] == 1 else image
    if image.dtype.kind not in "buif":
        raise InputError(f"{path}: has pixels of type {image.dtype}", "save it as 8- or 16-bit")
    if image.dtype.kind == "f":
        bad = image.size - int(np.isfinite(image).sum())
        if bad:
            raise InputError(
                f"{path}: holds {bad} NaN or infinite values", "replace them by numbers"
            )
    return np.ascontiguousarray(image)


def _drop_alpha(image: np.ndarray, alpha: bool) -> np.ndarray:
    if alpha or (image.shape[2] == 4 and (image[..., 3] == image[0, 0, 3]).all()):
        return image[..., :-1]
    return image


def read_labels(path: str | Path) -> np.ndarray:
    """Read one label image as it is: no clean-up, no renumbering.

    Parameters
    ----------
    path : str or Path
        PNG (8/16-bit, or palette: its indices) or TIFF (any integer type, or float holding whole
        numbers). An alpha channel is dropped.

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
    labels, alpha = _decode(path, palette=False)
    if alpha:
        labels = labels[..., :-1]
    if labels.ndim == 3 and labels.shape[2] == 1:
        labels = labels[..., 0]
    if labels.ndim != 2:
        raise InputError(
            f"{path}: is a colour image of {labels.shape[2]} channels, not a label image",
            "save one number per nucleus in a single-channel 16-bit PNG or TIFF",
        )
    if labels.dtype.kind == "f":
        if not np.isfinite(labels).all() or (labels != np.rint(labels)).any():
            raise InputError(f"{path}: labels are not whole numbers", "save them as integers")
    elif labels.dtype.kind not in "bui":
        raise InputError(f"{path}: has pixels of type {labels.dtype}", "save them as integers")
    if labels.size and labels.dtype.kind != "b":
        low, high = labels.min(), labels.max()
        if low < 0:
            raise InputError(f"{path}: holds the negative label {low}", "use 0 for background")
        if high > np.iinfo(np.int32).max:
            raise InputError(f"{path}: holds the label {high}, above 2**31 - 1", "renumber it")
    return np.ascontiguousarray(labels, dtype=np.int32)


def _decode(path: Path, *, palette: bool) -> tuple[np.ndarray, bool]:
    """Return the pixels of a file, (H, W) or (H, W, C), and whether the last channel is alpha."""
    data = read_bytes(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            pixels, alpha = (
                decode_tiff(data, palette) if is_tiff(data) else _decode_pillow(data, palette)
            )
    except InputError as error:
        raise InputError(f"{path}: {error.message}", error.hint) from None
    except UnidentifiedImageError:
        raise InputError(
            f"{path}: is not an image that can be read", "use PNG, JPEG, BMP, WebP or TIFF"
        ) from None
    except Image.DecompressionBombError:
        raise InputError(f"{path}: is too large for its format", "save it as TIFF") from None
    except MemoryError:
        raise InputError(f"{path}: does not fit into memory", "cut it into parts") from None
    except Exception as error:  # decoders raise dozens of types on damaged files
        raise InputError(
            f"{path}: is damaged or truncated ({str(error) or type(error).__name__})",
            "copy or export it again",
        ) from error
    if pixels.size == 0:
        raise InputError(f"{path}: has no pixels (shape {pixels.shape})", "export it again")
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False), alpha


def read_bytes(path: Path) -> bytes:
    """Return the content of a file; `InputError` if it is missing, a folder, locked or empty."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist", "check the path") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder", "name a file in it") from None
    except OSError as error:
        raise InputError(
            f"{path}: cannot be opened ({error.strerror})", "check the permissions"
        ) from None
    if not data:
        raise InputError(f"{path}: is empty (0 bytes)", "copy or export it again")
    return data


def _decode_pillow(data: bytes, palette: bool) -> tuple[np.ndarray, bool]:
    if _is_deep_png(data):
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


def _is_deep_png(data: bytes) -> bool:
    """Tell a PNG of 16 bits per channel with more than one channel, from its IHDR chunk."""
    return data[:8] == b"\x89PNG\r\n\x1a\n" and data[24:25] == b"\x10" and data[25:26] != b"\x00"
