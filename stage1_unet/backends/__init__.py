"""Who does the arithmetic of the networks: torch on any device, or OpenVINO on the CPU."""

from .base import BACKENDS, Backend, BackendError, MissingTorch
from .choose import list_candidates, open_backend

__all__ = [
    "BACKENDS",
    "Backend",
    "BackendError",
    "MissingTorch",
    "list_candidates",
    "open_backend",
]
