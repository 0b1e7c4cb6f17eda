"""Nuclei copied to other places: of the same image, and of images that look alike.

After Ghiasi et al. 2021, *Simple copy-paste is a strong data augmentation method*; here with soft
rims, and next to nuclei that are there, because touching nuclei are what has to be learnt.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from scipy import ndimage as ndi
from scipy.spatial import cKDTree

LEAST_AREA = 12
"""Nuclei smaller than this are not copied, square pixels, before and after zooming."""

MOST_HIDDEN = 0.1
"""Share of a pasted nucleus that those already there may hide."""

TOUCHING = 0.5
"""Share of the nuclei that are pasted next to another."""

LIKENESS = 0.4
"""How far apart the looks of two images may be, where the whole range of one channel counts 1, and
four times the length of the nuclei about 0.35."""

_RIM = 3
"""Margin of a copy, pixels: what lies around the nucleus fades out over it."""


class NucleusBank:
    """The nuclei of a set of images.

    Two images look alike when the median colours of their background and of their nuclei, and the
    size of these, are near each other. An image without nuclei looks like no other.

    Parameters
    ----------
    images : sequence of ndarray, shape (H, W, 3), uint8
    labels : sequence of ndarray, shape (H, W), int32
    alike : int
        How many of the images that look most like one give it their nuclei, itself among them.
    """

    def __init__(
        self, images: Sequence[np.ndarray], labels: Sequence[np.ndarray], alike: int = 8
    ) -> None:
        self.images, self.labels = images, labels
        self.nuclei = [_whole_nuclei(each) for each in labels]
        looks = np.stack([_look(*each) for each in zip(images, labels, strict=True)])
        self.backgrounds = 255 * looks[:, :3]
        self.donors = [np.empty(0, int) for _ in labels]
        seen = np.flatnonzero(np.isfinite(looks).all(axis=1))
        givers = seen[[len(self.nuclei[index]) > 0 for index in seen]]
        if givers.size:
            ranks = np.arange(1, min(alike, givers.size) + 1)
            distance, near = cKDTree(looks[givers]).query(looks[seen], ranks)
            for index, far, row in zip(seen, distance, near, strict=True):
                self.donors[index] = givers[row[far <= LIKENESS]]

    def paste(
        self,
        image: np.ndarray,
        labels: np.ndarray,
        index: int,
        zoom: float,
        count: int,
        rng: np.random.Generator,
    ) -> None:
        """Paste nuclei into a window of an image, in place.

        Each is turned, perhaps mirrored, and zoomed like the window. It goes to a free place, or
        next to a nucleus, which may hide up to `MOST_HIDDEN` of it; the nuclei already there do
        not change. One for which no place is found is left out.

        Parameters
        ----------
        image : ndarray, shape (S, S, 3), uint8
        labels : ndarray, shape (S, S), float32
        index : int
            Which image of the bank the window was cut from.
        zoom : float
            Of the window.
        count : int
            Number of nuclei.
        rng : numpy.random.Generator
        """
        donors = self.donors[index]
        if not donors.size:
            return
        taken = labels != 0
        for new in range(int(labels.max()) + 1, int(labels.max()) + 1 + count):
            donor = donors[rng.integers(donors.size)]
            pixels, inside, alpha = self._copy(donor, zoom, rng)
            if np.count_nonzero(inside) < LEAST_AREA or len(inside) > len(taken) // 2:
                continue
            corner = _find_place(taken, inside, rng)
            if corner is None:
                continue
            place = tuple(slice(start, start + len(inside)) for start in corner)
            alpha[taken[place]] = 0
            pixels += self.backgrounds[index] - self.backgrounds[donor]
            blended = image[place] + alpha[..., None] * (pixels - image[place])
            image[place] = np.clip(np.rint(blended), 0, 255)
            labels[place][inside & ~taken[place]] = new
            taken[place] |= inside

    def _copy(
        self, donor: int, zoom: float, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the pixels (S, S, 3) float32, mask and opacity of one nucleus of a donor."""
        nuclei = self.nuclei[donor]
        number, top, left, bottom, right = nuclei[rng.integers(len(nuclei))]
        box = slice(max(0, top - _RIM), bottom + _RIM), slice(max(0, left - _RIM), right + _RIM)
        pixels, ids = self.images[donor][box], self.labels[donor][box]
        angle, mirror = rng.uniform(0, 2 * np.pi), 2 * rng.integers(2) - 1
        turn = zoom * np.array(
            [[np.cos(angle), -np.sin(angle)], [mirror * np.sin(angle), mirror * np.cos(angle)]]
        )
        size = int(np.ceil(zoom * np.hypot(*ids.shape)))
        middle = np.array(ids.shape[::-1]) - 1
        matrix = np.column_stack([turn, (size - 1) / 2 - turn @ (middle / 2)])

        def move(array: np.ndarray, edge: int) -> np.ndarray:
            return cv2.warpAffine(array, matrix, (size, size), borderMode=edge)

        inside = move((ids == number).view(np.uint8) * 255, cv2.BORDER_CONSTANT) > 127
        fading = cv2.dilate(inside.astype(np.float32), np.ones((3, 3), np.uint8))
        alpha = cv2.GaussianBlur(fading, (5, 5), 1.0)
        others = (ids != number) & (ids != 0)
        if others.any():
            alpha[(move(others.view(np.uint8), cv2.BORDER_REPLICATE) > 0) & ~inside] = 0
        return move(pixels, cv2.BORDER_REPLICATE).astype(np.float32), inside, alpha


def _find_place(
    taken: np.ndarray, inside: np.ndarray, rng: np.random.Generator
) -> tuple[int, int] | None:
    """Return the corner at which a mask may be pasted, near the middle of the window, if any."""
    size, length = len(inside), len(taken)
    edge = length // 6  # a crop hardly shows what lies nearer to the edge of its window
    area = np.count_nonzero(inside)

    def hidden(row: int, column: int) -> int:
        return int(np.count_nonzero(taken[row : row + size, column : column + size] & inside))

    starts = rng.integers(edge, length - edge, (16, 2))
    nuclei = starts[taken[starts[:, 0], starts[:, 1]]]
    if len(nuclei) and rng.random() < TOUCHING:
        start, angle = nuclei[0] - size // 2, rng.uniform(0, 2 * np.pi)
        away = np.array([np.sin(angle), np.cos(angle)])
        for step in range(0, length // 4, 2):
            row, column = np.rint(start + step * away).astype(int)
            if min(row, column) < 0 or max(row, column) > length - size:
                return None
            if hidden(row, column) <= MOST_HIDDEN * area:
                return int(row), int(column)
        return None
    for row, column in starts[:6] - size // 2:
        if min(row, column) >= 0 and max(row, column) <= length - size and not hidden(row, column):
            return int(row), int(column)
    return None


def _whole_nuclei(labels: np.ndarray) -> np.ndarray:
    """Return id and box (top, left, bottom, right) of the nuclei that no image edge cuts."""
    labels = np.maximum(labels, 0)
    areas = np.bincount(labels.ravel())
    found = [
        (number, box[0].start, box[1].start, box[0].stop, box[1].stop)
        for number, box in enumerate(ndi.find_objects(labels), start=1)
        if box is not None and areas[number] >= LEAST_AREA
    ]
    boxes = np.array(found, int).reshape(-1, 5)
    whole = (boxes[:, 1:3] > 0).all(axis=1) & (boxes[:, 3:] < labels.shape).all(axis=1)
    return boxes[whole]


def _look(image: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the median colours of background and nuclei, and the size of these, shape (7,).

    What the image does not show is NaN.
    """
    sparse = image[::3, ::3], labels[::3, ::3]
    colours = [
        np.median(sparse[0][part], axis=0) / 255 if part.any() else np.full(3, np.nan)
        for part in (sparse[1] == 0, sparse[1] > 0)
    ]
    areas = np.bincount(np.maximum(labels, 0).ravel())[1:]
    size = np.log(np.median(areas[areas > 0])) / 8 if areas.any() else np.nan
    return np.array([*colours[0], *colours[1], size])
