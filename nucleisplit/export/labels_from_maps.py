"""Labels from maps by a watershed, for programs without nucleisplit: numpy and scikit-image only.

    python labels_from_maps.py MAPS.npy LABELS.tif [--seed X] [--body X] ...

MAPS.npy holds body, border and separation, (3, H, W), as the networks of the package compute them;
LABELS.tif becomes a label image: 0 = background, 1..n = nuclei.
"""

import argparse

import numpy as np
from skimage import io, measure, segmentation


def labels_from_maps(
    maps: np.ndarray,
    seed: float = 0.6,
    body: float = 0.5,
    border_weight: float = 1.0,
    min_seed_area: int = 10,
    min_area: int = 20,
) -> np.ndarray:
    """Grow seeds over the body, and let them meet where the separation is strongest.

    Parameters
    ----------
    maps : (3, H, W) floating ndarray
        Probabilities of body, border and separation.
    seed : float
        Seeds are connected pixels where body * (1 - separation) * (1 - border_weight * border) is
        larger.
    body : float
        Nuclei reach as far as the body map is larger.
    border_weight : float
    min_seed_area, min_area : int
        Seeds and nuclei of fewer pixels are dropped.

    Returns
    -------
    (H, W) int32 ndarray
    """
    inside, border, separation = np.asarray(maps, np.float32)
    height = inside * (1 - separation) * (1 - border_weight * border)
    mask = inside > body
    seeds = _without_small(measure.label((height > seed) & mask, connectivity=1), min_seed_area)
    labels = segmentation.watershed(-height, seeds, mask=mask)
    for region in measure.regionprops(labels):  # holes
        part = labels[region.slice]
        part[region.image_filled & (part == 0)] = region.label
    return _without_small(labels, min_area).astype(np.int32)


def _without_small(labels: np.ndarray, least: int) -> np.ndarray:
    keep = np.bincount(labels.ravel()) >= least
    keep[0] = False
    return np.where(keep, np.cumsum(keep), 0)[labels]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("maps")
    parser.add_argument("labels")
    parser.add_argument("--seed", type=float, default=0.6)
    parser.add_argument("--body", type=float, default=0.5)
    parser.add_argument("--border-weight", type=float, default=1.0)
    parser.add_argument("--min-seed-area", type=int, default=10)
    parser.add_argument("--min-area", type=int, default=20)
    options = vars(parser.parse_args())
    maps = np.load(options.pop("maps"), allow_pickle=False)
    target = options.pop("labels")
    found = labels_from_maps(maps.reshape(3, *maps.shape[-2:]), **options)
    io.imsave(target, found.astype(np.uint32), check_contrast=False)
    print(f"{found.max()} nuclei: {target}")
