"""The part of the dock widget that says which classes there are, and sets that of a nucleus."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QGroupBox, QLabel, QLineEdit

from nucleisplit.palette import Color, class_colors, hex_color
from nucleisplit.viewer.colors import UNKNOWN

__all__ = ["NONE", "ClassPanel"]

NONE = ""
"""Stands for no class."""


class ClassPanel(QGroupBox):
    """Names of the classes, their colours and counts, and the class of one nucleus."""

    chosen = Signal(str)
    """The class that the nucleus is to have, or `NONE`."""
    renamed = Signal()

    def __init__(self) -> None:
        super().__init__("4  Classify")
        self._own: dict[str, str] = {}
        self.edit = QLineEdit()
        self.edit.setPlaceholderText("tumour, stroma")
        self.edit.setToolTip("Names of the classes, separated by commas")
        self.kind = QComboBox()
        self.kind.setToolTip(
            "The class of the nucleus that is described above. Keys, with the layer of the nuclei "
            "selected: 1 to 9 set the class of the nucleus under the mouse, 0 takes it away"
        )
        self.legend = QLabel()
        self.legend.setWordWrap(True)
        self.legend.setTextFormat(Qt.RichText)
        form = QFormLayout(self)
        form.addRow("classes", self.edit)
        form.addRow("this one", self.kind)
        form.addRow(self.legend)
        self.edit.editingFinished.connect(self._rename)
        self.kind.activated.connect(lambda number: self.chosen.emit([NONE, *self.names][number]))
        self._rename()

    @property
    def names(self) -> list[str]:
        """Those that are told apart, in their order."""
        words = (word.strip() for word in self.edit.text().split(","))
        return list(dict.fromkeys(word for word in words if word))

    @property
    def colors(self) -> dict[str, Color]:
        """The names, and the colour of each: that which a model has given it, else one of ours."""
        return class_colors(self.names, self._own)

    def know(self, classes: Mapping[str, Color]) -> None:
        """Take the colours of a model's classes, and add names that are missing; they come last."""
        own = self._own | {name: hex_color(color) for name, color in classes.items()}
        every = list(dict.fromkeys([*self.names, *classes]))
        if (own, every) != (self._own, self.names):
            self._own = own
            self.edit.setText(", ".join(every))
            self._rename()

    def show_class(self, name: str) -> None:
        """Show the class of the nucleus that is described."""
        blocker = QSignalBlocker(self.kind)
        self.kind.setCurrentIndex(self.names.index(name) + 1 if name in self.names else 0)
        blocker.unblock()

    def show_counts(self, counts: Mapping[str, int], others: int) -> None:
        """Say which colour and key is which class, and how many nuclei have it."""
        entries: list[tuple[tuple[int, ...], str]] = [
            (color, f"{number} {_escaped(name)}: {counts.get(name, 0)}")
            for number, (name, color) in enumerate(self.colors.items(), start=1)
        ]
        unknown = tuple(round(255 * part) for part in UNKNOWN[:3])
        entries.append((unknown, f"no class: {others}"))
        marks = [f'<span style="color:rgb{color}">&#9632;</span> {text}' for color, text in entries]
        self.legend.setText("&nbsp;&nbsp; ".join(marks) if self.names else "")

    def _rename(self) -> None:
        blocker = QSignalBlocker(self.kind)
        self.kind.clear()
        self.kind.addItems(["no class", *self.names])
        blocker.unblock()
        self.renamed.emit()


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
