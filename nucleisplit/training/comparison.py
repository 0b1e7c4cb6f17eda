"""The bundled model on the images of a training run: is one's own any better?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nucleisplit.datasets import Dataset
from nucleisplit.metric import ImageScore, score_image
from nucleisplit.model import load_bundle

from .run_folder import TrainingRun

MOST = 60
"""Images that are compared, evenly drawn."""


def compare_with_bundled(
    run: TrainingRun, dataset: Dataset, scores: Sequence[ImageScore], device: str = "auto"
) -> str | None:
    """Say how the bundled model scores on the images that one's own was trained on.

    Parameters
    ----------
    run : TrainingRun
    dataset : Dataset
        Of the run.
    scores : sequence of ImageScore
        Of one's own model, out of fold; the first of an image counts.
    device : {"auto", "cpu", "cuda", "mps"}

    Returns
    -------
    str or None
        None where the bundled model was trained on these very images.
    """
    from nucleisplit.segmenter import Segmenter

    bundle = load_bundle()
    if bundle.manifest.data == run.fingerprint:
        return None
    own = {score.image_id: score.map for score in reversed(scores)}
    picked = np.linspace(0, len(dataset) - 1, min(len(dataset), MOST)).astype(int)
    records = [dataset.records[index] for index in picked]
    segmenter = Segmenter(bundle, device=device)
    before = []
    for record in records:
        image, truth, _ = record.read()
        found = segmenter.segment(image, name=str(record.image_path), keep_candidates=False)
        before.append(score_image(found.labels, truth).map)
    after = [own[record.image_id] for record in records]
    return (
        f"bundled model {np.mean(before):.3f} -> yours {np.mean(after):.3f}: mAP of the same "
        f"{len(records)} images, yours out of fold"
    )
