"""What computes the networks here: every backend is tried on a model."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nucleisplit.model import Bundle, load_bundle
from stage1_unet import Predictor

__all__ = ["describe_backends"]

_NAMES = ("openvino-int8", "openvino-bf16", "openvino", "torch")
_LOG = "stage1_unet.backends"
"""Says under this name why ``auto`` does not take a backend."""


def describe_backends(model: str | Path = "default") -> dict[str, Any]:
    """Tell which backends can compute a model, and which one ``auto`` takes.

    Parameters
    ----------
    model
        Name of a bundled model, or the folder of one. Nothing is written beside it.

    Returns
    -------
    dict
        ``model``; ``backend`` and ``device`` that ``auto`` takes, with the ``reason``; and
        ``errors``: name of each backend -> why it cannot compute the model, None where it can.

    Raises
    ------
    BundleError
        The model cannot be loaded.
    """
    bundle = load_bundle(model)
    networks = bundle.networks()
    with _refusals() as refusals:
        chosen = _open(bundle, networks, "auto", "auto")
    errors = {}
    for name in _NAMES:
        try:
            _open(bundle, networks, name, "auto" if name == "torch" else "cpu")
        except Exception as error:  # not only BackendError: what is broken may raise anything
            errors[name] = " ".join(str(error).split()) or type(error).__name__
        else:
            errors[name] = None
    name, device = chosen.backend.name, str(chosen.device)
    return {
        "model": str(model),
        "backend": name,
        "device": device,
        "reason": "; ".join(refusals) or _reason(name, device, bundle),
        "errors": errors,
    }


def _open(bundle: Bundle, networks: list, backend: str, device: str) -> Predictor:
    return Predictor(
        networks,
        bundle.config.predict,
        device,
        bundle.manifest.weights or None,
        backend,
        quantized=bundle.quantized,
    )


def _reason(name: str, device: str, bundle: Bundle) -> str:
    """Say what led to the choice, where nothing that goes before it was refused."""
    if device != "cpu":
        return "there is a GPU"
    lacks = "the processor has no VNNI" if bundle.quantized else "the model has no int8 networks"
    return {
        "openvino-int8": "the model has int8 networks, and the processor VNNI",
        "openvino-bf16": f"{lacks}, but the processor has instructions for bf16",
        "openvino": f"{lacks}, and the processor no instructions for bf16",
        "torch": "OpenVINO is not known to be faster on processors like this",
    }[name]


@contextmanager
def _refusals() -> Iterator[list[str]]:
    """Collect what the backends log of those that ``auto`` passed over."""
    found: list[str] = []
    handler = logging.Handler(logging.DEBUG)
    handler.emit = lambda record: found.append(record.getMessage())
    logger = logging.getLogger(_LOG)
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield found
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
