"""Draw outlines, coloured by predicted IoU or by class, over an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from nucleisplit.files import replacing
from nucleisplit.images import as_real
from nucleisplit.names import counted
from nucleisplit.palette import Color

__all__ = [
    "DOUBTFUL",
    "UNKNOWN",
    "ClassColors",
    "display_levels",
    "draw_outlines",
    "draw_overlay",
    "for_display",
    "iou_colors",
    "write_overlay",
]

# Yellow to blue, even steps: lightness falls all the way, so that any colour vision tells the ends
# apart, and the doubtful stand out both on dark fluorescence and on purple tissue.
_ANCHORS = np.array(
    [[255, 236, 60], [255, 210, 30], [140, 205, 50], [20, 180, 150], [50, 125, 240]], float
)
UNKNOWN = (255, 110, 60)
"""Colour, red, green and blue, where no IoU is predicted."""
DOUBTFUL = 0.5
"""Nuclei of a lower predicted IoU have outlines twice as wide."""

SMALL_SIDE = 512
"""Images are enlarged by a whole factor until their shorter side has about this many pixels..."""
LARGE_SIDE = 2048
"""... as long as their longer side stays within this many."""


def iou_colors(iou: np.ndarray) -> np.ndarray:
    """Map values in [0, 1] to colours, (n, 3) uint8: yellow 0, green 0.5, blue 1.

    >>> iou_colors(np.array([0.0, 1.0])).tolist()
    [[255, 236, 60], [50, 125, 240]]
    """
    at = np.clip(np.nan_to_num(np.asarray(iou, float)), 0, 1) * (len(_ANCHORS) - 1)
    steps = np.arange(len(_ANCHORS))
    channels = [np.interp(at, steps, _ANCHORS[:, c]) for c in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class ClassColors:
    """The class of every nucleus, for a picture that shows classes."""

    palette: Mapping[str, Color]
    """The classes in order, with their colours."""
    ids: np.ndarray
    """(n,) integer: number of the class of each nucleus, from 1, by label; 0 for none."""

    def colors(self) -> np.ndarray:
        """Return the colour of each nucleus, (n, 3) uint8."""
        table = [UNKNOWN, *self.palette.values()]
        return np.array(table, np.uint8)[self.ids]


def draw_overlay(
    image: np.ndarray,
    labels: np.ndarray,
    predicted_iou: np.ndarray | None = None,
    classes: ClassColors | None = None,
) -> np.ndarray:
    """Draw the outline of every nucleus, and a colour bar or the classes below the image.

    Parameters
    ----------
    image : (H, W) or (H, W, 3) ndarray
        Scaled for display, see `display_levels`, all channels alike.
    labels : (H, W) integer ndarray
        0 = background, 1..n.
    predicted_iou : (n,) ndarray, optional
        In [0, 1], by label; without it all outlines have one colour and there is no bar.
    classes : ClassColors, optional
        Outlines have the colours of these instead of those of the predicted IoU.

    Returns
    -------
    (H', W', 3) uint8 ndarray
        Small images are enlarged by a whole factor. The outline is the inner rim of the nucleus,
        so the outlines of touching nuclei do not hide each other; a dark seam outside keeps it
        visible on pale tissue. It is wider in larger pictures, up to a sixteenth of the median
        nucleus, and twice as wide around the doubtful, see `DOUBTFUL`.

    Raises
    ------
    ValueError
        Shapes that do not match, or fewer values of `predicted_iou` than labels.
    """
    if image.shape[:2] != labels.shape:
        raise ValueError(f"image is {image.shape[:2]}, labels are {labels.shape}")
    count = int(labels.max(initial=0))
    if predicted_iou is not None and len(predicted_iou) < count:
        raise ValueError(f"{len(predicted_iou)} values of predicted IoU for {count} labels")
    factor = _enlargement(labels.shape)
    picture = _enlarge(for_display(image), factor)
    enlarged = _enlarge(labels, factor)
    colors = None if classes is None else classes.colors()
    draw_outlines(picture, enlarged, predicted_iou, _width(enlarged), colors)
    if predicted_iou is None:
        return picture
    return np.concatenate([picture, _legend(picture.shape[1], count, classes)])


def draw_outlines(
    picture: np.ndarray,
    labels: np.ndarray,
    predicted_iou: np.ndarray | None = None,
    width: int = 1,
    colors: np.ndarray | None = None,
) -> None:
    """Draw the outlines alone into a picture of the size of the labels, see `draw_overlay`.

    Parameters
    ----------
    picture : (H, W, 3) uint8 ndarray
        Changed in place.
    labels : (H, W) integer ndarray
    predicted_iou : (n,) ndarray, optional
    width : int
        Of the outlines, pixels; the doubtful have twice that.
    colors : (n, 3) uint8 ndarray, optional
        By label; by default those of the predicted IoU.
    """
    near = _near_other(labels, width)
    rim = near & (labels > 0)
    seam = near & ~rim
    picture[seam] = picture[seam] // 3
    if predicted_iou is None:
        picture[rim] = UNKNOWN
        return
    iou = np.nan_to_num(np.asarray(predicted_iou, float))
    doubtful = np.concatenate([[False], iou < DOUBTFUL])
    if doubtful.any():
        rim |= _near_other(labels, 2 * width) & doubtful[labels]
    colors = iou_colors(iou) if colors is None else colors
    picture[rim] = colors[labels[rim] - 1]


def write_overlay(
    path: str | Path,
    image: np.ndarray,
    labels: np.ndarray,
    predicted_iou: np.ndarray | None = None,
    overwrite: bool = False,
    classes: ClassColors | None = None,
) -> None:
    """Write `draw_overlay` as PNG.

    Raises
    ------
    OutputError
        See `nucleisplit.files.replacing`.
    ValueError
        See `draw_overlay`.
    """
    picture = Image.fromarray(draw_overlay(image, labels, predicted_iou, classes))
    with replacing(path, overwrite) as part:
        picture.save(part, format="PNG", compress_level=1)


def _width(labels: np.ndarray) -> int:
    """Width of an outline: about 1 in 500 pixels of the picture, and thin beside the nuclei."""
    areas = np.bincount(labels.ravel())[1:]
    areas = areas[areas > 0]
    diameter = np.sqrt(np.median(areas) * 4 / np.pi) if areas.size else 0
    return int(max(1, min(round(max(labels.shape) / 500), diameter // 16)))


def _enlargement(shape: tuple[int, int]) -> int:
    wanted = -(-SMALL_SIDE // min(shape))
    return max(1, min(wanted, LARGE_SIDE // max(shape)))


def _enlarge(array: np.ndarray, factor: int) -> np.ndarray:
    if factor == 1:
        return array
    return array.repeat(factor, axis=0).repeat(factor, axis=1)


def for_display(image: np.ndarray, levels: tuple[float, float] | None = None) -> np.ndarray:
    """Scale an image for display, (H, W, 3) uint8, all channels alike.

    Parameters
    ----------
    image : (H, W) or (H, W, 3) ndarray
    levels : (float, float), optional
        What becomes black and white; by default `display_levels` of the image.
    """
    low, high = levels or display_levels(image)
    span = high - low if high > low else 1.0
    real = as_real(image)
    kind = real.dtype.type
    picture = (np.clip((real - kind(low)) / kind(span), 0, 1) * 255).astype(np.uint8)
    return np.stack([picture] * 3, axis=-1) if picture.ndim == 2 else picture.copy()


def display_levels(image: np.ndarray) -> tuple[float, float]:
    """What becomes black and white: the 0.1 and 99.9 percentiles of an image.

    White is at most three times as far from black as the 97th percentile, so that one saturated
    cell does not darken all others. Its extremes where the percentiles are equal.
    """
    step = max(1, int(np.sqrt(image.shape[0] * image.shape[1] / 1e6)))
    low, most, high = np.percentile(as_real(image[::step, ::step]).astype(float), (0.1, 97, 99.9))
    if most > low:
        high = min(high, low + 3 * (most - low))
    if high <= low:
        low, high = float(image.min()), float(image.max())
    return float(low), float(high)


def _near_other(labels: np.ndarray, width: int) -> np.ndarray:
    """Tell the pixels with another label within `width` steps up, down or aside."""
    near = np.zeros(labels.shape, bool)
    for step in range(1, width + 1):
        for axis in (0, 1):
            x, n = np.moveaxis(labels, axis, 0), np.moveaxis(near, axis, 0)
            differs = x[step:] != x[:-step]
            n[step:] |= differs
            n[:-step] |= differs
    return near


def _legend(width: int, count: int, classes: ClassColors | None) -> np.ndarray:
    """Draw the strip with the colour bar, or with the classes and their counts, 28 pixels high."""
    strip = Image.new("RGB", (width, 28), (20, 20, 20))
    draw = ImageDraw.Draw(strip)
    font = ImageFont.load_default(13)
    text = (225, 225, 225)
    at = 8
    if width >= 520:
        draw.text((width - 8, 14), counted(count, "nucleus"), text, font, anchor="rm")
    if classes is not None:
        counts = np.bincount(classes.ids, minlength=len(classes.palette) + 1)
        for number, (name, colour) in enumerate(classes.palette.items(), start=1):
            entry = f"{name} {counts[number]}"
            length = int(draw.textlength(entry, font))
            if at + 18 + length > width - (130 if width >= 520 else 8):
                break
            draw.rectangle((at, 8, at + 12, 20), colour)
            draw.text((at + 18, 14), entry, text, font, anchor="lm")
            at += length + 34
        return np.asarray(strip)
    low, high = ("doubtful 0", "1 sure") if width >= 420 else ("0", "1")
    if width >= 320:
        draw.text((at, 14), "predicted IoU", text, font, anchor="lm")
        at += int(draw.textlength("predicted IoU", font)) + 12
    if width >= 120:
        draw.text((at, 14), low, text, font, anchor="lm")
        at += int(draw.textlength(low, font)) + 6
        room = width - at - int(draw.textlength(high, font)) - 14
        bar = iou_colors(np.linspace(0, 1, max(40, min(160, room))))
        strip.paste(Image.fromarray(np.repeat(bar[None], 12, axis=0)), (at, 8))
        draw.text((at + len(bar) + 6, 14), high, text, font, anchor="lm")
    return np.asarray(strip)
