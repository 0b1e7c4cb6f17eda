"""Where networks are kept once they are converted for a backend."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path


def cache_folders(model: Path) -> list[Path]:
    """List the folders where converted networks of a model may lie, the first one preferred.

    Parameters
    ----------
    model
        The folder of the model.

    Returns
    -------
    list of Path
        One beside the model, ``.NAME.openvino``, and one of the user, for models in folders that
        cannot be written to. Both can be removed at any time.
    """
    model = model.resolve()
    own = hashlib.sha256(str(model).encode()).hexdigest()[:16]
    return [model.with_name(f".{model.name}.openvino"), user_cache() / "nucleisplit" / own]


def user_cache() -> Path:
    """The folder for what programs of this user can make again."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
