"""How images become nuclei: the same options for Python, command line, batch and viewer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, cast

from nucleisplit.cut import Cut
from nucleisplit.errors import ConfigError
from nucleisplit.images import STACKS, PlaneChoice
from nucleisplit.labels import get_format
from nucleisplit.measure import Expansion, Measures
from nucleisplit.model import Bundle
from stage2_trees import SelectConfig

__all__ = ["NAME", "BatchOptions", "InferOptions"]

NAME = "{name}"
"""Stands for the name of an image."""

Model: TypeAlias = str | Path | Bundle

_TTA = ("none", "flips", "d4")
"""The test-time augmentations: one view, four (flips), eight (flips and quarter turns)."""


@dataclass(frozen=True, kw_only=True)
class InferOptions:
    """How the nuclei of an image are found and measured.

    Parameters
    ----------
    model
        Name of a bundled model, or the folder of one; kept as a tuple. Of several, the maps are
        averaged, and the trees of the first cut them.
    weights
        How much each of several models counts; None: all alike.
    device
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    backend
        What runs the networks: ``torch``, or on a CPU ``openvino``, ``openvino-bf16`` or
        ``openvino-int8``. ``auto`` takes torch on a GPU, else the fastest that is there.
    tta
        Test-time augmentation: ``none``, ``flips`` (4 views) or ``d4`` (8 views). None takes what
        the trees of the model were trained with.
    diameter
        Typical diameter of the nuclei, pixels. None measures it on the maps of a first pass.
    rescale
        Show images whose nuclei are much smaller or larger than those the model was trained on at
        another scale; the result has the pixels of the image all the same.
    tile
        Largest side that is computed in one piece, pixels that the network sees, the margin
        included; None takes what the model was made with. A batch computes larger images in tiles,
        see docs/large.md; None: those above 8 megapixels.
    min_iou
        Nuclei with a lower predicted IoU are dropped, beyond those that the selection of candidates
        already leaves out.
    min_area
        Outlines of fewer pixels are not considered; 0 for no limit.
    class_min_iou, class_min_area
        The same for nuclei of single classes, by name: those with less are dropped once their class
        is told. Kept as tuples of pairs. No lower than the limit for all.
    classes
        Tell the classes of nuclei that the model has learnt, if it has; or those of another model,
        by its name or folder; False: none.
    split_bias
        From -1 (merge what can be merged) to 1 (split what can be split); None takes what the model
        was made with, which is 0 unless set. See `stage2_trees.SelectConfig`.
    sensitivity
        From -1 (keep only nuclei that are nearly certain) to 1 (keep all that are credible); None
        takes what the model was made with, which is 0 unless set.
    outline_bias
        From -1 (outlines as tight as can be) to 1 (as wide as can be); None takes what the model
        was made with, which is 0 unless set.
    measures
        What is measured of every nucleus.

    Raises
    ------
    ConfigError
        An option is out of range.

    Examples
    --------
    >>> InferOptions(model="default", weights=[2]).weights
    (2.0,)
    """

    model: Model | Sequence[Model] = "default"
    weights: Sequence[float] | None = None
    device: str = "auto"
    backend: str = "auto"
    tta: str | None = None
    diameter: float | None = None
    rescale: bool = True
    tile: int | None = None
    min_iou: float = 0.0
    min_area: int = 0
    class_min_iou: Mapping[str, float] | Sequence[tuple[str, float]] = ()
    class_min_area: Mapping[str, int] | Sequence[tuple[str, int]] = ()
    classes: bool | Model = True
    split_bias: float | None = None
    sensitivity: float | None = None
    outline_bias: float | None = None
    measures: Measures = Measures()

    def __post_init__(self) -> None:
        models = self.model
        models = (models,) if isinstance(models, (str, Path, Bundle)) else tuple(models)
        object.__setattr__(self, "model", models)
        if not models:
            raise ConfigError("no model to segment with", hint="name at least one")
        if self.weights is not None:
            object.__setattr__(self, "weights", tuple(map(float, self.weights)))
        if self.tta not in (None, *_TTA):
            raise ConfigError(f"tta is {self.tta!r}", hint=f"give one of {', '.join(_TTA)}")
        if self.diameter is not None and not 0 < self.diameter < math.inf:
            raise ConfigError(f"diameter is {self.diameter}", hint="give pixels, more than 0")
        if self.diameter is not None and not self.rescale:
            raise ConfigError(
                "a diameter is of no use without rescaling", hint="give one of the two options"
            )
        for name in ("min_iou", "min_area"):
            limits = dict(getattr(self, f"class_{name}"))
            object.__setattr__(self, f"class_{name}", tuple(sorted(limits.items())))
        cut = self.cut(SelectConfig())
        for name in ("min_iou", "min_area"):
            for one, value in getattr(cut, f"class_{name}").items():
                if value < (least := getattr(cut, name)):
                    raise ConfigError(
                        f"{name} of {one} is {value}, below the {least} of all nuclei",
                        hint="lower the number for all",
                    )
        if self.classes is False and (cut.class_min_iou or cut.class_min_area):
            raise ConfigError(
                "limits for single classes are of no use without classes",
                hint="give one of the two options",
            )

    @property
    def models(self) -> tuple[Model, ...]:
        """All models, also where one was given."""
        return cast(tuple[Model, ...], self.model)

    def cut(self, made: SelectConfig) -> Cut:
        """How candidates are chosen; what is not given is as a model was made."""
        names = ("split_bias", "sensitivity", "outline_bias")
        limits: dict[str, Any] = {
            name: dict(getattr(self, name)) for name in ("class_min_iou", "class_min_area")
        }
        biases = {name: getattr(made, name) for name in names}
        own = Cut(self.min_iou, self.min_area, **biases, **limits)
        return Cut.of(own, **{name: getattr(self, name) for name in names})


@dataclass(frozen=True, kw_only=True)
class BatchOptions(InferOptions):
    """How the images of a batch are read, and what is written of them.

    Parameters
    ----------
    planes
        Which plane is read of files that hold more than one: channel, slice, level.
    anisotropy
        Of stacks computed in 3-D, the distance of the slices by the size of a pixel; None: as the
        file says.
    overlay
        Also write a picture of the outlines.
    write
        Names of `nucleisplit.labels.FORMATS` to write beside the label images; kept sorted.
    mask_name
        Also write the label image as an OME-TIFF of this name; ``{name}`` stands for that of the
        image.
    expand
        Also grow the nuclei into cells, and write and measure these: by so many pixels, or by a
        text such as ``5um``, for images that tell the size of a pixel.
    with_image
        Copy the image into the OME-Zarr that is written.
    in_place
        Also write the labels into the images, which have to be OME-Zarr.
    parquet
        Also write the table as ``nuclei.parquet``.
    h5ad
        Also write the table as ``nuclei.h5ad``.
    workers
        How many processes to start for the images, and for the tiles of large ones; 0: none.
    dask
        Address of a dask scheduler whose workers do so.

    Raises
    ------
    ConfigError
        An option is out of range, or options exclude each other.
    """

    planes: PlaneChoice = PlaneChoice()
    anisotropy: float | None = None
    overlay: bool = True
    write: Sequence[str] = ()
    mask_name: str | None = None
    expand: str | float | Expansion | None = None
    with_image: bool = False
    in_place: bool = False
    parquet: bool = False
    h5ad: bool = False
    workers: int = 0
    dask: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        formats = sorted({get_format(name).name for name in self.write})
        object.__setattr__(self, "write", tuple(formats))
        if self.mask_name is not None:
            _check_mask_name(self.mask_name)
            if "ome-tiff" in formats:
                raise ConfigError(
                    "the mask is an OME-TIFF already", hint="leave out --mask-name or ome-tiff"
                )
        endings = [get_format(name).ending for name in formats]
        if len({*endings}) < len(formats):
            raise ConfigError(
                f"{', '.join(formats)}: two of them have the same names of files",
                hint="choose one of the two",
            )
        if self.with_image and not any(get_format(name).pictured == "asked" for name in formats):
            raise ConfigError("no format that holds the image", hint="add --write ome-zarr")
        if (formats or self.mask_name) and self.planes.z in STACKS:
            raise ConfigError(
                f"{', '.join(formats) or 'masks'} hold no stacks",
                hint="leave out --write and --mask-name, or --z",
            )
        if self.expand is not None:
            object.__setattr__(self, "expand", Expansion.of(self.expand))
            if self.planes.z in STACKS:
                raise ConfigError(
                    "nuclei of stacks are not grown into cells", hint="leave out --expand, or --z"
                )
        if self.planes.z == "3d" and self.measures != Measures():
            raise ConfigError(
                "nuclei in 3-D have measurements of their own",
                hint="leave out --measure, --measure-channels and --neighbour-radius",
            )
        if self.planes.z == "3d" and (self.class_min_iou or self.class_min_area):
            raise ConfigError(
                "nuclei in 3-D have no classes", hint="give one number for all, without a class"
            )


def _check_mask_name(name: str) -> None:
    """Refuse what is no name of an OME-TIFF in the output folder."""
    plain = name.replace(NAME, "")
    if {*plain} & {*"{}/\\:\0\n"} or name.startswith("."):
        raise ConfigError(
            f"{name!r} is no name for a mask", hint="give a plain name such as {name}_mask.ome.tif"
        )
    if not plain.lower().endswith((".ome.tif", ".ome.tiff")):
        raise ConfigError(f"{name!r} is no OME-TIFF", hint="let it end in .ome.tif")
