"""From an image as it was stored to what the network sees."""

from __future__ import annotations

import numpy as np

from .config import PreprocessConfig

_PERCENTILE_SAMPLE = 1_000_000


def preprocess(image: np.ndarray, config: PreprocessConfig | None = None) -> np.ndarray:
    """Scale an image to float32 RGB between two of its percentiles.

    The percentiles are taken over all colour channels together, so hues stay; an image of one
    constant value becomes 0 everywhere.

    Parameters
    ----------
    image : ndarray, shape (H, W) or (H, W, C)
        Any boolean, integer or floating type; C is 1 (gray), 3 (RGB) or 4 (RGBA, alpha ignored).
    config : PreprocessConfig, optional

    Returns
    -------
    ndarray, shape (H, W, 3), float32 in [0, 1]

    Raises
    ------
    ValueError
        For another shape or type, an empty image, or NaN or infinite values.

    Examples
    --------
    >>> preprocess(np.array([[0, 100], [200, 400]], np.uint16))[..., 0].round(1).tolist()
    [[0.0, 0.2], [0.5, 1.0]]
    """
    config = config or PreprocessConfig()
    image = _as_channels(np.asarray(image))
    step = max(1, int(np.sqrt(image.shape[0] * image.shape[1] / _PERCENTILE_SAMPLE)))
    low, high = np.percentile(image[::step, ::step], (config.low, config.high))
    if high <= low:  # nearly constant: a few bright pixels may still be all there is
        low, high = float(image.min()), float(image.max())
    if high <= low:
        return np.zeros((*image.shape[:2], 3), np.float32)
    scaled = np.clip((image - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.ascontiguousarray(np.broadcast_to(scaled, (*scaled.shape[:2], 3)))


def _as_channels(image: np.ndarray) -> np.ndarray:
    if image.ndim == 2:
        image = image[..., None]
    if image.ndim != 3 or image.shape[2] not in (1, 3, 4):
        raise ValueError(f"expected shape (H, W) or (H, W, 1, 3 or 4), got {image.shape}")
    if image.size == 0:
        raise ValueError(f"the image is empty, shape {image.shape}")
    if image.dtype.kind not in "buif":
        raise ValueError(f"expected boolean, integer or floating values, got {image.dtype}")
    image = image[..., :3].astype(np.float32)
    if not np.isfinite(image).all():
        raise ValueError("the image holds NaN or infinite values")
    return image
