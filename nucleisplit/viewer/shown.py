"""The plane of an image layer that the viewer shows, and where its nuclei are to be drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nucleisplit.errors import InputError
from nucleisplit.viewer.region import Region, region_of, whole

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image, Shapes

__all__ = ["Shown", "shown_plane"]


@dataclass(frozen=True, eq=False)
class Shown:
    """One plane of an image layer."""

    layer: Image
    position: tuple[int, ...]
    """Of the plane, along every axis of the layer; 0 along those that are shown."""
    axes: tuple[int, int]
    """The axes that are shown, in the order of the data."""
    shape: tuple[int, int]

    def read(self, region: Region) -> np.ndarray:
        """Read the pixels of a region, (h, w) or (h, w, 3)."""
        layer = self.layer
        data = layer.data[0] if layer.multiscale else layer.data
        index: list[Any] = list(self.position)
        index[self.axes[0]], index[self.axes[1]] = region.rows, region.columns
        pixels = np.asarray(data[tuple(index)])
        return pixels[..., :3] if layer.rgb else pixels

    def region(self, shapes: Shapes) -> Region:
        """The part under the shape that is selected, else under the one drawn last.

        Raises
        ------
        InputError
            There is none, or it is neither a rectangle nor a polygon on the image.
        """
        if not len(shapes.data):
            raise InputError(f"{shapes.name}: nothing is drawn", "draw a rectangle or a polygon")
        number = max(shapes.selected_data) if len(shapes.selected_data) else len(shapes.data) - 1
        if shapes.shape_type[number] not in ("rectangle", "polygon"):
            raise InputError(
                f"{shapes.name}: {shapes.shape_type[number]} is no region",
                "draw a rectangle or a polygon",
            )
        corners = [shapes.data_to_world(corner) for corner in shapes.data[number]]
        points = np.array([self.layer.world_to_data(corner) for corner in corners])
        return region_of(points[:, self.axes], self.shape)

    def name(self, region: Region) -> str:
        """What the nuclei of a region are called: the image, and which part it is."""
        parts = [self.layer.name]
        others = [n for axis, n in enumerate(self.position) if axis not in self.axes]
        if others:
            parts.append("s" + "-".join(map(str, others)))
        if region.shape != self.shape:
            parts.append(f"r{region.rows.start}c{region.columns.start}")
        return "_".join(parts)

    def box(self, region: Region) -> tuple[int, ...]:
        """The shape of a label image of a region, with an axis for each of the layer."""
        size = [1] * len(self.position)
        size[self.axes[0]], size[self.axes[1]] = region.shape
        return tuple(size)

    def place(self, region: Region) -> dict[str, Any]:
        """Where a layer of the labels of a region lies, as napari takes it."""
        from napari.utils.transforms import Affine

        layer, start = self.layer, list(self.position)
        start[self.axes[0]], start[self.axes[1]] = region.rows.start, region.columns.start
        shift = Affine(scale=layer.scale, rotate=layer.rotate, shear=layer.shear)(start)
        return {
            "scale": layer.scale,
            "rotate": layer.rotate,
            "shear": layer.shear,
            "affine": layer.affine,
            "translate": layer.translate + shift,
            "units": layer.units,
            "axis_labels": layer.axis_labels,
        }

    def whole(self) -> Region:
        """All of the plane."""
        return whole(self.shape)


def shown_plane(viewer: ViewerModel, layer: Image) -> Shown:
    """Tell which plane of an image layer the viewer shows.

    Raises
    ------
    InputError
        The viewer shows it in 3-D, or no plane of it.
    """
    if viewer.dims.ndisplay != 2:
        raise InputError(
            "the viewer shows a volume",
            "switch to 2-D (Ctrl+Y), or segment the stack with nucleisplit infer --z 3d",
        )
    missing = viewer.dims.ndim - layer.ndim
    axes = tuple(sorted(axis - missing for axis in viewer.dims.displayed))
    if min(axes) < 0:
        raise InputError(f"{layer.name}: is not seen from this side", "roll the dimensions back")
    data = layer.data[0] if layer.multiscale else layer.data
    size = data.shape[: layer.ndim]
    exact = layer.world_to_data(viewer.dims.point)
    position = [0 if axis in axes else round(float(exact[axis])) for axis in range(layer.ndim)]
    if any(not 0 <= place < length for place, length in zip(position, size, strict=True)):
        raise InputError(f"{layer.name}: has nothing at this slice", "move the slider")
    return Shown(layer, tuple(position), axes, (size[axes[0]], size[axes[1]]))
