"""Doctests: what needs an extra is collected only where that is installed."""

import importlib.util
from pathlib import Path

_ROOT = Path(__file__).parent
_NAPARI = ("class_panel", "dock", "layers", "legend", "panels", "reviewer", "runner")
"""Modules of the viewer that import napari or Qt."""

collect_ignore = (
    []
    if importlib.util.find_spec("napari")
    else [f"nucleisplit/viewer/{name}.py" for name in _NAPARI]
)


def pytest_collect_file(file_path: Path) -> None:
    """Import the package of a module first, which otherwise pytest may make a second time."""
    folder = file_path.parent
    if (folder / "__init__.py").is_file() and folder.is_relative_to(_ROOT):
        importlib.import_module(".".join(folder.relative_to(_ROOT).parts))
