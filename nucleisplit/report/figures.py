"""Histograms and curves as inline SVG: sharp at any size, in the colours of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup, escape

from nucleisplit.palette import Color, hex_color

__all__ = ["ap_curve", "bars", "class_bar", "histogram", "reliability_plot"]

WIDTH, HEIGHT = 320, 190
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 12, 36
_PLOT_W, _PLOT_H = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM


def bars(counts: Sequence[int], title: str) -> Markup:
    """Draw a tiny histogram without axes, for a row of many.

    >>> print(bars([0, 2, 1], "sizes"))
    <svg class="bars" viewBox="0 0 3 10" preserveAspectRatio="none" role="img"
    aria-label="sizes"><path d="M1 10v-10h.9v10zM2 10v-5h.9v5z"/></svg>
    """
    return Markup(
        '<svg class="bars" viewBox="0 0 {} 10" preserveAspectRatio="none" role="img"\n'
        'aria-label="{}"><path d="{}"/></svg>'
    ).format(len(counts), title, Markup(_bars(np.asarray(counts), 1, 10, 0, 10)))


def class_bar(counts: Mapping[str, int], colors: Mapping[str, Color]) -> Markup:
    """Draw the shares of classes as one bar.

    >>> print(class_bar({"a": 3, "b": 1}, {"a": (255, 0, 0), "b": (0, 0, 1)}))
    <svg class="bars shares" viewBox="0 0 4 10" preserveAspectRatio="none" role="img"
    aria-label="shares of classes"><path fill="#ff0000" d="M0 0h3v10h-3z"><title>a
    3</title></path><path fill="#000001" d="M3 0h1v10h-1z"><title>b 1</title></path></svg>
    """
    parts, at = [], 0
    for name, count in counts.items():
        path = Markup('<path fill="{}" d="M{} 0h{}v10h-{}z"><title>{} {}</title></path>')
        parts.append(path.format(hex_color(colors[name]), at, count, count, name, count))
        at += count
    return Markup(
        '<svg class="bars shares" viewBox="0 0 {} 10" preserveAspectRatio="none" role="img"\n'
        'aria-label="shares of classes">{}</svg>'
    ).format(max(at, 1), Markup("").join(parts))


def histogram(counts: Sequence[int], low: float, high: float, axis: str, title: str) -> Markup:
    """Draw a histogram of equal bins from `low` to `high`, with its axes.

    Parameters
    ----------
    counts : sequence of int
    low, high : float
    axis : str
        What is counted, with its unit.
    title : str
        What a reader who does not see the picture is told.
    """
    largest = max(counts, default=0)
    path = _bars(np.asarray(counts), _PLOT_W / max(len(counts), 1), _PLOT_H, LEFT, TOP + _PLOT_H)
    ticks = [(low + (high - low) * i / 4, LEFT + _PLOT_W * i / 4) for i in range(5)]
    digits = 2 if high - low <= 2 else 0
    parts = [_below(x, f"{value:.{digits}f}") for value, x in ticks]
    for count in sorted({0, largest // 2, largest}):
        share = count / max(largest, 1)
        parts += [_rule(share), _beside(TOP + _PLOT_H * (1 - share) + 4, f"{count}")]
    parts.append(f'<path class="fill" d="{path}"/>')
    return _figure(parts, axis, "nuclei", title)


def ap_curve(thresholds: Sequence[float], curves: dict[str, Sequence[float]], title: str) -> Markup:
    """Draw average precision over the IoU threshold, one line per name."""
    parts = _grid()
    xs = LEFT + _PLOT_W * np.linspace(0, 1, len(thresholds))
    legend_x, legend_y = _legend_place(curves)
    for at in range(0, len(thresholds), 3):
        parts.append(_below(xs[at], f"{thresholds[at]:.2f}"))
    for number, (name, values) in enumerate(curves.items()):
        ys = TOP + _PLOT_H * (1 - np.asarray(values))
        line = "L".join(f"{x:.1f} {y:.1f}" for x, y in zip(xs, ys, strict=True))
        parts.append(f'<path class="line line{number}" d="M{line}"/>')
        marks = zip(xs, ys, strict=True)
        parts += [
            f'<circle class="dot{number}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in marks
        ]
        x, y = legend_x, legend_y + 16 * number
        parts.append(f'<path class="line line{number}" d="M{x:.1f} {y - 4}h20"/>')
        parts.append(f'<text x="{x + 26:.1f}" y="{y}">{escape(name)}</text>')
    return _figure(parts, "IoU threshold", "AP", title)


def _legend_place(curves: dict[str, Sequence[float]]) -> tuple[float, float]:
    """Where the legend hides nothing of falling curves: below them at the left, or above right."""
    lowest = min(min(values[: len(values) // 2 + 1]) for values in curves.values())
    if lowest > 0.45:
        return LEFT + 10, TOP + _PLOT_H - 16 * len(curves)
    return LEFT + _PLOT_W * 0.55, TOP + 14


def reliability_plot(bins: Sequence[tuple[float, float]], title: str) -> Markup:
    """Draw mean true over mean predicted IoU of equally many nuclei each; the diagonal is right."""
    parts = _grid()
    parts.append(f'<path class="rule dashed" d="M{LEFT} {TOP + _PLOT_H}L{LEFT + _PLOT_W} {TOP}"/>')
    parts += [_below(LEFT + _PLOT_W * i / 4, f"{i / 4:.2f}") for i in range(5)]
    for predicted, true in bins:
        x, y, right = LEFT + _PLOT_W * predicted, (1 - true), (1 - predicted)
        top, bottom = TOP + _PLOT_H * y, TOP + _PLOT_H * right
        parts.append(f'<path class="line line1" d="M{x:.1f} {bottom:.1f}V{top:.1f}"/>')
        parts.append(f'<circle class="dot0" cx="{x:.1f}" cy="{top:.1f}" r="4"/>')
    return _figure(parts, "mean predicted IoU", "mean true IoU", title)


def _bars(counts: np.ndarray, step: float, height: float, left: float, base: float) -> str:
    largest = counts.max(initial=0) or 1
    wide = _short(0.9 * step)
    return "".join(
        f"M{_short(left + i * step)} {_short(base)}v-{_short(height * count / largest)}h{wide}"
        f"v{_short(height * count / largest)}z"
        for i, count in enumerate(counts.tolist())
        if count
    )


def _short(value: float) -> str:
    """A number of two digits after the point at most.

    >>> _short(0.9), _short(10.0), _short(3.14159)
    ('.9', '10', '3.14')
    """
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return text[1:] if text.startswith("0.") else text


def _grid() -> list[str]:
    parts = [_rule(i / 4) for i in range(5)]
    return parts + [_beside(TOP + _PLOT_H * (1 - i / 4) + 4, f"{i / 4:.2f}") for i in range(5)]


def _rule(at: float) -> str:
    return f'<path class="rule" d="M{LEFT} {TOP + _PLOT_H * (1 - at):.1f}h{_PLOT_W}"/>'


def _below(x: float, text: str) -> str:
    return f'<text class="middle" x="{x:.1f}" y="{TOP + _PLOT_H + 14}">{text}</text>'


def _beside(y: float, text: str) -> str:
    return f'<text class="end" x="{LEFT - 4}" y="{y:.1f}">{text}</text>'


def _figure(parts: list[str], below: str, beside: str, title: str) -> Markup:
    text = f'<text class="middle" x="{LEFT + _PLOT_W / 2}" y="{HEIGHT - 6}">{escape(below)}</text>'
    if beside:
        text += (
            f'<text class="middle" transform="translate(11 {TOP + _PLOT_H / 2}) rotate(-90)">'
            f"{escape(beside)}</text>"
        )
    head = '<svg class="plot" viewBox="0 0 {} {}" role="img" aria-label="{}">'
    return Markup(head).format(WIDTH, HEIGHT, title) + Markup("".join(parts) + text + "</svg>")
