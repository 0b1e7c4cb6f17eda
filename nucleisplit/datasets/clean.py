"""Repair a label image drawn by hand or exported by another tool, and count what was repaired."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

__all__ = ["CleaningConfig", "CleaningNotes", "clean_labels"]


class CleaningConfig(BaseModel):
    """What `clean_labels` changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    min_area: int = Field(default=4, ge=1)
    """Instances and pieces of fewer pixels are dropped."""
    crumb_fraction: float = Field(default=0.05, ge=0, lt=1)
    """Of an id in several pieces, those below this fraction of its largest piece are dropped."""
    split_pieces: bool = True
    """Give every remaining piece of an id an id of its own; otherwise keep them together."""
    fill_holes: bool = True
    """Turn background enclosed by a single instance into that instance."""


@dataclass(frozen=True)
class CleaningNotes:
    """Counts of the repairs made; notes of several images add up with ``+``.

    Attributes
    ----------
    holes_filled : int
        Background regions that became part of the instance around them.
    specks_dropped : int
        Instances removed because even their largest piece was below ``min_area``, and masks
        without a pixel.
    crumbs_dropped : int
        Small loose pieces removed from instances that were kept.
    ids_split : int
        Ids that consisted of several pieces worth keeping.
    ids_added : int
        New ids these pieces were given.
    overlap_pixels : int
        Pixels that several masks of the native layout claimed.
    """

    holes_filled: int = 0
    specks_dropped: int = 0
    crumbs_dropped: int = 0
    ids_split: int = 0
    ids_added: int = 0
    overlap_pixels: int = 0

    def __add__(self, other: CleaningNotes) -> CleaningNotes:
        mine, theirs = asdict(self), asdict(other)
        return CleaningNotes(**{name: mine[name] + theirs[name] for name in mine})

    def __bool__(self) -> bool:
        return any(asdict(self).values())

    def __str__(self) -> str:
        """Name the counts that are not zero, or say ``clean``."""
        parts = [f"{n} {name.replace('_', ' ')}" for name, n in asdict(self).items() if n]
        return ", ".join(parts) or "clean"


def clean_labels(
    labels: np.ndarray, config: CleaningConfig | None = None
) -> tuple[np.ndarray, CleaningNotes]:
    """Drop specks, split ids of several pieces, fill holes and number the rest 1..n.

    Pieces are 8-connected. A hole is a 4-connected region of background that neither touches the
    edge of the image nor neighbours two instances: what lies between nuclei stays background, and
    so does the surrounding of a nucleus inside a ring of another.

    Parameters
    ----------
    labels : (H, W) integer ndarray
        0 = background.
    config : CleaningConfig, optional

    Returns
    -------
    labels : (H, W) int32 ndarray
        Numbered 1..n by the original ids; pieces of one id follow each other in raster order.
    notes : CleaningNotes

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.array([[7, 7, 7, 0, 0, 0],
    ...                    [7, 0, 7, 0, 7, 7],
    ...                    [7, 7, 7, 0, 7, 7],
    ...                    [0, 0, 0, 0, 0, 0],
    ...                    [3, 0, 0, 0, 0, 0]])
    >>> cleaned, notes = clean_labels(labels)
    >>> cleaned
    array([[1, 1, 1, 0, 0, 0],
           [1, 1, 1, 0, 2, 2],
           [1, 1, 1, 0, 2, 2],
           [0, 0, 0, 0, 0, 0],
           [0, 0, 0, 0, 0, 0]], dtype=int32)
    >>> print(notes)
    1 holes filled, 1 specks dropped, 1 ids split, 1 ids added
    """
    config = config or CleaningConfig()
    pieces, count = _components(labels, connectivity=2)
    if count == 0:
        return np.zeros(labels.shape, np.int32), CleaningNotes()
    area = np.bincount(pieces.ravel(), minlength=count + 1)
    area[0] = 0
    owner = np.zeros(count + 1, np.int64)
    owner[pieces.ravel()] = labels.ravel()
    ids, slot = np.unique(owner[1:], return_inverse=True)
    slot = np.concatenate([[-1], slot])  # piece -> position in ids; piece 0 is background
    largest = np.zeros(ids.size, np.int64)
    np.maximum.at(largest, slot[1:], area[1:])

    kept = area >= np.maximum(config.min_area, config.crumb_fraction * largest[slot])
    kept[0] = False
    per_id = np.bincount(slot[kept], minlength=ids.size)
    specks = int((per_id == 0).sum())
    crumbs = int(count - kept.sum() - np.isin(slot[1:], np.flatnonzero(per_id == 0)).sum())
    several = per_id > 1

    new = np.zeros(count + 1, np.int32)
    if config.split_pieces:
        order = np.lexsort((np.arange(count + 1), slot))
        order = order[kept[order]]
        new[order] = np.arange(1, order.size + 1)
        ids_split, ids_added = int(several.sum()), int((per_id[several] - 1).sum())
    else:
        new[kept] = (np.cumsum(per_id > 0)[slot])[kept]
        ids_split = ids_added = 0
    cleaned = new[pieces]
    holes = _fill_holes(cleaned) if config.fill_holes else 0
    notes = CleaningNotes(
        holes_filled=holes,
        specks_dropped=specks,
        crumbs_dropped=crumbs,
        ids_split=ids_split,
        ids_added=ids_added,
    )
    return cleaned, notes


def _components(labels: np.ndarray, connectivity: int) -> tuple[np.ndarray, int]:
    """Number the connected regions of equal value; 0 stays background."""
    from skimage.measure import label  # slow to import, and inference reads no labels

    return label(labels, background=0, connectivity=connectivity, return_num=True)


def _fill_holes(labels: np.ndarray) -> int:
    """Fill, in place, background enclosed by one instance; return how many regions there were."""
    regions, count = _components(labels == 0, connectivity=1)
    is_hole = np.ones(count + 1, bool)
    is_hole[0] = False
    for edge in (regions[0], regions[-1], regions[:, 0], regions[:, -1]):
        is_hole[edge] = False
    if not is_hole.any():
        return 0
    touches = []
    for along in (0, 1):
        r, x = np.moveaxis(regions, along, 0), np.moveaxis(labels, along, 0)
        for a, b in ((slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None))):
            at = is_hole[r[a]] & (x[b] > 0)
            touches.append(np.stack([r[a][at], x[b][at]], axis=1))
    pairs = np.unique(np.concatenate(touches), axis=0)  # (region, neighbouring id)
    neighbours = np.bincount(pairs[:, 0], minlength=count + 1)
    is_hole &= neighbours == 1
    fill = np.zeros(count + 1, labels.dtype)
    fill[pairs[:, 0]] = pairs[:, 1]
    fill[~is_hole] = 0
    labels += fill[regions]
    return int(is_hole.sum())
