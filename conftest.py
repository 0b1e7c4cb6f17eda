"""Doctests: what needs an extra is collected only where that is installed."""

import importlib.util

_NAPARI = ("dock", "layers", "legend", "panels", "reviewer", "runner")
"""Modules of the viewer that import napari or Qt."""

collect_ignore = (
    []
    if importlib.util.find_spec("napari")
    else [f"nucleisplit/viewer/{name}.py" for name in _NAPARI]
)
