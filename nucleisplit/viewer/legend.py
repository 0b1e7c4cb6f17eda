"""The histogram of predicted IoU, which tells at the same time what the colours mean."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QColor, QFont, QPainter, QPalette
from qtpy.QtWidgets import QSizePolicy, QWidget

from nucleisplit.overlay import iou_colors
from nucleisplit.viewer.colors import UNKNOWN

__all__ = ["Legend"]

_BINS = 40


class Legend(QWidget):
    """Bars of the nuclei by predicted IoU, in the colours of the layer."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._counts = np.zeros(_BINS, int)
        self._unknown = 0
        self._colors = [QColor(*color) for color in iou_colors((np.arange(_BINS) + 0.5) / _BINS)]
        self.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Fixed)
        self.setToolTip("How many nuclei have which predicted IoU, in the colours of the layer")

    def sizeHint(self) -> QSize:
        return QSize(220, 84)

    def show_iou(self, iou: np.ndarray) -> None:
        """Draw the histogram of these values; NaN counts as unknown."""
        known = iou[np.isfinite(iou)]
        self._counts = np.histogram(known, bins=_BINS, range=(0, 1))[0]
        self._unknown = iou.size - known.size
        self.update()

    def paintEvent(self, event) -> None:
        painter = QPainter(self)
        text = self.palette().color(QPalette.WindowText)
        font = QFont(self.font())
        font.setPointSizeF(max(7.0, font.pointSizeF() - 1))
        painter.setFont(font)
        line = painter.fontMetrics().height()
        left, width = 4.0, self.width() - 8.0
        floor = self.height() - line - 8.0
        step = width / _BINS
        tallest = max(1, self._counts.max())
        painter.setPen(Qt.NoPen)
        for number, (count, color) in enumerate(zip(self._counts, self._colors, strict=True)):
            tall = (floor - 4) * (count / tallest) ** 0.5 if count else 0.0
            x = left + number * step
            painter.fillRect(QRectF(x, floor - tall, step - 0.5, tall), color)
            painter.fillRect(QRectF(x, floor, step + 0.5, 5), color)
        painter.setPen(text)
        base = QRectF(left, floor + 6, width, line)
        painter.drawText(base, Qt.AlignLeft, "0")
        painter.drawText(base, Qt.AlignHCenter, "predicted IoU")
        painter.drawText(base, Qt.AlignRight, "1")
        if self._unknown:
            words = f"{self._unknown} painted"
            size = painter.fontMetrics().horizontalAdvance(words)
            painter.fillRect(QRectF(left, 3, 9, 9), QColor.fromRgbF(*UNKNOWN))
            painter.drawText(QRectF(left + 13, 0, size + 4, line), Qt.AlignLeft, words)
        painter.end()
