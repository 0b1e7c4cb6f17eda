"""A model as bioimage.io describes it (format 0.5), in plain types."""

from __future__ import annotations

import re
from typing import Any

import torch

from stage1_unet import CHANNELS, ONNX_OPSET

from .card import Card
from .credits import bowl_dataset, citations

__all__ = ["FILES", "describe_package", "title_of"]

FILES = {
    "onnx": "weights.onnx",
    "torchscript": "weights.torchscript.pt",
    "input": "test-input.npy",
    "output": "test-output.npy",
    "sample_input": "sample-input.tif",
    "sample_output": "sample-output.tif",
    "cover": "cover.png",
    "readme": "README.md",
    "script": "labels_from_maps.py",
}
"""Names of the files in a package."""

_IMAGE, _MAPS = "image", "maps"
_TOLERANCE = 1e-3
"""By which maps computed by other programs may differ."""


def title_of(card: Card) -> str:
    """Name the model in the letters and the length that bioimage.io allows."""
    name = re.sub(r"[^A-Za-z0-9_+() -]+", "-", card.name)[:32]
    return f"nucleisplit {name} - maps of nuclei"


def describe_package(card: Card) -> dict[str, Any]:
    """Return the content of ``rdf.yaml``; its files are those of `FILES`.

    Parameters
    ----------
    card : Card
    """
    manifest = card.bundle.manifest
    content = {
        "type": "model",
        "format_version": "0.5.3",
        "name": title_of(card),
        "description": "Probabilities of nucleus, border of a nucleus, and separation between "
        "touching nuclei, for instance segmentation of nuclei in microscope images. First of the "
        "two stages of nucleisplit.",
        "version": manifest.nucleisplit,
        "authors": [{"name": name} for name in card.authors],
        "cite": citations(card.bowl),
        "tags": _tags(card),
        "documentation": {"source": FILES["readme"]},
        "covers": [{"source": FILES["cover"]}],
        "attachments": [{"source": FILES["script"]}],
        "inputs": [_describe_input(card)],
        "outputs": [_describe_output(card)],
        "weights": _describe_weights(),
        "config": {"bioimageio": _describe_training(card), "nucleisplit": card.metadata},
    }
    if card.license:
        content["license"] = card.license
    if card.bowl:
        content["training_data"] = bowl_dataset()
    return content


def _describe_input(card: Card) -> dict[str, Any]:
    size = {"min": card.smallest, "step": card.stride}
    steps = _preprocessing(card) if card.expressible else []
    return {
        "id": _IMAGE,
        "description": "red, green, blue; gray three times"
        if card.expressible
        else "three channels as nucleisplit prepares them, see the documentation",
        "axes": [
            {"type": "batch"},
            {"type": "channel", "channel_names": ["red", "green", "blue"]},
            {"type": "space", "id": "y", "size": size},
            {"type": "space", "id": "x", "size": size},
        ],
        "data": {"type": "float32", "range": [None, None] if steps else [0, 1]},
        "preprocessing": steps,
        "test_tensor": {"source": FILES["input"]},
        "sample_tensor": {"source": FILES["sample_input"]},
    }


def _preprocessing(card: Card) -> list[dict[str, Any]]:
    """Say what `preprocess` does, as far as the format has words for it."""
    config = card.bundle.config.preprocess
    joint = {"axes": ["channel", "y", "x"]}
    percentiles = {"min_percentile": config.low, "max_percentile": config.high}
    steps = [
        {"id": "scale_range", "kwargs": {**joint, **percentiles, "eps": 1e-6}},
        {"id": "clip", "kwargs": {"min": 0.0, "max": 1.0}},
    ]
    if config.polarity == "invert":
        steps.append({"id": "scale_linear", "kwargs": {"gain": -1.0, "offset": 1.0}})
    return steps


def _describe_output(card: Card) -> dict[str, Any]:
    halo = {"halo": card.halo} if card.halo else {}
    return {
        "id": _MAPS,
        "description": "probabilities of nucleus, inner border, and separation of two nuclei",
        "axes": [
            {"type": "batch"},
            {"type": "channel", "channel_names": list(CHANNELS)},
            *(
                {
                    "type": "space",
                    "id": axis,
                    "size": {"tensor_id": _IMAGE, "axis_id": axis},
                    **halo,
                }
                for axis in "yx"
            ),
        ],
        "data": {"type": "float32", "range": [0, 1]},
        "test_tensor": {"source": FILES["output"]},
        "sample_tensor": {"source": FILES["sample_output"]},
    }


def _describe_weights() -> dict[str, Any]:
    return {
        "torchscript": {
            "source": FILES["torchscript"],
            "pytorch_version": torch.__version__.split("+")[0],
            "comment": "all networks of the model and their average",
        },
        "onnx": {
            "source": FILES["onnx"],
            "opset_version": ONNX_OPSET,
            "parent": "torchscript",
            "comment": "made from the same networks",
        },
    }


def _describe_training(card: Card) -> dict[str, Any]:
    config = card.bundle.config
    network = config.network
    told = {
        "architecture_type": "U-Net"
        if network.is_ours
        else f"{network.architecture} {network.encoder}"[:32],
        "target_structure": ["nuclei"],
        "task": "segmentation",
        "model_parameter_count": card.parameters,
        "reproducibility_tolerance": [
            {"relative_tolerance": _TOLERANCE, "absolute_tolerance": _TOLERANCE}
        ],
        "training": {
            "training_batch_size": config.train.batch,
            "loss_function": config.train.loss,
            "optimizer": "torch.optim.AdamW",
            "optimizer_kwargs": {"lr": config.train.lr, "weight_decay": config.train.weight_decay},
            "learning_rate_schedule": f"warm-up, then {config.train.decay}",
        },
    }
    return told | ({"modality": "fluorescence, stained tissue, brightfield"} if card.bowl else {})


def _tags(card: Card) -> list[str]:
    """Tag by the categories of bioimage.io; how images were taken only where that is known."""
    light = ["fluorescence-light-microscopy", "transmission-light-microscopy", "dsb2018"]
    network = card.bundle.config.network
    return [
        "2d",
        "nuclei",
        "pytorch",
        *(["unet"] if network.is_ours or "unet" in network.architecture.lower() else []),
        "semantic-segmentation",
        "instance-segmentation",
        *(light if card.bowl else []),
    ]
