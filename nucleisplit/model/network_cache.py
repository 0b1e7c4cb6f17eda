"""Where networks are kept once they are converted for a backend."""

from __future__ import annotations

import hashlib
from pathlib import Path

from platformdirs import user_cache_path


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
    of_user = user_cache_path("nucleisplit", appauthor=False) / own
    return [model.with_name(f".{model.name}.openvino"), of_user]
