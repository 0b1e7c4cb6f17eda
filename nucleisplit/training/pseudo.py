"""Pseudo-labels: unlabelled images, labelled by a trained model where it is sure of itself."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from nucleisplit.config import PseudoConfig
from nucleisplit.errors import ConfigError, NucleisplitError
from nucleisplit.images import find_images, read_image
from nucleisplit.result import Segmentation
from nucleisplit.segmenter import Segmenter
from stage1_unet import Pair, PreprocessConfig

UNCERTAIN = -1
"""Label of the pixels that the loss leaves out."""


def pseudo_labels(result: Segmentation, config: PseudoConfig) -> np.ndarray | None:
    """Keep what the model is sure of.

    Parameters
    ----------
    result : Segmentation
        With maps.
    config : PseudoConfig

    Returns
    -------
    ndarray, shape (H, W), int32, or None
        The nuclei predicted well, as they are numbered in `result`, `UNCERTAIN` where there is
        another nucleus or may be one, 0 elsewhere. None when the image as a whole is not
        predicted well, or no nucleus is.
    """
    if result.maps is None:
        raise ValueError("the result holds no maps")
    if result.predicted_map < config.min_map:
        return None
    predicted = result.table["predicted_iou"].to_numpy()
    sure = np.concatenate([[False], predicted >= config.min_iou])
    if not sure.any():
        return None
    labels = np.where(sure[result.labels], result.labels, 0).astype(np.int32)
    doubtful = (result.labels > 0) | (result.maps[0] > config.max_background)
    labels[doubtful & (labels == 0)] = UNCERTAIN
    return labels


def pseudo_pairs(
    folder: Path,
    segmenter: Segmenter,
    config: PseudoConfig,
    preprocess: PreprocessConfig,
    labelled_weight: float,
    say: Callable[[str], None],
) -> list[Pair]:
    """Label the images of a folder for training; those that cannot be read are named and left out.

    Parameters
    ----------
    folder : Path
    segmenter : Segmenter
        The model that labels them.
    config : PseudoConfig
    preprocess : PreprocessConfig
        That of the network to train.
    labelled_weight : float
        Sum of the weights of the labelled pairs; those made here get `PseudoConfig.share` of all.
    say : callable
        Takes each line of the report.

    Returns
    -------
    list of Pair

    Raises
    ------
    ConfigError
        No image is predicted well enough.
    """
    found = []
    paths = find_images([folder])
    for path in paths:
        try:
            image = read_image(path)
            result = segmenter.segment(image, name=str(path), keep_maps=True, keep_candidates=False)
        except NucleisplitError as error:
            say(f"left out: {error}")
            continue
        labels = pseudo_labels(result, config)
        if labels is not None:
            found.append((image, labels))
    if not found:
        raise ConfigError(
            f"{folder}: none of {len(paths)} images is predicted well enough",
            "lower [pseudo] min_map and min_iou, or give other images",
        )
    nuclei = sum(np.unique(labels[labels > 0]).size for _, labels in found)
    say(f"pseudo-labels: {nuclei} nuclei in {len(found)} of {len(paths)} images, {folder}")
    weight = labelled_weight * config.share / (1 - config.share) / len(found)
    return [Pair.prepare(image, labels, weight, preprocess) for image, labels in found]


def images_fingerprint(paths: Sequence[Path]) -> str:
    """SHA-256 over names and contents of images."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.name.encode() + b"\0")
        digest.update(path.read_bytes())
    return digest.hexdigest()
