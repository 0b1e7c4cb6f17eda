"""From an image as it was stored to what the network sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from .config import PreprocessConfig

_PERCENTILE_SAMPLE = 1_000_000

_CLAHE_TILE = 128
_CLAHE_CLIP = 2.0

_STAINS = ((0.65, 0.70, 0.29), (0.07, 0.99, 0.11), (0.27, 0.57, 0.78))
"""Red, green and blue absorbed by haematoxylin, eosin and DAB (Ruifrok, Johnston 2001)."""
_UNMIX_HAEMATOXYLIN = np.linalg.inv(np.array(_STAINS))[:, 0].astype(np.float32)
_DARKEST = np.float32(0.05)
"""Light that is let through at least, where absorbance is computed."""


@dataclass(frozen=True)
class Levels:
    """How the numbers of an image become those that the network sees."""

    spans: tuple[tuple[float, float], ...]
    """Lowest and highest value of the image, and of what else the variant scales, in order."""
    exchange: bool
    """Whether light and dark are exchanged."""


def measure_levels(image: np.ndarray, config: PreprocessConfig | None = None) -> Levels:
    """Measure an image, or samples of it side by side, so that parts of it can be scaled alike.

    Parameters
    ----------
    image, config
        As for `preprocess`.

    Raises
    ------
    ValueError
        As `preprocess`.

    Examples
    --------
    >>> image = np.array([[0, 100], [200, 400]], np.uint16)
    >>> preprocess(image[1:], levels=measure_levels(image))[..., 0].round(1).tolist()
    [[0.5, 1.0]]
    """
    return preprocess_and_measure(image, config)[1]


def preprocess_and_measure(
    image: np.ndarray, config: PreprocessConfig | None = None
) -> tuple[np.ndarray, Levels]:
    """Return what `preprocess` and `measure_levels` return, in one pass over the image."""
    config = config or PreprocessConfig()
    stretch = _Stretch(config)
    prepared, exchange = _prepare(_as_channels(image), config, stretch, None)
    return prepared, Levels(tuple(stretch.spans), exchange)


def preprocess(
    image: np.ndarray, config: PreprocessConfig | None = None, levels: Levels | None = None
) -> np.ndarray:
    """Scale an image to float32 RGB between two of its percentiles.

    The percentiles are taken over all colour channels together, so hues stay; an image of one
    constant value becomes 0 everywhere. Then, as the configuration says,

    - *polarity*: light and dark are exchanged. For ``auto`` they are where the mean of the scaled
      image is above one half, as it is when the background is light: nuclei are the smaller part
      of most images, and the brightest or darkest;
    - *variant* ``gray``: the luminance is scaled by its own percentiles instead;
      ``clahe``: the lightness of CIE Lab is equalised in tiles of 128 pixels (Zuiderveld 1994);
      ``lh``: lightness and the absorbance of haematoxylin by colour deconvolution (Ruifrok and
      Johnston 2001), scaled likewise. Unless the polarity is kept, nuclei are taken to absorb
      light, whether the image shows them dark or light.

    Parameters
    ----------
    image : ndarray, shape (H, W) or (H, W, C)
        Any boolean, integer or floating type; C is 1 (gray), 3 (RGB) or 4 (RGBA, alpha ignored).
    config : PreprocessConfig, optional
    levels : Levels, optional
        Of the image that this is a part of, from `measure_levels`; by default its own. (The
        equalisation of ``clahe`` looks at the part alone.)

    Returns
    -------
    ndarray, shape (H, W, 3), float32 in [0, 1]

    Raises
    ------
    ValueError
        For another shape or type, an empty image, masked pixels, or NaN or infinite values.

    Examples
    --------
    >>> image = np.array([[0, 100], [200, 400]], np.uint16)
    >>> preprocess(image)[..., 0].round(1).tolist()
    [[0.0, 0.2], [0.5, 1.0]]
    >>> preprocess(image, PreprocessConfig(polarity="invert"))[..., 0].round(1).tolist()
    [[1.0, 0.8], [0.5, 0.0]]
    """
    if levels is None:
        return preprocess_and_measure(image, config)[0]
    config = config or PreprocessConfig()
    stretch = _Stretch(config, levels.spans)
    return _prepare(_as_channels(image), config, stretch, levels.exchange)[0]


def _prepare(
    image: np.ndarray, config: PreprocessConfig, stretch: _Stretch, exchange: bool | None
) -> tuple[np.ndarray, bool]:
    """Scale (H, W, C) float32 or float64; measure what is not given."""
    scaled = stretch(image)
    low, high = stretch.spans[0]
    if exchange is None:
        exchange = config.polarity == "invert" or (
            config.polarity == "auto" and float(scaled.mean()) > 0.5
        )
    if high <= low:  # constant: black, whatever the variant
        return np.zeros((*image.shape[:2], 3), np.float32), exchange
    if config.variant == "gray":
        scaled = stretch(_luminance(image))
    if exchange:
        scaled = 1 - scaled
    scaled = np.broadcast_to(scaled, (*scaled.shape[:2], 3))
    if config.variant == "clahe":
        scaled = _equalise(scaled)
    elif config.variant == "lh":
        scaled = _lightness_haematoxylin(scaled, config, stretch)
    return np.ascontiguousarray(scaled), exchange


class _Stretch:
    """Scales one array after the other to [0, 1]: each by its own span, or by those given."""

    def __init__(self, config: PreprocessConfig, spans: Sequence[tuple[float, float]] = ()) -> None:
        self.config = config
        self.spans: list[tuple[float, float]] = []
        self._given = list(spans)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Scale (H, W, C) to float32; 0 when it is constant."""
        low, high = self._given.pop(0) if self._given else self._measure(image)
        self.spans.append((low, high))
        if high <= low:
            return np.zeros(image.shape, np.float32)
        low, span = image.dtype.type(low), image.dtype.type(high - low)
        return np.clip((image - low) / span, 0, 1).astype(np.float32, copy=False)

    def _measure(self, image: np.ndarray) -> tuple[float, float]:
        step = max(1, int(np.sqrt(image.shape[0] * image.shape[1] / _PERCENTILE_SAMPLE)))
        quantiles = self.config.low, self.config.high
        low, high = np.percentile(image[::step, ::step], quantiles).tolist()
        if high <= low:  # nearly constant: a few bright pixels may still be all there is
            low, high = float(image.min()), float(image.max())
        return low, high


def _luminance(image: np.ndarray) -> np.ndarray:
    if image.shape[2] == 1:
        return image
    return (image @ np.array([0.299, 0.587, 0.114], image.dtype))[..., None]


def _equalise(rgb: np.ndarray) -> np.ndarray:
    lab = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2Lab)
    tiles = [max(1, round(length / _CLAHE_TILE)) for length in rgb.shape[1::-1]]
    lightness = np.rint(lab[..., 0] * 2.55).astype(np.uint8)
    lab[..., 0] = cv2.createCLAHE(_CLAHE_CLIP, tiles).apply(lightness) / np.float32(2.55)
    return np.clip(cv2.cvtColor(lab, cv2.COLOR_Lab2RGB), 0, 1)


def _lightness_haematoxylin(
    rgb: np.ndarray, config: PreprocessConfig, stretch: _Stretch
) -> np.ndarray:
    rgb = np.ascontiguousarray(rgb)
    lightness = cv2.cvtColor(rgb, cv2.COLOR_RGB2Lab)[..., :1] / np.float32(100)
    passing = rgb if config.polarity == "keep" else 1 - rgb
    absorbed = -np.log(np.maximum(passing, _DARKEST)) @ _UNMIX_HAEMATOXYLIN
    stain = stretch(absorbed[..., None])
    return np.clip(np.concatenate([lightness, stain, lightness], axis=2), 0, 1)


def _as_channels(image: np.ndarray) -> np.ndarray:
    """Return (H, W, C) float32, or float64 of types whose values float32 would round."""
    if np.ma.is_masked(image):
        count = np.ma.count_masked(image)
        raise ValueError(f"{count} values are masked, and none can be left out; fill them in")
    image = np.asarray(image)
    if image.ndim == 2:
        image = image[..., None]
    if image.ndim != 3 or image.shape[2] not in (1, 3, 4):
        raise ValueError(f"expected shape (H, W) or (H, W, 1, 3 or 4), got {image.shape}")
    if image.size == 0:
        raise ValueError(f"the image is empty, shape {image.shape}")
    if image.dtype.kind not in "buif":
        raise ValueError(f"expected boolean, integer or floating values, got {image.dtype}")
    kind = np.result_type(image, np.float32)
    image = image[..., :3].astype(kind if kind.itemsize <= 8 else np.float64)
    if not np.isfinite(image).all():
        raise ValueError("the image holds NaN or infinite values")
    if not np.isfinite(float(image.max()) - float(image.min())):
        raise ValueError("the values of the image span more than 1.8e308")
    return image
