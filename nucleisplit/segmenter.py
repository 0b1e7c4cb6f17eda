"""Image in, nuclei out: the one place where the two stages meet."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nucleisplit.classify import Classes
from nucleisplit.cut import check_class_limits
from nucleisplit.errors import ConfigError, InputError
from nucleisplit.images import Stack
from nucleisplit.model import Bundle, Ensemble, load_bundle
from nucleisplit.options import InferOptions, Model
from nucleisplit.palette import Color
from nucleisplit.result import ScoredImage, Segmentation, segmentation_of
from nucleisplit.stacks import StackSegmentation, segment_stack
from stage1_unet import Levels, Progress
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

    Outline by one model, and tell the classes that another has learnt::

        segmenter = nucleisplit.Segmenter(classes="mine/")
        lymphocytes = segmenter(image).table.query("`class` == 'lymphocyte'")
    """

    def __init__(
        self,
        model: Model | Sequence[Model] | None = None,
        options: InferOptions | None = None,
        **fields: Any,
    ) -> None:
        fields = fields if model is None else fields | {"model": model}
        self.options = options = replace(options or InferOptions(), **fields)
        bundles = [one if isinstance(one, Bundle) else load_bundle(one) for one in options.models]
        self.bundle = bundles[0]
        made = self.bundle.config.select
        self.cut = options.cut(made)
        self.teller = self._teller()
        """The model that tells the classes; None where none does."""
        self.classifier = None
        if self.teller is not None:
            self.classifier = self.teller.classifier()
            self.cut = self.cut.with_classes_of(self.teller.config.classes)
        check_class_limits(self.cut, self.classifier)
        self.measures = options.measures
        self.selection = self.cut.apply_to(made)
        self.regressor = self.bundle.regressor()
        self.ensemble = Ensemble(
            bundles,
            options.weights,
            device=options.device,
            backend=options.backend,
            tta=options.tta,
            diameter=options.diameter,
            rescale=options.rescale,
            tile=options.tile,
        )

    @property
    def told_by(self) -> str:
        """The fingerprint of the model that tells the classes; empty where none does."""
        return self.teller.fingerprint if self.teller else ""

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
            classes=self.classes_at(found.levels),
        ).without_dropped()
        result = segmentation_of(source, found.maps if keep_maps else None, keep_candidates)
        diameter = found.radius and 2 * found.radius
        return replace(result, diameter=diameter, scale=found.scale)

    def for_sopa(self, image: np.ndarray) -> np.ndarray:
        """Find the nuclei of a patch: a method of ``sopa.segmentation.custom_staining_based``.

        Parameters
        ----------
        image
            (C, H, W), of one channel, or of three: red, green and blue.

        Returns
        -------
        (H, W) int32 ndarray
            0 = background.

        Raises
        ------
        InputError
            The patch has another shape, or other channels.
        """
        image = np.asarray(image)
        if image.ndim != 3 or len(image) not in (1, 3):
            raise InputError(
                f"the patch is {image.shape}",
                hint="choose the channel of the nuclei, or red, green and blue",
            )
        image = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
        return self.segment(np.ascontiguousarray(image), name="patch").labels

    def for_squidpy(self, image: np.ndarray) -> np.ndarray:
        """Find the nuclei of a part of an image: a ``method`` of ``squidpy.im.segment``.

        Parameters
        ----------
        image
            (H, W, C), of one channel, or of three: red, green and blue.

        Returns
        -------
        (H, W) uint32 ndarray
            0 = background.

        Raises
        ------
        InputError
            The image has another shape, or other channels.
        """
        image = np.asarray(image)
        image = image if image.ndim == 3 else image[..., None]
        return self.for_sopa(np.moveaxis(image, -1, 0)).astype(np.uint32)

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
        (um) is given or known; for the others see `nucleisplit.stacks.segment_stack`. Classes are
        not told.
        """
        if self.options.class_min_iou or self.options.class_min_area:
            raise ConfigError(
                "nuclei in 3-D have no classes", hint="give one number for all, without a class"
            )
        return segment_stack(
            self, stack, anisotropy=anisotropy, voxel_size=voxel_size, method=method, **options
        )

    @property
    def class_colors(self) -> dict[str, Color]:
        """The classes told, in order, with their colours; empty where none are."""
        return {} if self.teller is None else self.teller.class_colors

    def classes_at(self, levels: Levels) -> Classes | None:
        """What tells the classes of nuclei in an image with these levels; None where none does."""
        if self.classifier is None:
            return None
        return Classes(self.classifier, levels.spans[0], self.class_colors)

    def _teller(self) -> Bundle | None:
        """The model whose classes are told."""
        wanted = self.options.classes
        if isinstance(wanted, bool):
            return self.bundle if wanted and self.bundle.manifest.classes else None
        bundle = wanted if isinstance(wanted, Bundle) else load_bundle(wanted)
        if not bundle.manifest.classes:
            raise ConfigError(
                f"{bundle.path}: tells no classes",
                hint="make a model with nucleisplit train-trees --classes",
            )
        seen, own = (one.config.preprocess for one in (bundle, self.bundle))
        if (seen.low, seen.high) != (own.low, own.high):
            raise ConfigError(
                f"{bundle.path}: its classes were learnt from percentiles {seen.low} to "
                f"{seen.high} of the image, and {self.bundle.path} takes {own.low} to {own.high}",
                hint="let the latter learn the classes: nucleisplit train-trees --classes",
            )
        return bundle

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
