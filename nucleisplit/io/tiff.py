"""Decode one plane of a TIFF file into (H, W) or (H, W, C)."""

from __future__ import annotations

import io
import logging

import numpy as np

from nucleisplit.errors import InputError

__all__ = ["decode_tiff", "is_tiff"]

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_ALPHA = (1, 2)  # ExtraSamples: associated and unassociated alpha

# Without a handler, tifffile's remarks on odd tags would end up on the terminal.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


def is_tiff(data: bytes) -> bool:
    """Tell TIFF and BigTIFF of both byte orders by their first four bytes."""
    return data[:4] in _MAGIC


def decode_tiff(data: bytes, palette: bool = True) -> tuple[np.ndarray, bool]:
    """Decode the first series of a TIFF file at its full resolution.

    Parameters
    ----------
    data : bytes
        Content of the file.
    palette : bool
        Apply the colour map of a palette image; otherwise return its indices.

    Returns
    -------
    pixels : ndarray, shape (H, W) or (H, W, C)
        Channels last, wherever the file keeps them.
    alpha : bool
        The file declares its last channel as transparency.

    Raises
    ------
    InputError
        The file is truncated, or a stack (time, depth or unnamed pages). The message names no
        path; the caller adds it. Damaged files raise whatever tifffile raises.
    """
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        if not tiff.pages:
            raise InputError("holds no image", "export it again")
        series = tiff.series[0]
        for page in filter(None, series.pages):
            ends = (o + n for o, n in zip(page.dataoffsets, page.databytecounts, strict=False))
            if not any(page.databytecounts) or max(ends, default=0) > len(data):
                raise InputError("is truncated", "copy or export it again")
        axes, shape = series.axes, series.shape
        _check_axes(axes, shape)
        pixels = series.asarray()
        colormap = getattr(series.keyframe, "colormap", None)
        extra = [int(kind) for kind in series.keyframe.extrasamples]
    pixels = _channels_last(pixels, axes)
    if palette and colormap is not None and pixels.ndim == 2:
        pixels = (np.moveaxis(np.asarray(colormap), 0, -1)[pixels] >> 8).astype(np.uint8)
    alpha = pixels.ndim == 3 and bool(extra) and extra[-1] in _ALPHA
    return pixels, alpha


def _check_axes(axes: str, shape: tuple[int, ...]) -> None:
    """Refuse everything but one plane with at most one channel axis."""
    extra = [(a, n) for a, n in zip(axes, shape, strict=True) if a not in "YX" and n > 1]
    channels = [n for a, n in extra if a in "SC"]
    unnamed = [n for a, n in extra if a not in "SC"]
    if not unnamed and len(channels) <= 1:
        return
    if len(extra) == 1 and _is_trailing_channel(axes, shape):
        return
    raise InputError(
        f"is a stack (axes {axes}, shape {'x'.join(map(str, shape))})", "save one plane per file"
    )


def _is_trailing_channel(axes: str, shape: tuple[int, ...]) -> bool:
    """Tell (H, W, C) arrays saved without naming the channels, which read as H pages of W x C."""
    large = [n for n in shape if n > 1]
    return len(large) == 3 and large[-1] <= 4 < min(large[:2]) and axes[-1] == "X"


def _channels_last(pixels: np.ndarray, axes: str) -> np.ndarray:
    """Drop axes of length one other than rows and columns; move channels to the end."""
    shape = pixels.shape
    if not {"Y", "X"} <= set(axes):
        raise InputError(f"has no rows and columns (axes {axes})", "export it again")
    keep = [i for i, a in enumerate(axes) if a in "YX" or shape[i] > 1]
    pixels = pixels.reshape([shape[i] for i in keep])
    names = [axes[i] for i in keep]
    if len(names) == 2:
        return pixels
    if _is_trailing_channel(axes, shape):
        return pixels
    channel = next(i for i, a in enumerate(names) if a not in "YX")
    return np.moveaxis(pixels, channel, -1)
