"""What the widget says of nuclei and of what they could be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nucleisplit.names import counted

if TYPE_CHECKING:
    from nucleisplit.result import Segmentation
    from nucleisplit.viewer.doubts import Queue
    from nucleisplit.viewer.nucleus import Choice
    from nucleisplit.viewer.session import Session

__all__ = ["describe_choice", "describe_nucleus", "describe_outlines", "describe_result"]

_ORIGINS = {"selected": "", "painted": "painted by hand", "added": "added by a click"}


def describe_result(result: Segmentation, shown: int) -> str:
    """How many nuclei, and how well the image came out."""
    text = f"{counted(shown, 'nucleus')}, predicted mAP {result.predicted_map:.2f}"
    return f"{text}: has likely failed" if result.doubtful else text


def describe_nucleus(session: Session, queue: Queue, label: int, name: str = "") -> str:
    """Which nucleus it is, of which class, and how much it can be trusted; rich text."""
    iou, _, origins = session.state.known(np.array([label]))
    parts = [f"<b>nucleus {label}</b>"]
    if queue.label == label:
        parts.append(f"{queue.at + 1} of {len(queue)}")
    parts.append("IoU unknown" if np.isnan(iou[0]) else f"IoU {iou[0]:.2f}")
    if origin := _ORIGINS.get(origins[0], origins[0]):
        parts.append(origin)
    if name:
        parts.append(name.replace("&", "&amp;").replace("<", "&lt;"))
    return " &middot; ".join(parts)


def describe_choice(choice: Choice) -> tuple[str, str]:
    """What a nucleus could be, in short and at length.

    The margin is how far it lies behind; where a bias has decided it may lie ahead.
    """
    if choice.kind == "removed":
        return _what(choice), "Remove the added nucleus again"
    short = f"{_what(choice)} (IoU {choice.predicted_iou:.2f})"
    if choice.kind == "selected":
        return short, "Undo the swap"
    return short, f"{abs(choice.margin):.2f} expected hits {_side(choice.margin)} what is kept"


def describe_outlines(choice: Choice | None, own: str, other: str) -> str:
    """Which colour is what; rich text."""
    parts = [(own, "as it is")] + ([] if choice is None else [(other, _what(choice))])
    marks = [f'<span style="color:{color}">&#9632;</span> {what}' for color, what in parts]
    return "&nbsp;&nbsp; ".join(marks)


def _what(choice: Choice) -> str:
    others = [str(label) for label in choice.replaced[1:]]
    few = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
    words = {
        "merged": f"merged with {few}",
        "split": f"split into {len(choice.nuclei)}",
        "selected": "as it was selected",
        "removed": "nothing here",
    }
    return words.get(choice.kind, choice.kind)


def _side(margin: float) -> str:
    return "ahead of" if margin < 0 else "behind"
