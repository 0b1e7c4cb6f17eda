import numpy as np
import pytest
from skimage.measure import label
from skimage.morphology import convex_hull_image

from stage2_trees import ForestConfig, build_forest
from stage2_trees.sums import Column


def shifted_pairs(mask):
    """(inside, outside) index pairs of 4-neighbours across a mask's outline."""
    pairs = []
    height, width = mask.shape
    for y, x in np.argwhere(mask):
        for yy, xx in ((y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)):
            if 0 <= yy < height and 0 <= xx < width and not mask[yy, xx]:
                pairs.append((y, x, yy, xx))
    return np.array(pairs, int).reshape(-1, 4).T


@pytest.fixture(scope="module", params=[0, 5])
def field(request, nuclei):
    maps = nuclei(request.param, shape=(40, 44), count=14, noise=1.5)[1]
    config = ForestConfig(min_area=2, min_leaf_area=2, min_contrast=0.01, min_area_step=0)
    return maps, build_forest(maps, config)


def rows(forest):
    for i in range(len(forest)):
        node, step = forest.candidates.node[i], forest.candidates.step[i]
        yield i, node, step, forest.mask(i), forest.sums.values[node, step - 1]


def test_pixel_sums(field):
    maps, forest = field
    for _, node, step, mask, row in rows(forest):
        y, x = np.nonzero(mask)
        oy, ox = forest.sums.origin[node]
        body, border, separation = maps[:, mask].astype(float)
        assert row[Column.AREA] == mask.sum()
        assert row[Column.YY] == ((y - oy) ** 2).sum()
        assert row[Column.XY] == ((y - oy) * (x - ox)).sum()
        assert row[Column.X] == (x - ox).sum()
        np.testing.assert_allclose(row[Column.BODY], body.sum(), rtol=1e-6)
        np.testing.assert_allclose(row[Column.SEPARATION2], (separation**2).sum(), rtol=1e-5)
        np.testing.assert_allclose(row[Column.BORDER], border.sum(), rtol=1e-5)
        tenths = row[Column.BODY_0 : Column.BODY_9 + 1].tolist()
        assert tenths == np.histogram(body, 10, (0, 1))[0].tolist()
        assert row[Column.SURE] == (maps[0][mask] > np.float32(0.9)).sum()
        box = [y.min(), x.min(), y.max(), x.max()]
        assert forest.sums.box[node, step - 1].tolist() == box


def test_outline_sums(field):
    maps, forest = field
    for _, _, _, mask, row in rows(forest):
        padded = np.pad(mask, 1)
        assert row[Column.CROSS_X] == (padded[:, 1:] != padded[:, :-1]).sum()
        assert row[Column.CROSS_Y] == (padded[1:] != padded[:-1]).sum()
        diagonal = (padded[1:, 1:] != padded[:-1, :-1]).sum()
        diagonal += (padded[1:, :-1] != padded[:-1, 1:]).sum()
        assert row[Column.CROSS_DIAGONAL] == diagonal
        y, x, yy, xx = shifted_pairs(mask)
        assert row[Column.RIM] == y.size
        assert row[Column.RIM] + row[Column.AT_EDGE] == row[Column.CROSS_X] + row[Column.CROSS_Y]
        np.testing.assert_allclose(row[Column.RIM_BORDER], maps[1][y, x].sum(), rtol=1e-4)
        np.testing.assert_allclose(
            row[Column.OUTER_BODY], maps[0][yy, xx].sum(), rtol=1e-4, atol=1e-4
        )


def test_contacts_and_cuts(field):
    maps, forest = field
    tree = forest.candidates.tree
    for _, node, step, mask, row in rows(forest):
        first, last = tree.first[node], tree.last[node]
        cut = forest.extent >= step
        others = cut & (forest.basin > 0) & ~((forest.basin > first) & (forest.basin <= last))
        y, x, yy, xx = shifted_pairs(mask)
        touching = others[yy, xx]
        assert row[Column.CONTACT] == touching.sum()
        middle = (maps[2][y, x] + maps[2][yy, xx])[touching].sum() / 2
        np.testing.assert_allclose(row[Column.CONTACT_SEPARATION], middle, rtol=1e-4, atol=1e-6)
        inner = 0
        for leaf in range(first, last):
            y, x, yy, xx = shifted_pairs(mask & (forest.basin == leaf + 1))
            inner += mask[yy, xx].sum()
        assert row[Column.CUT] == inner


def test_unions_are_connected_up_to_the_step_they_say(field):
    _, forest = field
    tree, connected = forest.candidates.tree, forest.sums.connected
    at_link = 0
    for node in range(tree.n_leaves, tree.n_nodes):
        sides = tree.left[node], tree.right[node]
        parts = connected[[*sides]].min()
        for step in range(1, parts + 1):
            masks = [
                (forest.basin > tree.first[n]) & (forest.basin <= tree.last[n])
                for n in (*sides, node)
            ]
            left, right, whole = (mask & (forest.extent >= step) for mask in masks)
            joined = left.any() and right.any() and label(whole, connectivity=1).max() == 1
            assert (step <= connected[node]) == joined
        assert connected[node] <= parts
        at_link += connected[node] < parts
    assert at_link


def test_hulls_hold_the_pixels_skimage_counts(field):
    _, forest = field
    checked = 0
    for _, node, step, mask, _ in rows(forest):
        area, length, diameter = forest.hulls[node, step - 1]
        points = np.argwhere(mask)
        gaps = np.linalg.norm(points[:, None] - points[None], axis=2)
        assert diameter == pytest.approx(gaps.max(), rel=1e-6)
        assert 2 * diameter <= length * (1 + 1e-6)
        if np.ptp(points, axis=0).min() > 0:
            assert area == convex_hull_image(mask, offset_coordinates=False).sum()
            checked += 1
    assert checked > 30


def test_unions_of_too_many_leaves_have_no_hull(nuclei):
    forest = build_forest(nuclei(0)[1], ForestConfig(max_leaves=1))
    tree = forest.candidates.tree
    assert (forest.hulls[tree.n_leaves :] == 0).all()
    assert (forest.hulls[: tree.n_leaves, 0, 0] > 0).all()
