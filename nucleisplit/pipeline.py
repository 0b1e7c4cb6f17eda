"""Image in, nuclei out: the one place where the two stages meet."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from nucleisplit.bundle import Bundle, load_bundle
from nucleisplit.errors import ConfigError, InputError
from nucleisplit.measure import measure
from stage1_unet import Predictor, preprocess
from stage2_trees import split_maps

TTA = ("none", "flips", "d4")
"""The test-time augmentations: one view, four (flips), eight (flips and quarter turns)."""


@dataclass(frozen=True)
class Segmentation:
    """The nuclei of one image."""

    labels: np.ndarray
    """(H, W) int32, 0 = background, 1..n = nuclei."""
    table: pd.DataFrame
    """One row per nucleus, in the order of the labels; columns as in docs/formats.md."""
    maps: np.ndarray | None = None
    """(3, H, W) float32 in [0, 1]: body, border, separation; None unless asked for."""


class Segmenter:
    """A loaded model, ready for any number of images.

    Parameters
    ----------
    model
        Name of a bundled model, or the folder of one.
    device
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    tta
        Test-time augmentation: ``none``, ``flips`` (4 views) or ``d4`` (8 views). None takes
        what the trees of the model were trained with.
    min_iou
        Nuclei with a lower predicted IoU are dropped, beyond those that the selection of
        candidates already leaves out.

    Raises
    ------
    BundleError
        The model cannot be loaded.
    ConfigError
        `tta`, `device` or `min_iou` is out of range.

    Examples
    --------
    Segment many images with one model, doubtful nuclei first::

        segmenter = nucleisplit.Segmenter(tta="flips")
        for image in images:
            result = segmenter(image)
            doubtful = result.table.sort_values("predicted_iou")
    """

    def __init__(
        self,
        model: str | Path | Bundle = "default",
        *,
        device: str = "auto",
        tta: str | None = None,
        min_iou: float = 0.0,
    ) -> None:
        if not 0 <= min_iou <= 1:
            raise ConfigError(f"min_iou is {min_iou}", hint="give a number from 0 to 1")
        if tta not in (None, *TTA):
            raise ConfigError(f"tta is {tta!r}", hint=f"give one of {', '.join(TTA)}")
        self.bundle = model if isinstance(model, Bundle) else load_bundle(model)
        config = self.bundle.config
        predict = config.predict
        if tta is not None:
            predict = predict.model_copy(update={"tta": tta})
        self.tta = predict.tta
        self.min_iou = min_iou
        try:
            self.predictor = Predictor(self.bundle.networks(), predict, device=device)
        except ValueError as error:
            raise ConfigError(f"device {device}: {error}", hint="use --device cpu") from error
        self.regressor = self.bundle.regressor()

    def __call__(self, image: np.ndarray) -> Segmentation:
        return self.segment(image)

    def segment(
        self, image: np.ndarray, *, name: str = "image", keep_maps: bool = False
    ) -> Segmentation:
        """Outline, separate and measure the nuclei of one image.

        Parameters
        ----------
        image
            (H, W) or (H, W, C) of any numeric or boolean type.
        name
            What messages call the image.
        keep_maps
            Also return the maps of the first stage.

        Raises
        ------
        InputError
            The image has another shape, is empty, or holds NaN or infinity.
        """
        try:
            maps = self.predictor.predict(preprocess(image, self.bundle.config.preprocess))
        except ValueError as error:
            raise InputError(f"{name}: {error}", hint="save it as gray or RGB numbers") from error
        config = self.bundle.config
        split = split_maps(
            maps, self.regressor, config.forest, min_iou=self.min_iou, selection=config.select
        )
        table = measure(split.labels, image, split.predicted_iou, split.threshold)
        return Segmentation(split.labels, table, maps if keep_maps else None)


def segment(image: np.ndarray, **options) -> Segmentation:
    """Outline, separate and measure the nuclei of one image; `options` as for `Segmenter`.

    Each call loads the model anew: keep a `Segmenter` for more than one image.
    """
    return Segmenter(**options).segment(image)
