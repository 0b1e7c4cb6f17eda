"""The parts of the dock widget: what a user sees and sets, and nothing of what it does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
)
from superqt import QLabeledDoubleSlider, QLabeledSlider

from nucleisplit.viewer.layers import COLORINGS
from nucleisplit.viewer.legend import Legend

if TYPE_CHECKING:
    from nucleisplit.cut import Cut

__all__ = ["ChoosePanel", "ReviewPanel", "SavePanel", "SegmentPanel"]


class LayerCombo(QComboBox):
    """Offers layers by their names.

    Parameters
    ----------
    tip : str
    none : str, optional
        A first line that stands for no layer.
    """

    def __init__(self, tip: str, none: str | None = None) -> None:
        super().__init__()
        _narrow(self, tip)
        self._none = none
        self._layers: list[Any] = []
        self.offer([])

    @property
    def layer(self) -> Any:
        """The layer that is chosen; None for none."""
        number = self.currentIndex()
        return self._layers[number] if 0 <= number < len(self._layers) else None

    def offer(self, layers: Sequence[Any]) -> None:
        """List these; the one that was chosen stays so if it is among them."""
        before, blocker = self.layer, QSignalBlocker(self)
        self._layers = [*([] if self._none is None else [None]), *layers]
        self.clear()
        self.addItems([self._none if layer is None else layer.name for layer in self._layers])
        self.choose(before)
        blocker.unblock()

    def choose(self, layer: Any) -> None:
        """Choose a layer, or where it is not offered the first line."""
        self.setCurrentIndex(self._layers.index(layer) if layer in self._layers else 0)


class SegmentPanel(QGroupBox):
    """Which image, by which model; start and stop."""

    started = Signal()
    cancelled = Signal()
    drawing = Signal()

    def __init__(self) -> None:
        super().__init__("1  Segment")
        self.image = LayerCombo("The image; of a stack the slice that is shown")
        self.region = LayerCombo(
            "All of it, or the shape that is selected in a layer, else the last", "whole image"
        )
        self.draw = _button("Draw", "Draw a rectangle, to segment only what is in it", self.drawing)
        self.model = QComboBox()
        _narrow(self.model, "A model that comes with nucleisplit, or the folder of one")
        self.model.setEditable(True)
        self.model.addItem("default")
        self.browse = _button("...", "Choose the folder of a model")
        self.browse.clicked.connect(self._browse)
        self.diameter = QDoubleSpinBox()
        self.diameter.setRange(0, 2000)
        self.diameter.setDecimals(1)
        self.diameter.setSpecialValueText("measured")
        self.diameter.setSuffix(" px")
        self.diameter.setToolTip("Typical diameter of the nuclei; 0 measures it")
        self.start = _button("Segment", "Find the nuclei", self.started)
        self.stop = _button("Cancel", "Stop before the next tile", self.cancelled)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(6)
        policy = self.progress.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.progress.setSizePolicy(policy)
        self.status = _note()

        form = _form(self)
        form.addRow("image", self.image)
        form.addRow("region", _row(self.region, self.draw))
        form.addRow("model", _row(self.model, self.browse))
        form.addRow("diameter", self.diameter)
        form.addRow(_row(self.start, self.stop))
        form.addRow(self.progress)
        form.addRow(self.status)
        self.show_busy(False)

    @property
    def options(self) -> dict[str, Any]:
        """Fields of `nucleisplit.InferOptions`."""
        diameter = self.diameter.value() or None
        return {"model": self.model.currentText().strip() or "default", "diameter": diameter}

    def show_busy(self, busy: bool) -> None:
        """Let it be started, or cancelled."""
        self.start.setEnabled(not busy and self.image.layer is not None)
        self.stop.setEnabled(busy)
        self.progress.setRange(0, 0)
        self.progress.setVisible(busy)

    def show_progress(self, what: str, share: float | None) -> None:
        """Say what is being done; a bar that moves to and fro where the share is unknown."""
        self.status.setText(f"{what} ...")
        self.progress.setRange(0, 0 if share is None else 100)
        self.progress.setValue(round(100 * (share or 0)))

    def _browse(self) -> None:
        if folder := QFileDialog.getExistingDirectory(self, "Folder of a model"):
            self.model.setEditText(folder)


class ChoosePanel(QGroupBox):
    """How the nuclei are chosen of the candidates, and how they are coloured."""

    changed = Signal()
    reset = Signal()
    recolored = Signal(str)

    def __init__(self) -> None:
        super().__init__("2  Choose")
        self.legend = Legend()
        self.color_by = QComboBox()
        self.color_by.addItems(COLORINGS)
        self.color_by.setToolTip("What the colours of the nuclei say; by number, each has its own")
        self.color_by.currentTextChanged.connect(self.recolored)
        self.min_iou = QLabeledDoubleSlider(Qt.Horizontal)
        self.min_iou.setRange(0, 1)
        self.min_iou.setSingleStep(0.01)
        self.min_area = QLabeledSlider(Qt.Horizontal)
        self.min_area.setRange(0, 500)
        self.split_bias = QLabeledDoubleSlider(Qt.Horizontal)
        self.split_bias.setRange(-1, 1)
        self.split_bias.setSingleStep(0.05)
        self.sensitivity = QLabeledDoubleSlider(Qt.Horizontal)
        self.sensitivity.setRange(-1, 1)
        self.sensitivity.setSingleStep(0.05)
        self.outline_bias = QLabeledDoubleSlider(Qt.Horizontal)
        self.outline_bias.setRange(-1, 1)
        self.outline_bias.setSingleStep(0.05)
        tips = {
            self.min_iou: "Nuclei with a lower predicted IoU are dropped",
            self.min_area: "Outlines of fewer pixels are not considered",
            self.split_bias: "Left: merge what can be merged; right: split what can be split",
            self.sensitivity: "Left: only nuclei that are nearly certain; right: where nuclei are "
            "missed, all that are credible",
            self.outline_bias: "Left: tighter outlines of the same nuclei; right: wider ones",
        }
        for slider, tip in tips.items():
            slider.setToolTip(tip)
            slider.valueChanged.connect(self.changed)
        self.undo_all = _button("Reset", "Back to how the model chooses", self.reset)

        form = _form(self)
        form.addRow(self.legend)
        form.addRow("min. IoU", self.min_iou)
        form.addRow("min. area", self.min_area)
        form.addRow("merge / split", self.split_bias)
        form.addRow("fewer / more", self.sensitivity)
        form.addRow("tighter / wider", self.outline_bias)
        form.addRow("colour by", _row(self.color_by, self.undo_all))

    @property
    def cut(self) -> dict[str, float]:
        """As `Segmentation.reselect` takes it."""
        return {
            "min_iou": round(self.min_iou.value(), 4),
            "min_area": int(self.min_area.value()),
            "split_bias": round(self.split_bias.value(), 4),
            "sensitivity": round(self.sensitivity.value(), 4),
            "outline_bias": round(self.outline_bias.value(), 4),
        }

    @property
    def asked(self) -> dict[str, float]:
        """The same without what the user left as it was, so that the model decides."""
        return {name: value for name, value in self.cut.items() if value}

    def reach_area(self, area: int) -> None:
        """Let the slider reach at least this area."""
        self.min_area.setMaximum(max(100, area, self.min_area.value()))

    def show_cut(self, cut: Cut) -> None:
        """Show how the nuclei were chosen, without asking to choose again."""
        self.min_area.setMaximum(max(self.min_area.maximum(), cut.min_area))
        for name in self.cut:
            slider = getattr(self, name)
            blocker = QSignalBlocker(slider)
            slider.setValue(getattr(cut, name))
            blocker.unblock()


class ReviewPanel(QGroupBox):
    """The doubtful nuclei one by one, and what each could be instead."""

    forward = Signal()
    backward = Signal()
    chosen = Signal(int)
    looked_at = Signal(int)
    undone = Signal()
    redone = Signal()

    def __init__(self) -> None:
        super().__init__("3  Review")
        self.back = _button("Previous", "The doubtful nucleus before (Shift+N)", self.backward)
        self.next = _button("Next doubtful", "The next doubtful nucleus (N)", self.forward)
        self.what = _note()
        self.what.setTextFormat(Qt.RichText)
        self.click = QPushButton("Swap and add by clicking")
        self.click.setCheckable(True)
        self.click.setToolTip(
            "A click on a nucleus puts its closest second opinion in its place; where nothing is "
            "drawn, a click adds the most likely nucleus. Another click takes it back"
        )
        self.undo = _button("Undo", "Take back what was done last", self.undone)
        self.redo = _button("Redo", "Do again what was undone", self.redone)
        self.outlined = _note()
        self.outlined.setTextFormat(Qt.RichText)
        self._choices = QVBoxLayout()
        self._choices.setSpacing(4)

        form = _form(self)
        form.addRow(_row(self.back, self.next))
        form.addRow(self.what)
        form.addRow(self._choices)
        form.addRow(self.outlined)
        form.addRow(self.click)
        form.addRow(_row(self.undo, self.redo))

    def show_nucleus(self, text: str, choices: Sequence[tuple[str, str]]) -> None:
        """Describe a nucleus; each choice has a text and a longer one that explains it."""
        self.what.setText(text)
        self.outlined.setText("")
        while self._choices.count():
            button = self._choices.takeAt(0).widget()
            button.setParent(None)
            button.deleteLater()
        for number, (name, tip) in enumerate(choices):
            button = _ChoiceButton(name)
            button.setToolTip(tip)
            button.entered.connect(lambda number=number: self.looked_at.emit(number))
            button.clicked.connect(lambda *_, number=number: self.chosen.emit(number))
            self._choices.addWidget(button)


class _ChoiceButton(QPushButton):
    """A button that tells when the mouse comes over it."""

    entered = Signal()

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.setStyleSheet("text-align: left; padding-left: 8px")

    def enterEvent(self, event) -> None:
        self.entered.emit()
        super().enterEvent(event)


class SavePanel(QGroupBox):
    """Where corrected nuclei are kept, to train on them."""

    saved = Signal()

    def __init__(self) -> None:
        super().__init__("5  Save corrections")
        self.folder = QLineEdit(str(Path.home() / "nuclei-corrected"))
        self.folder.setToolTip("Folder with images/ and labels/, for train-unet and train-trees")
        self.browse = _button("...", "Choose the folder")
        self.browse.clicked.connect(self._browse)
        self.name = QLineEdit()
        self.name.setToolTip("What the image and its labels are called there")
        self.save = _button("Save for training", "Write image, labels and classes")
        self.save.clicked.connect(self.saved)

        form = _form(self)
        form.addRow("folder", _row(self.folder, self.browse))
        form.addRow("name", self.name)
        form.addRow(self.save)

    def _browse(self) -> None:
        if folder := QFileDialog.getExistingDirectory(self, "Folder of corrections"):
            self.folder.setText(folder)


def _button(text: str, tip: str, signal: Any = None) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    if text in ("...", "Draw"):
        button.setSizePolicy(QSizePolicy.Maximum, QSizePolicy.Fixed)
    if signal is not None:
        button.clicked.connect(lambda *_: signal.emit())
    return button


def _narrow(combo: QComboBox, tip: str) -> None:
    """Let a box be as narrow as the dock, however long its lines are."""
    combo.setToolTip(tip)
    combo.setSizeAdjustPolicy(QComboBox.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(8)
    combo.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Fixed)


def _note() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    return label


def _row(*widgets) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(6)
    for widget in widgets:
        row.addWidget(widget)
    return row


def _form(box: QGroupBox) -> QFormLayout:
    form = QFormLayout(box)
    form.setContentsMargins(8, 10, 8, 8)
    form.setVerticalSpacing(6)
    form.setHorizontalSpacing(10)
    form.setFieldGrowthPolicy(QFormLayout.AllNonFixedFieldsGrow)
    form.setLabelAlignment(Qt.AlignRight | Qt.AlignVCenter)
    return form
