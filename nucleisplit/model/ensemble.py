"""Image in, maps out: by one model, or by several whose maps are averaged."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from nucleisplit.errors import ConfigError
from nucleisplit.extras import training_command
from nucleisplit.palette import hex_color
from stage1_unet import (
    BackendError,
    Levels,
    MissingTorch,
    PredictConfig,
    Prediction,
    Predictor,
    Progress,
    channel_shares,
    measure_levels,
    part_of,
    preprocess,
    preprocess_and_measure,
)

from .bundle import Bundle, load_bundle
from .image_scaling import ImageScaling
from .network_cache import cache_folders


@dataclass(frozen=True, eq=False)
class ImageMaps(Prediction):
    """The maps of one image as it was read."""

    levels: Levels
    """How its numbers became those that the network saw."""


class Ensemble:
    """The first stage of one or several models.

    Each model prepares and scales the image in its own way, and its networks may be of any kind;
    their maps are averaged, each channel over the models that predict it.

    Parameters
    ----------
    models
        At least one: names of bundled models, folders of models, or bundles.
    weights
        How much each model counts; None: all alike.
    device, backend, tta, diameter, rescale, tile
        As in `nucleisplit.InferOptions`, which checks them.

    Raises
    ------
    BundleError
        A model cannot be loaded.
    ConfigError
        An option is out of range.

    Attributes
    ----------
    bundles
        The models.
    parameters
        What was asked for, and the backend that was found, as ``run.json`` tells it.
    """

    def __init__(
        self,
        models: Sequence[str | Path | Bundle],
        weights: Sequence[float] | None = None,
        *,
        device: str = "auto",
        backend: str = "auto",
        tta: str | None = None,
        diameter: float | None = None,
        rescale: bool = True,
        tile: int | None = None,
    ) -> None:
        self.bundles = [m if isinstance(m, Bundle) else load_bundle(m) for m in models]
        self._lock = Lock()
        self.weights = [1.0] * len(models) if weights is None else [float(w) for w in weights]
        configs = [
            _adapted(bundle.config.predict, tta, diameter, rescale, tile) for bundle in self.bundles
        ]
        parts = backend.split(" + ")
        names = parts if len(parts) == len(models) else [backend] * len(models)
        try:
            self.predictors = [
                Predictor(
                    bundle.network_files(),
                    config,
                    device,
                    bundle.manifest.weights or None,
                    name,
                    identity=bundle.fingerprint[:16],
                    cache=cache_folders(bundle.path),
                    quantized=bundle.quantized,
                )
                for bundle, config, name in zip(self.bundles, configs, names, strict=True)
            ]
        except MissingTorch as error:
            raise ConfigError(str(error), hint=training_command()) from error
        except BackendError as error:
            raise ConfigError(str(error), hint="use --backend auto or torch") from error
        except ValueError as error:
            raise ConfigError(str(error)) from error
        self.parameters = {
            "backend": self.backend,
            "tta": configs[0].tta,
            "diameter": diameter,
            "rescale": rescale,
            "tile": tile,
        }
        try:
            channels = [predictor.channels for predictor in self.predictors]
            self._shares = channel_shares(channels, self.weights)
        except ValueError as error:
            raise ConfigError(
                f"the weights of the models: {error}", hint="give each model a number above 0"
            ) from error

    @property
    def device(self) -> str:
        """Where the networks run."""
        return str(self.predictors[0].device)

    @property
    def backend(self) -> str:
        """What runs the networks, of each model when they differ; taken as an option, too."""
        names = [predictor.backend.name for predictor in self.predictors]
        return " + ".join(names if len(set(names)) > 1 else names[:1])

    @property
    def tile(self) -> int:
        """Largest side that all networks compute in one piece, pixels that they see."""
        return min(predictor.config.tile for predictor in self.predictors)

    @property
    def halo(self) -> int:
        """Margin of a tile that every network has to see, pixels that it sees."""
        return max(predictor.config.halo for predictor in self.predictors)

    @property
    def fingerprint(self) -> str:
        """The identity of the models and of their shares."""
        if len(self.bundles) == 1:
            return self.bundles[0].fingerprint
        parts = zip(self.weights, self.bundles, strict=True)
        return " + ".join(f"{weight:g} * {bundle.fingerprint}" for weight, bundle in parts)

    def describe(self, names: Sequence[str]) -> dict:
        """Say which models these are, as ``run.json`` does; `names` as the user gave them."""
        entries = [
            {"name": name, "fingerprint": bundle.fingerprint, **_classes(bundle)}
            for name, bundle in zip(names, self.bundles, strict=True)
        ]
        if len(entries) == 1:
            return {"model": entries[0]}
        weighted = [
            entry | {"weight": weight} for entry, weight in zip(entries, self.weights, strict=True)
        ]
        return {"model": entries[0], "ensemble": weighted}

    def predict(self, image: np.ndarray, progress: Progress | None = None) -> ImageMaps:
        """Compute the maps of an image as it was read; threads that share this take turns.

        Parameters
        ----------
        image
            (H, W) or (H, W, C) of any numeric or boolean type.
        progress
            See `stage1_unet.Progress`.

        Returns
        -------
        ImageMaps
            The size of the nuclei, the scale and the levels are those of the first model.

        Raises
        ------
        ValueError
            The image has another shape, is empty, or holds NaN or infinity.
        """
        parts, levels = [], []
        with self._lock:
            for predictor, bundle, own in self._each(progress):
                prepared, measured = preprocess_and_measure(image, bundle.config.preprocess)
                parts.append(predictor.predict(prepared, own))
                levels.append(measured)
        maps = self._average([part.maps for part in parts])
        return ImageMaps(maps, parts[0].radius, parts[0].scale, levels[0])

    def survey(
        self,
        glance: np.ndarray,
        samples: Sequence[np.ndarray],
        progress: Progress | None = None,
    ) -> tuple[list[ImageScaling], list[np.ndarray], float | None]:
        """Get to know an image that is too large to be looked at in one piece.

        Parameters
        ----------
        glance
            (n,) or (n, C) pixels from all over the image, as they were read.
        samples
            Parts of the image as they were read, one at least.
        progress
            See `stage1_unet.Progress`.

        Returns
        -------
        scalings : list of ImageScaling
            Of each model.
        maps : list of (3, h, w) float32
            Of each sample.
        radius : float or None
            Typical radius of the nuclei by the first model, pixels; None when there are too few.

        Raises
        ------
        ValueError
            As for `predict`.
        """
        scalings, parts, radii = [], [], []
        for predictor, bundle, own in self._each(progress):
            config = bundle.config.preprocess
            levels = measure_levels(glance[None], config)
            images = [preprocess(sample, config, levels) for sample in samples]
            maps, radius, scale = predictor.survey(images, own)
            scalings.append(ImageScaling(levels, scale))
            parts.append(maps)
            radii.append(radius)
        return scalings, [self._average(maps) for maps in zip(*parts, strict=True)], radii[0]

    def predict_at(
        self,
        image: np.ndarray,
        scalings: Sequence[ImageScaling],
        progress: Progress | None = None,
    ) -> np.ndarray:
        """Compute the maps, (3, h, w), of a part of an image that begins and ends on its grid.

        Parameters
        ----------
        image
            (h, w) or (h, w, C), as it was read.
        scalings
            From `survey`.
        progress
            See `stage1_unet.Progress`.

        Raises
        ------
        ValueError
            As for `predict`.
        """
        parts = []
        for (predictor, bundle, own), scaling in zip(self._each(progress), scalings, strict=True):
            part = preprocess(image, bundle.config.preprocess, scaling.levels)
            parts.append(predictor.predict_at(part, scaling.scale, own))
        return self._average(parts)

    def release(self) -> None:
        """Give back the memory that the networks took: of the largest tile, about 1 GB."""
        for predictor in self.predictors:
            predictor.backend.release()

    def grid(self, scalings: Sequence[ImageScaling]) -> int:
        """Pixels at whose multiples parts of an image begin and end, to be computed alike."""
        return math.lcm(
            *(p.grid(scaling.scale) for p, scaling in zip(self.predictors, scalings, strict=True))
        )

    def _each(self, progress: Progress | None) -> Iterator[tuple[Predictor, Bundle, Progress]]:
        """Every model: its networks, its settings, and its part of the progress."""
        count = len(self.bundles)
        for number, pair in enumerate(zip(self.predictors, self.bundles, strict=True)):
            yield *pair, part_of(progress, number, count)

    def _average(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Average the maps of all models."""
        if len(parts) == 1:
            return parts[0]
        total = sum(
            share[:, None, None] * maps for share, maps in zip(self._shares, parts, strict=True)
        )
        return np.rint(total * 255) / np.float32(255)


def _adapted(
    config: PredictConfig,
    tta: str | None,
    diameter: float | None,
    rescale: bool,
    tile: int | None,
) -> PredictConfig:
    """Apply what the user asks for to the settings of a model."""
    update: dict[str, Any] = {} if tta is None else {"tta": tta}
    if diameter is not None:
        update |= {"diameter": diameter, "rescale": True}
    if not rescale:
        update["rescale"] = False
    if tile is not None:
        if tile <= 2 * config.halo:
            raise ConfigError(f"tile is {tile}", hint=f"give more than {2 * config.halo} pixels")
        update["tile"] = tile
    return config.model_copy(update=update)


def _classes(bundle: Bundle) -> dict[str, dict[str, str]]:
    """The classes of a model and their colours, where it has some."""
    colours = {name: hex_color(colour) for name, colour in bundle.class_colors.items()}
    return {"classes": colours} if colours else {}
