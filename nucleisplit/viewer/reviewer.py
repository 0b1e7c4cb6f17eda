"""Choosing again, looking through, swapping, adding, undoing: what is done with the nuclei."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import QObject, QTimer, Signal

from nucleisplit.errors import InputError
from nucleisplit.viewer.class_panel import NONE, ClassPanel
from nucleisplit.viewer.doubts import Queue
from nucleisplit.viewer.layers import OTHER, OWN, NucleiLayers
from nucleisplit.viewer.nucleus import Choice, State, review_order, tabulate
from nucleisplit.viewer.panels import ChoosePanel, ReviewPanel
from nucleisplit.viewer.runner import Runner, notifying
from nucleisplit.viewer.texts import (
    describe_choice,
    describe_nucleus,
    describe_outlines,
    describe_result,
)

if TYPE_CHECKING:
    import pandas as pd
    from napari.components import ViewerModel

    from nucleisplit.result import Segmentation

__all__ = ["Reviewer"]


class Reviewer(QObject):
    """Joins two panels with the layers of nuclei.

    Parameters
    ----------
    viewer : ViewerModel
    choose : ChoosePanel
    review : ReviewPanel
    classify : ClassPanel
    parent : QObject, optional

    Attributes
    ----------
    current : NucleiLayers or None
        What the panels work on: the layer of nuclei that was selected last.
    all : dict of Labels to NucleiLayers
    runner : Runner
        Chooses and measures.
    label : int
        The nucleus that is described; 0 for none.
    options : list of Choice
        What it could be instead.
    """

    said = Signal(str)
    switched = Signal()

    def __init__(
        self,
        viewer: ViewerModel,
        choose: ChoosePanel,
        review: ReviewPanel,
        classify: ClassPanel,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.viewer = viewer
        self.choose, self.review, self.classify = choose, review, classify
        self.current: NucleiLayers | None = None
        self.all: dict[Labels, NucleiLayers] = {}
        self.runner = Runner(self)
        self.label = 0
        self.options: list[Choice] = []
        self._keys = {
            "N": self.next_doubtful,
            "Shift-N": self.previous_doubtful,
            "Control-Z": self.undo,
            "Control-Shift-Z": self.redo,
            **{str(number): partial(self.class_by_key, number) for number in range(10)},
        }
        choose.changed.connect(self.choose_again)
        choose.reset.connect(self.reset_choice)
        choose.recolored.connect(self.recolor)
        classify.chosen.connect(lambda name: self.set_class(self.label, name))
        classify.renamed.connect(self._renamed)
        review.forward.connect(self.next_doubtful)
        review.backward.connect(self.previous_doubtful)
        review.chosen.connect(self._take)
        review.looked_at.connect(self._outline)
        review.undone.connect(self.undo)
        review.redone.connect(self.redo)
        review.click.toggled.connect(self._begin_clicking)
        viewer.mouse_drag_callbacks.append(self.on_click)
        self._show_current()

    def add(self, layers: NucleiLayers, table: pd.DataFrame) -> None:
        """Take up a new session with its measurements, and work on it."""
        labels = layers.labels
        self.all[labels] = layers
        labels.events.paint.connect(self._painted)
        labels.events.selected_label.connect(self._picked)
        for key, action in self._keys.items():
            labels.bind_key(key, lambda layer, action=action: action(), overwrite=True)
        self.classify.know(layers.session.class_colors)
        self._renamed()
        self.use(layers)
        self._measured(layers, layers.session.state, table)
        self.said.emit(describe_result(layers.session.result, layers.iou.size))

    def leave(self) -> None:
        """Let go of the viewer; the layers of nuclei stay there as any others."""
        self.runner.stop()
        self.viewer.mouse_drag_callbacks.remove(self.on_click)
        for labels, layers in self.all.items():
            labels.events.paint.disconnect(self._painted)
            labels.events.selected_label.disconnect(self._picked)
            for key in self._keys:
                labels.bind_key(key, None)
            layers.remove_outlines()
        self.all, self.current = {}, None

    def drop_removed(self) -> None:
        """Forget the sessions whose layer the user has removed."""
        for labels in [labels for labels in self.all if labels not in self.viewer.layers]:
            gone = self.all.pop(labels)
            gone.remove_outlines()
            if self.current is gone:
                self.use(next(reversed(self.all.values()), None))

    def use(self, layers: NucleiLayers | None) -> None:
        """Work on another session."""
        if layers is not self.current:
            if self.current is not None:
                self.current.clear_outlines()
            self.current = layers
            self._show_current()

    def choose_again(self) -> None:
        """Choose the nuclei anew as the sliders say, in a thread."""
        layers = self.current
        cut: dict[str, Any] = self.choose.cut
        if layers is not None:
            self.runner.ask(
                lambda: layers.session.result.reselect(**cut),
                lambda result: self._chosen_again(layers, result),
            )

    def reset_choice(self) -> None:
        """Choose as the model does by itself."""
        if self.current is not None:
            self.choose.show_cut(self.current.own_cut)
            self.choose_again()

    def next_doubtful(self) -> None:
        """Go to the next nucleus that is worth a look."""
        self._go(forward=True)

    def previous_doubtful(self) -> None:
        """Go back to the one before."""
        self._go(forward=False)

    @notifying
    def swap(self, label: int, choice: Choice | None = None) -> None:
        """Put a second opinion in the place of a nucleus, by default the closest."""
        layers = self.current
        if layers is None:
            return
        choice = choice or layers.session.first_choice(label)
        if choice is None:
            self.said.emit(f"nucleus {label} has no second opinion")
            return
        new = layers.session.swap(choice)
        self._refresh(layers)
        self._describe(new[0] if new else 0)
        layers.clear_outlines()

    def add_at(self, pixel: tuple[int, int]) -> None:
        """Add the most likely nucleus where nothing is drawn."""
        if self.current is None:
            return
        try:
            choice = self.current.session.addition(*pixel)
        except InputError as error:
            self.said.emit(str(error))
        else:
            self.swap(0, choice)

    @notifying
    def undo(self) -> None:
        """Take back the last swap, addition, painting or choice."""
        self._travel("undone", self.current and self.current.session.undo)

    @notifying
    def redo(self) -> None:
        """Do again what was undone."""
        self._travel("done again", self.current and self.current.session.redo)

    def recolor(self, by: str) -> None:
        """Colour all nuclei by predicted IoU, class or number."""
        for layers in self.all.values():
            layers.color_by = by
            layers.refresh_colors()

    def class_by_key(self, number: int) -> None:
        """Set the class of the nucleus under the mouse; 0 takes it away."""
        names = [NONE, *self.classify.names]
        pixel = self.current and self.current.pixel_at(self.viewer.cursor.position)
        label = int(self.current.session.labels[pixel]) if self.current and pixel else 0
        if not label:
            self.said.emit("no nucleus is under the mouse")
        elif number >= len(names):
            self.said.emit(f"there is no class {number}; add its name under Classify")
        else:
            self.set_class(label, names[number])

    def set_class(self, label: int, name: str) -> None:
        """Say what class a nucleus is of."""
        layers = self.current
        if layers is None or not label:
            return
        layers.session.set_class(label, name)
        layers.refresh_colors()
        self._describe(label)
        self._show_numbers(layers)
        self._measure(layers)

    def take_up_painting(self) -> None:
        """See what was painted by hand."""
        for layers in self.all.values():
            if layers.session.note_painting():
                layers.refresh_features()
                self._show_numbers(layers)
                self._measure(layers)

    def on_click(self, viewer: ViewerModel, event: Any):
        """Swap the nucleus under a click, or add one, in the mode for it; or describe it if picked.

        A drag moves the image as ever.
        """
        layers, swapping = self.current, self.review.click.isChecked()
        if layers is None or event.button != 1 or not (swapping or layers.labels.mode == "pick"):
            return
        moved = False
        yield
        while event.type == "mouse_move":
            moved = True
            yield
        pixel = None if moved else layers.pixel_at(event.position)
        if pixel is None:
            return
        if label := int(layers.session.labels[pixel]):
            self.swap(label) if swapping else self._describe(label)
        elif swapping:
            self.add_at(pixel)

    def _chosen_again(self, layers: NucleiLayers, result: Segmentation) -> None:
        dropped = layers.session.apply(result)
        layers.clear_outlines()
        self._refresh(layers)
        self._describe(0)
        note = "; corrections are gone until you undo" if dropped else ""
        self.said.emit(describe_result(result, layers.iou.size) + note)

    def _refresh(self, layers: NucleiLayers) -> None:
        """Show what has changed at once, then measure it in a thread."""
        layers.refresh()
        self._show_numbers(layers)
        self._measure(layers)

    def _measure(self, layers: NucleiLayers) -> None:
        session = layers.session
        labels, state = session.labels.copy(), session.state
        self.runner.ask(
            lambda: tabulate(labels, state, session.image),
            lambda table: self._measured(layers, state, table),
            polite=True,
        )

    def _measured(self, layers: NucleiLayers, state: State, table: pd.DataFrame) -> None:
        if state is not layers.session.state:
            return  # it has changed since, and is measured again
        layers.set_table(table)
        if layers.queued_for is not state.result:
            layers.queue, layers.queued_for = Queue(review_order(table)), state.result
            if layers is self.current and len(table):
                self.choose.reach_area(int(table["area"].quantile(0.9)))
        self._show_numbers(layers)

    def _go(self, forward: bool) -> None:
        layers = self.current
        if layers is None:
            return
        session, queue = layers.session, layers.queue

        def wanted(label: int) -> bool:
            return label not in session.state.others and session.locate([label]) is not None

        label = queue.forward(wanted) if forward else queue.backward(wanted)
        if label is None:
            self.said.emit("that was the last one" if forward else "this is the first one")
            return
        self._describe(label)
        choice = session.first_choice(label)
        layers.look_at(label, choice)
        self.review.outlined.setText(describe_outlines(choice, OWN, OTHER))

    def _describe(self, label: int) -> None:
        layers, text = self.current, ""
        self.label, self.options = 0, []
        if layers is not None and label:
            self.label = label
            choices = layers.session.choices(label)
            self.options = sorted(choices, key=lambda choice: -np.nan_to_num(choice.predicted_iou))
            name = layers.classes.get(label, NONE)
            text = describe_nucleus(layers.session, layers.queue, label, name)
            self.classify.show_class(name)
            if layers.labels.selected_label != label:
                layers.labels.selected_label = label
        self.review.show_nucleus(text, [describe_choice(choice) for choice in self.options])

    def _painted(self, event: Any) -> None:
        QTimer.singleShot(0, self.take_up_painting)  # it is not in the pixels yet

    def _picked(self, event: Any) -> None:
        """Describe the nucleus whose number was chosen in napari."""
        layers, label = self.current, event.source.selected_label
        if layers is not None and event.source is layers.labels and label != self.label:
            self._describe(label if layers.session.locate([label]) else 0)

    def _outline(self, number: int) -> None:
        if self.current is not None and number < len(self.options):
            choice = self.options[number]
            self.current.outline(self.label, choice)
            self.review.outlined.setText(describe_outlines(choice, OWN, OTHER))

    def _take(self, number: int) -> None:
        if self.current is not None and number < len(self.options):
            self.swap(self.label, self.options[number])

    def _travel(self, what: str, move: Any) -> None:
        name = move() if move is not None else None
        if name is None or self.current is None:
            self.said.emit(f"nothing to be {what}")
            return
        self._refresh(self.current)
        self.current.clear_outlines()
        self._show_cut()
        self._describe(0)
        self.said.emit(f"{what}: {name}")

    def _renamed(self) -> None:
        for layers in self.all.values():
            layers.class_colors = self.classify.colors
            layers.refresh_colors()
        if self.current is not None:
            self._show_numbers(self.current)

    def _begin_clicking(self, on: bool) -> None:
        if on and self.current is not None:
            self.viewer.layers.selection.active = self.current.labels
            self.current.labels.mode = "pan_zoom"

    def _show_current(self) -> None:
        for panel in (self.choose, self.review, self.classify):
            panel.setEnabled(self.current is not None)
        self._describe(0)
        if self.current is not None:
            self._show_cut()
            self._show_numbers(self.current)
        self.switched.emit()

    def _show_cut(self) -> None:
        if self.current is not None:
            self.choose.show_cut(self.current.session.result.kept.cut)

    def _show_numbers(self, layers: NucleiLayers) -> None:
        if layers is self.current:
            history = layers.session.history
            self.choose.legend.show_iou(layers.iou)
            there = set(layers.session.numbers().tolist())
            counts = Counter(name for label, name in layers.classes.items() if label in there)
            self.classify.show_counts(counts, len(there) - counts.total())
            self.review.undo.setEnabled(history.last is not None)
            self.review.redo.setEnabled(history.next is not None)
