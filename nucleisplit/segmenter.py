"""Image in, nuclei out: the one place where the two stages meet."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nucleisplit.classify import Classes
from nucleisplit.errors import ConfigError, InputError
from nucleisplit.images import Stack
from nucleisplit.model import Ensemble
from nucleisplit.options import InferOptions, Model
from nucleisplit.result import ScoredImage, Segmentation, segmentation_of
from nucleisplit.stacks import StackSegmentation, segment_stack
from stage1_unet import Progress, measure_levels
from stage2_trees import Overview, Split, split_maps


class Segmenter:
    """A loaded model, ready for any number of images.

    Parameters
    ----------
    model
        Name of a bundled model, or the folder of one; or several, whose maps are averaged. None:
        that of the options.
    options
        None: those of a plain `InferOptions`.
    **fields
        Fields of `InferOptions`, in place of those of the options.

    Raises
    ------
    BundleError
        The model cannot be loaded.
    ConfigError
        An option is out of range.

    Examples
    --------
    Segment many images with one model, doubtful nuclei first:

        segmenter = nucleisplit.Segmenter(tta="flips")
        for image in images:
            result = segmenter(image)
            doubtful = result.table.sort_values("predicted_iou")
    """

    def __init__(
        self,
        model: Model | Sequence[Model] | None = None,
        options: InferOptions | None = None,
        **fields: Any,
    ) -> None:
        fields = fields if model is None else fields | {"model": model}
        self.options = options = replace(options or InferOptions(), **fields)
        self.ensemble = Ensemble(
            options.models,
            options.weights,
            device=options.device,
            backend=options.backend,
            tta=options.tta,
            diameter=options.diameter,
            rescale=options.rescale,
            tile=options.tile,
        )
        self.bundle = self.ensemble.bundles[0]
        made = self.bundle.config.select
        self.cut = options.cut(made)
        self.measures = options.measures
        self.selection = self.cut.apply_to(made)
        self.regressor = self.bundle.regressor()
        self.classifier = self.bundle.classifier()

    def __call__(self, image: np.ndarray) -> Segmentation:
        return self.segment(image)

    def segment(
        self,
        image: np.ndarray,
        *,
        name: str = "image",
        keep_maps: bool = False,
        keep_candidates: bool = True,
        channels: np.ndarray | None = None,
        pixel_size: float | tuple[float, float] | None = None,
        progress: Progress | None = None,
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
        keep_candidates
            Keep what `Segmentation.alternatives` and `Segmentation.reselect` need, the image
            included.
        channels
            (H, W, C), what is measured channel by channel, where that is not the image.
        pixel_size
            Height and width of a pixel, um, or one number for both: the table has columns in um,
            too.
        progress
            Called with the share of the maps that is computed, from 0 to 1, before every run of a
            network, and with 1 before they are cut into nuclei. What it raises ends the work.

        Raises
        ------
        InputError
            The image has another shape, is empty, or holds NaN, infinity or masked values.
        ConfigError
            The size of a pixel is impossible.
        """
        size = None if pixel_size is None else _pixel_size(pixel_size)
        if channels is not None and np.ma.is_masked(channels):
            raise InputError(f"{name}: values of its channels are masked", hint="fill them in")
        try:
            found = self.ensemble.predict(image, progress)
        except ValueError as error:
            raise InputError(f"{name}: {error}", hint="save it as gray or RGB numbers") from error
        if progress is not None:
            progress(1.0)
        split = self.split(found.maps)
        measuring = {"measures": self.measures, "channels": channels, "pixel_size": size}
        source = ScoredImage(
            image,
            split,
            self.regressor,
            self.selection,
            self.cut,
            measuring,
            classes=self._classes_of(image),
        )
        result = segmentation_of(source, found.maps if keep_maps else None, keep_candidates)
        diameter = found.radius and 2 * found.radius
        return replace(result, diameter=diameter, scale=found.scale)

    def segment_stack(
        self,
        stack: np.ndarray | Stack,
        *,
        anisotropy: float | None = None,
        voxel_size: tuple[float, float, float] | None = None,
        method: str = "volume",
        **options: Any,
    ) -> StackSegmentation:
        """Outline, separate and measure the nuclei of a stack, (Z, H, W) or (Z, H, W, C).

        `anisotropy` is the distance of the slices by the size of a pixel, unless the voxel size
        (um) is given or known; for the others see `nucleisplit.stacks.segment_stack`.
        """
        return segment_stack(
            self, stack, anisotropy=anisotropy, voxel_size=voxel_size, method=method, **options
        )

    def _classes_of(self, image: np.ndarray) -> Classes | None:
        if self.classifier is None:
            return None
        levels = measure_levels(image, self.bundle.config.preprocess)
        return Classes(self.classifier, levels.spans[0])

    def split(self, maps: np.ndarray, overview: Overview | None = None) -> Split:
        """Cut maps, (3, H, W), into nuclei: those of an image, or of a part of one.

        `overview` is that of the whole image; by default it is taken from the maps.
        """
        return split_maps(
            maps,
            self.regressor,
            self.bundle.config.forest,
            min_iou=self.cut.min_iou,
            min_area=self.cut.min_area,
            selection=self.selection,
            overview=overview,
        )


def _pixel_size(given: float | tuple[float, float]) -> tuple[float, float]:
    """Check the size of a pixel and give height and width."""
    try:
        size = np.broadcast_to(np.asarray(given, float), 2)
    except (TypeError, ValueError):
        size = np.zeros(2)
    if not ((size > 0) & np.isfinite(size)).all():
        raise ConfigError(f"pixel_size is {given!r}", hint="give height and width in um")
    return float(size[0]), float(size[1])


def segment(image: np.ndarray, **options: Any) -> Segmentation:
    """Outline, separate and measure the nuclei of one image; `options` as for `Segmenter`.

    Each call loads the model anew: keep a `Segmenter` for more than one image.
    """
    return Segmenter(**options).segment(image)
