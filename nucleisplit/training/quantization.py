"""A model's networks in int8: calibrated on images, checked against what they replace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nucleisplit.datasets import Record, load_dataset
from nucleisplit.errors import ConfigError
from nucleisplit.extras import install_command, missing_libraries
from nucleisplit.metric import score_image
from nucleisplit.model import Bundle, add_quantized, load_bundle
from stage1_unet import preprocess

if TYPE_CHECKING:
    from nucleisplit.segmenter import Segmenter

MAX_COST = 0.003
"""By how much less the networks in int8 may score, in mAP of the nuclei."""
_CROP = 256


def quantize_model(
    model: str | Path,
    data: str | Path | Sequence[str | Path],
    *,
    crops: int = 60,
    images: int = 80,
    max_cost: float = MAX_COST,
    say: Callable[[str], None] = print,
) -> Bundle:
    """Add networks in int8 to a model, for the backend ``openvino-int8``.

    They are calibrated on crops of some images of a dataset and scored on others, against the
    networks in float32: the whole way to the nuclei, with the trees of the model. Images of rare
    kinds are taken more often. All is as before when int8 costs too much.

    Parameters
    ----------
    model
        Name of a bundled model, or the folder of one; it is changed in place.
    data
        Folder of a dataset, or several, as for training.
    crops
        Images to calibrate on; at most half of them all.
    images
        Images to score on, of the others.
    max_cost
        Largest loss of mAP that is accepted.
    say
        Takes each line of the report.

    Returns
    -------
    Bundle

    Raises
    ------
    ConfigError
        NNCF is missing or cannot quantise the network, or int8 costs too much.
    DatasetError
        The data make no dataset, or one of a single image.
    BundleError
        The model cannot be read or written.
    """
    if missing := missing_libraries("nncf", "openvino"):
        raise ConfigError(
            f"to quantise a model needs {' and '.join(missing)}", hint=install_command("quantize")
        )
    bundle = load_bundle(model)
    dataset = load_dataset(data, folds=2)
    records, shares = dataset.records, np.array(dataset.weights())
    rng = np.random.default_rng(0)
    order = rng.choice(len(records), len(records), replace=False, p=shares / shares.sum())
    shuffled = [records[index] for index in order]
    crops = min(crops, len(records) // 2)
    from nucleisplit.segmenter import Segmenter
    from stage1_unet import BackendError, quantize_network, to_batch

    def write(folder: Path) -> list[str]:
        shown = [_draw_crop(record, bundle, rng) for record in shuffled[:crops]]
        names = []
        for name, network in zip(bundle.manifest.networks, bundle.networks(), strict=True):
            say(f"{name}: calibrating on {crops} crops")
            names.append(f"{Path(name).stem}.int8.safetensors")
            batches = [to_batch(crop, network.stride) for crop in shown]
            quantize_network(network, batches, folder / names[-1])
        return names

    def check(fresh: Bundle) -> dict:
        held = shuffled[crops:][:images]
        before = _mean_map(held, Segmenter(bundle, device="cpu", backend="openvino"))
        after = _mean_map(held, Segmenter(fresh, device="cpu", backend="openvino-int8"))
        line = f"mAP of {len(held)} images: {before:.4f} in float32, {after:.4f} in int8"
        if before - after > max_cost:
            raise ConfigError(
                f"{line}, which costs more than {max_cost}; the model is left as it was",
                hint="calibrate on other images, or go on in float32",
            )
        say(line)
        return {"images": len(held), "float32": before, "int8": after}

    try:
        return add_quantized(bundle, write, check)
    except BackendError as error:
        raise ConfigError(str(error), hint="go on in float32") from error


def _draw_crop(record: Record, bundle: Bundle, rng: np.random.Generator) -> np.ndarray:
    """Cut a piece from anywhere in an image, as the network sees it."""
    image = preprocess(record.read()[0], bundle.config.preprocess)
    y, x = (rng.integers(max(1, length - _CROP + 1)) for length in image.shape[:2])
    return image[y : y + _CROP, x : x + _CROP]


def _mean_map(records: Sequence[Record], segmenter: Segmenter) -> float:
    scores = []
    for record in records:
        image, truth, _ = record.read()
        found = segmenter.segment(image, name=str(record.image_path), keep_candidates=False)
        scores.append(float(score_image(found.labels, truth).map))
    return float(np.mean(scores))
