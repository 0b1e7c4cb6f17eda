"""Files of microscope makers (CZI, ND2, LIF), through the plugins of bioio."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np

from nucleisplit.errors import InputError
from nucleisplit.extras import install_command

from ..plane_choice import choose_scene
from .base import Index, Store

__all__ = ["BioioStore"]


class BioioStore(Store):
    """One scene of a file that a plugin of bioio reads, plane by plane.

    Raises
    ------
    InputError
        The plugin is not installed, or the file holds several scenes and `scene` is None. The
        message names no path. Damaged files raise whatever the plugin raises.
    """

    def __init__(self, path: Path, plugin: str, scene: int | str | None = None) -> None:
        try:
            reader, bioio = import_module(plugin).Reader, import_module("bioio")
        except ImportError as error:
            raise InputError(
                f"needs {plugin.replace('_', '-')}, which is not installed ({error})",
                install_command("microscopes"),
            ) from None
        self._image = bioio.BioImage(path, reader=reader)
        self._image.set_scene(choose_scene(scene, list(map(str, self._image.scenes))))
        self.axes = str(self._image.dims.order)
        self._lazy = self._image.get_image_dask_data(self.axes)
        self.shapes = (tuple(self._lazy.shape),)
        self.dtype = np.dtype(self._lazy.dtype)
        size = self._image.physical_pixel_sizes
        self.pixel_size = (float(size.Y), float(size.X)) if size.Y and size.X else None
        self.z_step = float(size.Z) if size.Z else None
        self.channels = tuple(map(str, self._image.channel_names or ()))

    def read(self, level: int, index: Index) -> np.ndarray:
        return np.asarray(self._lazy[index].compute(scheduler="synchronous"))
