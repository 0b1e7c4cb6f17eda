"""The dock widget: segments what is shown, and saves what was corrected."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Image, Shapes
from napari.utils.notifications import show_info
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QMessageBox, QScrollArea, QShortcut, QVBoxLayout, QWidget

from nucleisplit.errors import Cancelled, OutputError
from nucleisplit.viewer.class_panel import ClassPanel
from nucleisplit.viewer.computing import Models, segment
from nucleisplit.viewer.layers import SECOND_OPINION, NucleiLayers
from nucleisplit.viewer.nucleus import tabulate
from nucleisplit.viewer.panels import ChoosePanel, ReviewPanel, SavePanel, SegmentPanel
from nucleisplit.viewer.reviewer import Reviewer
from nucleisplit.viewer.runner import Runner, notifying
from nucleisplit.viewer.session import Session
from nucleisplit.viewer.shown import shown_plane

if TYPE_CHECKING:
    import pandas as pd
    from napari.viewer import Viewer

    from nucleisplit.cut import Cut

__all__ = ["NucleiDock"]


class NucleiDock(QWidget):
    """Find, check and correct nuclei.

    Parameters
    ----------
    napari_viewer : Viewer

    Attributes
    ----------
    models : Models
    reviewer : Reviewer
        What is done with the nuclei once they are there.
    runner : Runner
        Segments.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.viewer = napari_viewer
        self.models = Models()
        self.runner = Runner(self)
        self._cancel = threading.Event()
        self._events: list[tuple[Any, Callable]] = []
        self.segment, self.choose = SegmentPanel(), ChoosePanel()
        self.review, self.classify, self.save = ReviewPanel(), ClassPanel(), SavePanel()
        panels = (self.choose, self.review, self.classify)
        self.reviewer = Reviewer(napari_viewer, *panels, self)
        self._lay_out()
        self._connect()
        self._list_layers()
        self._switch()

    @notifying
    def start(self) -> None:
        """Segment the chosen image, or the region of it, in a thread."""
        image, shapes = self.segment.image.layer, self.segment.region.layer
        if image is None or self.runner.busy:
            return
        shown = shown_plane(self.viewer, image)
        region = shown.whole() if shapes is None else shown.region(shapes)
        name, options, cut = shown.name(region), self.segment.options, self.choose.asked
        models, cancel, say = self.models, self._cancel, self.runner.said.emit
        cancel.clear()

        def work() -> tuple[Session, pd.DataFrame, Cut]:
            say("loading the model", None)
            segmenter = models.get(**options)
            if cancel.is_set():
                raise Cancelled("cancelled")
            say("reading the image", None)
            pixels = shown.read(region)
            result = segment(segmenter, pixels, cut, name, say, cancel.is_set)
            session = Session(pixels, result, region.inside, name)
            table = tabulate(session.labels.copy(), session.state, pixels)
            return session, table, segmenter.cut

        def add(found: tuple[Session, pd.DataFrame, Cut]) -> None:
            session, table, own_cut = found
            layers = NucleiLayers(self.viewer, shown, region, session, own_cut)
            layers.color_by = self.choose.color_by.currentText()
            layers.show()
            self.reviewer.add(layers, table)

        self.segment.show_busy(True)
        self.runner.ask(work, add)

    def cancel(self) -> None:
        """Stop before the next tile or step."""
        self._cancel.set()
        if self.runner.busy:
            self.segment.status.setText("stopping after this tile ...")

    def draw_region(self) -> None:
        """Add a layer to draw a rectangle in."""
        layer = self.viewer.add_shapes(name="region", face_color="transparent", edge_color="yellow")
        layer.mode = "add_rectangle"
        self.segment.region.choose(layer)

    @notifying
    def save_corrections(self) -> None:
        """Write the image and the nuclei as data to train on; ask before labels are replaced."""
        if self.reviewer.current is None:
            return
        session = self.reviewer.current.session
        session.name = self.save.name.text().strip()
        folder = Path(self.save.folder.text().strip() or ".").expanduser()
        target = folder / "labels" / f"{session.name}.tif"
        replace = target.exists()
        if replace and not self.ask(f"Replace the labels in {target}?"):
            return
        try:
            classes = self.reviewer.current.classes
            image, labels = session.save(folder, overwrite=replace, classes=classes)
        except OutputError as error:  # its hints are of the command line
            raise OutputError(error.message, "choose another name or folder") from error
        self.reviewer.take_up_painting()
        show_info(f"saved {image} and {labels}")

    def leave(self) -> None:
        """Let go of the viewer, as the widget is closed."""
        self._cancel.set()
        self.runner.stop()
        for event, action in self._events:
            event.disconnect(action)
        self._events = []
        self.reviewer.leave()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.ParentChange and self.parent() is None and self._events:
            self.leave()  # napari takes a widget out of its dock, and never tells it
        return super().event(event)

    def ask(self, question: str) -> bool:
        """Ask for a yes."""
        return QMessageBox.question(self, "nucleisplit", question) == QMessageBox.Yes

    def _list_layers(self, event=None) -> None:
        """Offer the images and shapes that there are."""
        layers = list(self.viewer.layers)
        self.segment.image.offer([layer for layer in layers if isinstance(layer, Image)])
        shapes = [layer for layer in layers if isinstance(layer, Shapes)]
        self.segment.region.offer(
            [layer for layer in shapes if not layer.name.startswith(SECOND_OPINION)]
        )
        self.reviewer.drop_removed()
        if not self.runner.busy:
            self.segment.show_busy(False)

    def _follow(self, event=None) -> None:
        """Work on the layer that is selected."""
        active = self.viewer.layers.selection.active
        if isinstance(active, Image):
            self.segment.image.choose(active)
        elif active in self.reviewer.all:
            self.reviewer.use(self.reviewer.all[active])

    def _switch(self) -> None:
        current = self.reviewer.current
        self.save.setEnabled(current is not None)
        self.save.name.setText(current.session.name if current is not None else "")

    def _stopped(self) -> None:
        self.segment.show_busy(False)
        if self._cancel.is_set():
            self.segment.status.setText("cancelled")
        elif self.segment.status.text().endswith("..."):
            self.segment.status.setText("")

    def _connect(self) -> None:
        self.segment.started.connect(self.start)
        self.segment.cancelled.connect(self.cancel)
        self.segment.drawing.connect(self.draw_region)
        self.runner.said.connect(self.segment.show_progress)
        self.runner.idle.connect(self._stopped)
        self.reviewer.said.connect(self.segment.status.setText)
        self.reviewer.switched.connect(self._switch)
        self.save.saved.connect(self.save_corrections)
        keys = {QKeySequence.Undo: self.reviewer.undo, QKeySequence.Redo: self.reviewer.redo}
        for key, action in keys.items():
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.setContext(Qt.WidgetWithChildrenShortcut)
            shortcut.activated.connect(action)
        layers = self.viewer.layers
        changes = (layers.events.inserted, layers.events.removed, layers.events.reordered)
        self._events = [(event, self._list_layers) for event in changes]
        self._events.append((layers.selection.events.active, self._follow))
        for event, action in self._events:
            event.connect(action)

    def _lay_out(self) -> None:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(6, 6, 6, 6)
        column.setSpacing(10)
        for panel in (self.segment, self.choose, self.review, self.classify, self.save):
            column.addWidget(panel)
        column.addStretch()
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)
        # so that the bar, which a low window has, covers nothing
        bar = scroll.verticalScrollBar().sizeHint().width()
        self.setMinimumWidth(max(300, inside.minimumSizeHint().width() + bar))
