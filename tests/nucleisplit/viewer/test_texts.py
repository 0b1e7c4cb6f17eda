import numpy as np
import pytest

from nucleisplit.viewer.doubts import Queue
from nucleisplit.viewer.nucleus import Choice, Nucleus
from nucleisplit.viewer.session import Session
from nucleisplit.viewer.texts import (
    describe_choice,
    describe_nucleus,
    describe_outlines,
    describe_result,
)


def choice(kind, replaced, ious, margin=0.25):
    nuclei = tuple(Nucleus(kind, iou) for iou in ious)
    return Choice(kind, replaced, nuclei, np.ones((1, 1), np.int32), (0, 0), margin)


@pytest.mark.parametrize(
    ("given", "short", "long"),
    [
        (choice("merged", (3, 4), [0.5]), "merged with 4 (IoU 0.50)", "0.25 expected hits behind"),
        (
            choice("merged", (3, 4, 5, 6, 7, 8), [0.5], -0.5),
            "merged with 4, 5, 6 and 2 more (IoU 0.50)",
            "0.50 expected hits ahead of what is kept",
        ),
        (choice("split", (3,), [0.5, 0.7]), "split into 2 (IoU 0.60)", "behind what is kept"),
        (choice("wider", (3,), [0.5]), "wider (IoU 0.50)", "behind"),
        (choice("added", (), [0.5], -0.125), "added (IoU 0.50)", "0.12 expected hits ahead"),
        (choice("removed", (9,), []), "nothing here", "Remove the added nucleus again"),
        (choice("selected", (3, 4), [0.5, 0.6]), "as it was selected (IoU 0.55)", "Undo the swap"),
    ],
)
def test_a_choice_in_words(given, short, long):
    words = describe_choice(given)
    assert words[0] == short
    assert long in words[1]


def test_a_nucleus_in_words(crowd, result):
    session, queue = Session(crowd, result), Queue([2, 1])
    queue.forward()
    iou = result.table.loc[1, "predicted_iou"]
    words = "<b>nucleus 2</b> &middot; 1 of 2 &middot; IoU {:.2f}"
    assert describe_nucleus(session, queue, 2) == words.format(iou)
    session.labels[session.labels == 2] = 500
    session.note_painting()
    expected = "<b>nucleus 500</b> &middot; IoU unknown &middot; painted by hand"
    assert describe_nucleus(session, queue, 500) == expected


def test_outlines_in_words():
    words = describe_outlines(choice("split", (3,), [0.5, 0.7]), "#fff", "#f0f")
    assert words.count("&#9632;") == 2
    assert words.endswith("split into 2")
    assert describe_outlines(None, "#fff", "#f0f").endswith("as it is")


def test_a_result_in_words(segmenter, result):
    expected = f"1 nucleus, predicted mAP {result.predicted_map:.2f}"
    assert describe_result(result, 1) == expected
    empty = segmenter(np.zeros((9, 9), np.uint8))
    assert describe_result(empty, 0) == "0 nuclei, predicted mAP 0.00: has likely failed"
