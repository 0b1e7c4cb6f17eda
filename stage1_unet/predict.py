"""From an image to its maps: scale, tiles, test-time augmentation, several networks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np

from .backends import open_backend
from .canvas import Canvas
from .config import PredictConfig
from .device import resolve_device
from .network_file import NetworkFile
from .progress import Progress, only_forwards, part_of
from .size import choose_scale, correct_scale, piece_areas, snap_scale, typical_radius
from .targets import CHANNELS
from .views import VIEWS, turn, turn_back

if TYPE_CHECKING:
    from .network import Network

Source: TypeAlias = "Network | NetworkFile"
"""A network, or the file that one is in."""
_SAMPLE_TILES = 4
_SAMPLE_PIECES = 100
"""The nuclei of an image of many tiles are measured on that many tiles and nuclei, at least."""
_RESCALINGS = 2
"""How often the scale is changed, at most, to what was seen at the one before."""

Seen = TypeVar("Seen")


@dataclass(frozen=True)
class Prediction:
    """The maps of one image, and how large its nuclei were found to be."""

    maps: np.ndarray
    """(3, H, W) float32 in [0, 1], in the order of `CHANNELS`, multiples of 1/255."""
    radius: float | None
    """Typical radius of the nuclei, pixels of the image; None when there are too few."""
    scale: float
    """By which the image was enlarged before the network saw it."""


class Predictor:
    """Networks ready to turn images into maps.

    Parameters
    ----------
    networks : Module or sequence of Module
        From `build_network` or `load_network`; the probabilities of several are averaged, each
        channel over the networks that predict it.
    config : PredictConfig, optional
    device : {"auto", "cpu", "cuda", "mps"}
    weights : sequence of float, optional
        How much each network counts; by default all alike.
    backend : str
        Of `stage1_unet.backends.BACKENDS`.
    **files
        What `stage1_unet.backends.open_backend` finds converted networks by.

    Attributes
    ----------
    channels : tuple of str
        The maps that at least one network predicts; the others are 0.
    device : str
    backend : Backend
        The backend that runs the networks.

    Raises
    ------
    ValueError
        Without networks, for weights that do not fit them, or when the device is not available.
    BackendError
        The backend is not there, or cannot compute the networks.
    """

    def __init__(
        self,
        networks: Source | Sequence[Source],
        config: PredictConfig | None = None,
        device: str = "auto",
        weights: Sequence[float] | None = None,
        backend: str = "torch",
        **files: Any,
    ) -> None:
        networks = list(networks) if isinstance(networks, Sequence) else [networks]
        if not networks:
            raise ValueError("no network to predict with")
        channels = [network.config.channels for network in networks]
        shares = channel_shares(channels, weights)
        self.config = config or PredictConfig()
        if device == "auto" and backend.startswith("openvino"):
            device = "cpu"
        self.device = resolve_device(device)
        self.backend = open_backend(backend, networks, shares, self.device, **files)
        self.stride = math.lcm(*(network.stride for network in networks))
        self.channels = tuple(name for name in CHANNELS if any(name in own for own in channels))

    def predict(self, image: np.ndarray, progress: Progress | None = None) -> Prediction:
        """Compute the maps of one image.

        An image whose nuclei lie outside `PredictConfig.radius_range` is shown to the network at
        another scale; its maps come back to the pixels of the image.

        Parameters
        ----------
        image : ndarray, shape (H, W, 3), float32 in [0, 1]
            From `preprocess`; any H and W from one pixel.
        progress : callable, optional
            See `Progress`.

        Returns
        -------
        Prediction
        """
        progress = only_forwards(progress)

        def look(scale: Fraction) -> tuple[Canvas, float | None]:
            canvas = self._canvas(image, scale)
            own = part_of(progress, 0, len(self.config.scales))
            self._paint(canvas, _SAMPLE_TILES, _SAMPLE_PIECES, progress=own)
            return canvas, canvas.radius

        canvas, scale = self._at_best_scale(look)
        maps = self._predict_around(image, canvas, progress)
        return Prediction(maps, canvas.radius and canvas.radius / float(scale), float(scale))

    def predict_at(
        self, image: np.ndarray, scale: Fraction, progress: Progress | None = None
    ) -> np.ndarray:
        """Compute the maps of an image, or of a part of one, at a scale that is known.

        Parameters
        ----------
        image : ndarray, shape (H, W, 3), float32 in [0, 1]
        scale : Fraction
            From `survey`.
        progress : callable, optional
            See `Progress`.

        Returns
        -------
        ndarray, shape (3, H, W), float32 in [0, 1]
            As of `predict`.
        """
        return self._predict_around(image, self._canvas(image, scale), progress)

    def survey(
        self, samples: Sequence[np.ndarray], progress: Progress | None = None
    ) -> tuple[list[np.ndarray], float | None, Fraction]:
        """Choose the scale for a whole image by samples of it.

        Parameters
        ----------
        samples : sequence of ndarray, shape (h, w, 3), float32 in [0, 1]
        progress : callable, optional
            See `Progress`.

        Returns
        -------
        maps : list of ndarray, shape (3, h, w)
            Of each sample, at that scale.
        radius : float or None
            Typical radius of the nuclei, pixels of the image; None when there are too few.
        scale : Fraction
        """
        progress = only_forwards(progress)
        count = len(samples)

        def look(scale: Fraction) -> tuple[tuple[list[np.ndarray], float | None], float | None]:
            maps = [
                self.predict_at(sample, scale, part_of(progress, number, count))
                for number, sample in enumerate(samples)
            ]
            radius = typical_radius(np.concatenate([piece_areas(part) for part in maps]))
            return (maps, radius), radius and radius * float(scale)

        (maps, radius), scale = self._at_best_scale(look)
        return maps, radius, scale

    def grid(self, scale: Fraction) -> int:
        """Pixels at whose multiples parts of an image begin and end, to be computed alike."""
        return (self.stride / scale).numerator

    def _at_best_scale(
        self, look: Callable[[Fraction], tuple[Seen, float | None]]
    ) -> tuple[Seen, Fraction]:
        """Search the scale for an image: as given, or by what is seen at its own and at the next.

        Parameters
        ----------
        look
            Looks at the image at a scale; returns what is seen, and the typical radius of the
            nuclei, pixels that the network saw, or None.

        Returns
        -------
        seen, scale
            What is seen at the last scale, and that scale.
        """
        config = self.config
        scale = Fraction(1)
        if config.rescale and config.diameter is not None:
            scale = choose_scale(config.diameter / 2, config.radius_range)
        seen, radius = look(scale)
        for _ in range(_RESCALINGS if config.rescale and config.diameter is None else 0):
            if radius is None:
                break
            better = correct_scale(scale, radius, config.radius_range)
            if better == scale:
                break
            scale = better
            seen, radius = look(scale)
        return seen, scale

    def _predict_around(
        self, image: np.ndarray, base: Canvas, progress: Progress | None
    ) -> np.ndarray:
        """Finish the canvas at the best scale and those at scales around it, and average them."""
        parts = []
        for number, factor in enumerate(self.config.scales):
            scale = snap_scale(base.scale * factor)
            canvas = base if scale == base.scale else self._canvas(image, scale)
            own = part_of(progress, number, len(self.config.scales))
            self._paint(canvas, len(canvas.tiles), progress=own)
            parts.append(canvas.maps[:, : image.shape[0], : image.shape[1]])
        maps = np.ascontiguousarray(parts[0] if len(parts) == 1 else np.mean(parts, axis=0))
        maps *= 255  # in place: maps of slides are large
        np.rint(maps, out=maps)
        maps /= 255
        return maps

    def _canvas(self, image: np.ndarray, scale: Fraction) -> Canvas:
        return Canvas(image, scale, self.config.tile, self.config.halo, self.stride)

    def _paint(self, canvas: Canvas, tiles: int, pieces: int = 0, *, progress: Progress) -> None:
        """Compute at least that many tiles and pieces, or all there are."""
        count = len(canvas.tiles)
        while canvas.done < count and (canvas.done < tiles or sum(map(len, canvas.areas)) < pieces):
            own = part_of(progress, canvas.done, count)
            canvas.add(self._predict_tile(canvas.next_tile(), own))

    def _predict_tile(self, tile: np.ndarray, progress: Progress) -> np.ndarray:
        """Compute the maps, (3, H, W), of an image that fits into memory."""
        height, width = tile.shape[:2]
        batch = to_batch(tile, self.stride)
        views = VIEWS[self.config.tta]
        total = np.zeros(1, np.float32)
        for number, (turns, mirrored) in enumerate(views):
            progress(number / len(views))
            view = np.ascontiguousarray(turn(batch, turns, mirrored))
            total = total + turn_back(self.backend(view), turns, mirrored)
        return (total[0] / len(views))[:, :height, :width]


def to_batch(image: np.ndarray, stride: int) -> np.ndarray:
    """Turn (H, W, 3) into (1, 3, H', W') that a network takes, mirrored beyond its edges."""
    padding = [(0, -length % stride) for length in image.shape[:2]]
    padded = np.pad(image, (*padding, (0, 0)), mode="symmetric")
    return np.ascontiguousarray(padded.transpose(2, 0, 1)[None])


def channel_shares(
    channels: Sequence[Sequence[str]], weights: Sequence[float] | None = None
) -> np.ndarray:
    """Share out each channel among those that predict it.

    Parameters
    ----------
    channels : sequence of sequences of str
        What each network (or model) predicts, of `CHANNELS`.
    weights : sequence of float, optional
        How much each of them counts; by default all alike.

    Returns
    -------
    ndarray, shape (len(channels), 3), float32
        Each column adds up to 1, or to 0 when nobody predicts that channel.

    Raises
    ------
    ValueError
        For weights that are not positive, or too many or too few.

    Examples
    --------
    >>> channel_shares([("body", "border"), ("body",)], [3, 1]).tolist()
    [[0.75, 1.0, 0.0], [0.25, 0.0, 0.0]]
    """
    weights = [1.0] * len(channels) if weights is None else list(weights)
    if len(weights) != len(channels) or not all(0 < weight < math.inf for weight in weights):
        raise ValueError(f"expected {len(channels)} positive weights, got {weights}")
    shares = np.array(
        [
            [float(weight) * (name in own) for name in CHANNELS]
            for own, weight in zip(channels, weights, strict=True)
        ]
    )
    return (shares / np.where(shares.any(0), shares.sum(0), 1)).astype(np.float32)
