"""The nuclei of one image while they are looked through: swapped, added, painted, undone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nucleisplit.errors import InputError
from nucleisplit.viewer.history import History, Step
from nucleisplit.viewer.nucleus import (
    ADDED,
    PAINTED,
    REMOVED,
    SELECTED,
    Box,
    Choice,
    Nucleus,
    State,
    Swap,
)
from nucleisplit.viewer.opinions import addition, box_of, choices_of, removal, way_back
from nucleisplit.viewer.save_corrections import save_corrections

if TYPE_CHECKING:
    from nucleisplit.palette import Color
    from nucleisplit.result import Segmentation

__all__ = ["Session"]


class Session:
    """A segmented image under review.

    Parameters
    ----------
    image : (H, W) or (H, W, C) ndarray
    result : Segmentation
        Of that image, with its candidates.
    inside : (H, W) bool ndarray, optional
        Nuclei that lie for the most part outside are left out.
    name : str
        What its files are called, and messages call it.

    Attributes
    ----------
    labels : (H, W) int32 ndarray
        The nuclei as they are now. Whoever paints in it changes it in place.
    state : State
    history : History
    """

    def __init__(
        self,
        image: np.ndarray,
        result: Segmentation,
        inside: np.ndarray | None = None,
        name: str = "image",
    ) -> None:
        self.image = image
        self.inside = inside
        self.name = name
        self.history = History()
        self.state = State(result)
        self._show(self._selection(result))

    @property
    def result(self) -> Segmentation:
        """The selection that all corrections start from."""
        return self.state.result

    @property
    def corrected(self) -> bool:
        """Whether anything differs from the selection."""
        changed = bool(self.state.others or self.state.classes)
        return changed or not np.array_equal(self.labels, self._known)

    @property
    def class_colors(self) -> Mapping[str, Color]:
        """The classes that the model tells apart, with their colours; none where it knows none."""
        classes = self.result.kept.classes
        return classes.colors if classes is not None else {}

    def numbers(self) -> np.ndarray:
        """The labels that are there, ascending."""
        if self.labels.max(initial=0) > 2**24:  # painted with a number of the user's
            return np.setdiff1d(self.labels, [0])
        return np.flatnonzero(np.bincount(self.labels.ravel())[1:]) + 1

    def iou_by_label(self) -> np.ndarray:
        """Predicted IoU, the first that of the background, NaN where there is none."""
        n = self.result.nuclei
        largest = max([n, *(label for label in self.state.others if label < 2**16)])
        iou = np.full(largest + 1, np.nan)
        iou[1 : n + 1] = self.result.kept.split.predicted_iou
        for label, nucleus in self.state.others.items():
            if label < len(iou):
                iou[label] = nucleus.predicted_iou
        return iou

    def locate(self, labels: Iterable[int]) -> Box | None:
        """The box around nuclei; None where there is no pixel of them."""
        return box_of(np.isin(self.labels, list(labels)))

    def choices(self, label: int) -> list[Choice]:
        """What a nucleus could be instead, the closest first; of a swapped one, the way back."""
        swap = self.state.swaps.get(label)
        if swap is None:
            return choices_of(self.result, label)
        if swap.kind != ADDED:
            return [way_back(self.result, swap)]
        box = self.locate([label])
        return [] if box is None else [removal(label, box)]

    def addition(self, row: int, column: int) -> Choice:
        """The most likely nucleus at a pixel where nothing is drawn, to be put there by `swap`.

        Raises
        ------
        InputError
            There is none that overlaps nothing drawn, or the pixel is taken or outside.
        """
        return addition(self.result, self.labels, row, column)

    def first_choice(self, label: int) -> Choice | None:
        """The closest other way to count the nuclei here, else the closest other outline."""
        choices = self.choices(label)
        ways = [choice for choice in choices if choice.kind not in ("tighter", "wider")]
        return next(iter(ways or choices), None)

    def swap(self, choice: Choice) -> tuple[int, ...]:
        """Put a second opinion in place of the nuclei that it stands for, or add a nucleus.

        Swaps that share one of these nuclei are taken back first. Pixels that were given to other
        nuclei by hand stay with them.

        Returns
        -------
        tuple of int
            The labels of the new nuclei: the first keeps the number that was asked for. None of
            an added nucleus that is removed again.
        """
        self.note_painting()
        before = self.state
        wanted = set(choice.replaced)
        undone = {id(s): s for s in before.swaps.values() if wanted & set(s.replaced)}.values()
        gone = wanted.union(*(swap.labels for swap in undone))
        back = set().union(*(swap.replaced for swap in undone)) - wanted
        goes_back = choice.kind in (SELECTED, REMOVED)
        new = choice.replaced[: len(choice.nuclei)]
        if not goes_back:
            free = (i for i in count(self.result.nuclei + 1) if i not in before.others)
            new = (*new[:1], *islice(free, len(choice.nuclei) - len(new[:1])))
        window = self._window_of(gone, back, choice)
        part = self.labels[window]
        pixels = part.copy()
        part[np.isin(part, list(gone))] = 0
        selected = self.result.labels[window]
        for label in back:
            part[(selected == label) & (part == 0)] = label
        place = tuple(
            slice(own.start - outer.start, own.stop - outer.start)
            for own, outer in zip(choice.window, window, strict=True)
        )
        mine = (part[place] == 0) & (choice.masks > 0)
        part[place][mine] = np.array([0, *new], np.int32)[choice.masks[mine]]

        others = {label: n for label, n in before.others.items() if label not in gone | back}
        swaps = {label: s for label, s in before.swaps.items() if label not in gone}
        replaced = choice.replaced or new
        if not goes_back:
            others |= dict(zip(new, choice.nuclei, strict=True))
            swaps |= dict.fromkeys(new, Swap(choice.kind, replaced, new))
        gone |= back
        if len(choice.replaced) == len(new) == 1:  # still the same nucleus
            gone -= {*new}
        classes = {label: name for label, name in before.classes.items() if label not in gone}
        self.state = replace(before, others=others, swaps=swaps, classes=classes)
        self._keep(f"{choice.kind} {replaced[0]}", before, window, pixels)
        return new

    def set_class(self, label: int, name: str) -> None:
        """Say what class a nucleus is of; an empty name for none."""
        self.note_painting()
        before = self.state
        self.state = replace(before, classes={**before.classes, label: name})
        nowhere = (slice(0, 0), slice(0, 0))
        self._keep(f"class of {label}", before, nowhere, self.labels[nowhere].copy())

    def note_painting(self) -> bool:
        """Take up what was painted since; what is predicted of these nuclei no longer holds."""
        window = _window(box_of(self.labels != self._known))
        if window is None:
            return False
        now, then = self.labels[window], self._known[window]
        changed = now != then
        touched = np.union1d(now[changed], then[changed])
        touched = touched[touched > 0].tolist()
        before, pixels = self.state, then.copy()
        others = dict(before.others) | dict.fromkeys(touched, Nucleus(PAINTED))
        self.state = replace(before, others=others)
        self._keep("painting", before, window, pixels)
        return True

    def apply(self, result: Segmentation) -> bool:
        """Start again from another selection; tell whether corrections went, until undone."""
        self.note_painting()
        before, now, history = self.state, State(result), self.history
        last = history.last
        if last is None:
            history.forget_undone()
        elif last.window is None and last.states[1] is before:
            history.amend(lambda step: replace(step, states=(step.states[0], now)))
        else:
            history.push(Step("choosing again", (before, now), self.labels))
        self.state = now
        self._show(self._selection(result))
        return bool(before.others or before.classes)

    def reselect(self, **cut: Any) -> bool:
        """Choose again, as `Segmentation.reselect` does, and `apply` it."""
        return self.apply(self.result.reselect(**cut))

    def undo(self) -> str | None:
        """Take back the last swap, painting or selection; its name, None where there is none."""
        self.note_painting()
        step = self.history.back()
        if step is None:
            return None
        self.state = step.states[0]
        if step.window is None:
            self._show(step.before.copy())
        else:
            self._fill(step.window, step.before)
        return step.name

    def redo(self) -> str | None:
        """Do again what was undone; its name, None where there is none."""
        self.note_painting()
        step = self.history.forth()
        if step is None:
            return None
        self.state = step.states[1]
        if step.window is None:
            self._show(self._selection(self.result))
        else:
            self._fill(step.window, np.asarray(step.after))
        return step.name

    def save(
        self, folder: str | Path, overwrite: bool = False, classes: Mapping[int, str] | None = None
    ) -> tuple[Path, Path]:
        """Write image and nuclei as data to train on, see `save_corrections`.

        `classes` are by label; those of labels that are not there are left out.

        Raises
        ------
        InputError
            Only a polygon was segmented; training would take the rest of its box for background.
        """
        if self.inside is not None:
            raise InputError(
                f"{self.name}: the nuclei around the polygon are not outlined, and training would "
                "take them for background",
                "segment a rectangle",
            )
        self.note_painting()
        there = set(self.numbers().tolist())
        named = {label: name for label, name in (classes or {}).items() if label in there}
        return save_corrections(folder, self.name, self.image, self.labels, overwrite, named)

    def _selection(self, result: Segmentation) -> np.ndarray:
        labels = result.labels.copy()
        if self.inside is not None:
            area = np.bincount(labels.ravel())
            within = np.bincount(labels[self.inside], minlength=area.size)
            labels[(2 * within < area)[labels]] = 0
        return labels

    def _window_of(self, gone: set[int], back: set[int], choice: Choice) -> tuple[slice, slice]:
        """The part of the image that a swap changes."""
        rows, columns = choice.window
        others = (self.locate(gone), box_of(np.isin(self.result.labels, list(back))))
        boxes = [(rows.start, columns.start, rows.stop, columns.stop)]
        boxes += [box for box in others if box is not None]
        top, left, bottom, right = zip(*boxes, strict=True)
        return slice(min(top), max(bottom)), slice(min(left), max(right))

    def _keep(self, name: str, before: State, window: tuple[slice, slice], pixels) -> None:
        """Remember a change of a window that was made."""
        after = self.labels[window].copy()
        self._known[window] = after
        self.history.push(Step(name, (before, self.state), pixels, after, window))

    def _fill(self, window: tuple[slice, slice], pixels: np.ndarray) -> None:
        self.labels[window] = self._known[window] = pixels

    def _show(self, labels: np.ndarray) -> None:
        self.labels = labels
        self._known = labels.copy()


def _window(box: Box | None) -> tuple[slice, slice] | None:
    return box and (slice(box[0], box[2]), slice(box[1], box[3]))
