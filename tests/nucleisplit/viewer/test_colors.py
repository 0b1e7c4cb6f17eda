import numpy as np
import pytest

from nucleisplit.overlay import iou_colors
from nucleisplit.viewer.colors import UNKNOWN, color_table


def test_each_label_has_the_colour_of_its_iou():
    iou = np.array([np.nan, 0.2, 0.9, np.nan])
    table = color_table(iou)
    assert table[0].tolist() == [0, 0, 0, 0]
    assert np.rint(255 * table[1:3, :3]).tolist() == iou_colors(iou[1:3]).tolist()
    assert table[1:3, 3].tolist() == [1, 1]
    assert table[3:] == pytest.approx(np.broadcast_to(UNKNOWN, (len(table) - 3, 4)))


@pytest.mark.parametrize(("labels", "rows"), [(1, 1024), (5000, 10000), (10**6, 65536)])
def test_there_is_room_for_new_labels_up_to_what_napari_takes(labels, rows):
    assert color_table(np.full(labels, 0.5)).shape == (rows, 4)
