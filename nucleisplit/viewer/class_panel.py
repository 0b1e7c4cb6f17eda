"""The part of the dock widget that says which classes there are, and sets that of a nucleus."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QGroupBox, QLabel, QLineEdit

from nucleisplit.palette import class_color
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

    def know(self, names: Iterable[str]) -> None:
        """Add names that are missing, such as those of a model; they come last."""
        every = list(dict.fromkeys([*self.names, *names]))
        if every != self.names:
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
            (class_color(number), f"{number + 1} {_escaped(name)}: {counts.get(name, 0)}")
            for number, name in enumerate(self.names)
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
