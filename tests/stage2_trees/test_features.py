import numpy as np
import pytest
from skimage.measure import euler_number, perimeter_crofton, regionprops

from stage2_trees import FEATURE_NAMES, FEATURES, ForestConfig, build_forest, forest_features

KEEP_ALL = ForestConfig(min_area=12, min_area_step=0)


def named(forest):
    return dict(zip(FEATURE_NAMES, forest_features(forest).T, strict=True))


@pytest.mark.parametrize("seed", [0, 4])
def test_shapes_agree_with_regionprops(nuclei, seed):
    forest = build_forest(nuclei(seed)[1], KEEP_ALL)
    columns = named(forest)
    for i in range(len(forest)):
        mask = forest.mask(i)
        (region,) = regionprops(mask.astype(np.uint8))
        perimeter = perimeter_crofton(mask, directions=4)
        major, minor = region.axis_major_length, region.axis_minor_length
        expected = {
            "log_area": np.log(region.area),
            "eccentricity": region.eccentricity,
            "axis_ratio": minor / major,
            "box_fill": region.extent,
            "circularity": 4 * np.pi * region.area / perimeter**2,
            "ellipse_fill": region.area / (np.pi / 4 * major * minor),
            "log_perimeter": np.log(perimeter),
            "log_major_axis": np.log(major),
            "log_minor_axis": np.log(max(minor, 1)),
            "euler": euler_number(mask, connectivity=1),
        }
        for name, value in expected.items():
            assert columns[name][i] == pytest.approx(value, rel=2e-4, abs=2e-4), name
        # Its convex hull is that of the pixels' edges, which holds more pixels than that of their
        # centres; the latter is checked exactly in test_sums.
        assert columns["solidity"][i] >= region.solidity - 1e-6
        assert columns["solidity"][i] <= 1


def test_map_features_agree_with_the_pixels(nuclei):
    maps = nuclei(1)[1]
    forest = build_forest(maps, KEEP_ALL)
    columns = named(forest)
    for i in range(len(forest)):
        body, border, separation = maps[:, forest.mask(i)].astype(float)
        assert columns["body"][i] == pytest.approx(body.mean(), rel=1e-4)
        assert columns["body_std"][i] == pytest.approx(body.std(), abs=1e-4)
        assert columns["border_std"][i] == pytest.approx(border.std(), abs=1e-4)
        assert columns["separated"][i] == pytest.approx((separation > 0.3).mean(), abs=1e-4)
        assert columns["body_low"][i] == pytest.approx(np.quantile(body, 0.1), abs=0.1)


def test_outline_features_agree_with_the_pixels(nuclei):
    maps = nuclei(1, shape=(40, 44), count=10)[1].astype(float)
    forest = build_forest(maps, KEEP_ALL)
    columns = named(forest)
    for i in range(len(forest)):
        mask = np.pad(forest.mask(i), 1)
        inner, outer = [], []
        for axis, move in ((0, 1), (0, -1), (1, 1), (1, -1)):
            y, x = np.nonzero(mask & ~np.roll(mask, -move, axis))
            yy, xx = (y + move, x) if axis == 0 else (y, x + move)
            inside = (yy >= 1) & (yy <= 40) & (xx >= 1) & (xx <= 44)
            inner.append(maps[:, y[inside] - 1, x[inside] - 1])
            outer.append(maps[:, yy[inside] - 1, xx[inside] - 1])
        inner, outer = np.concatenate(inner, axis=1), np.concatenate(outer, axis=1)
        expected = {
            "rim_body": inner[0].mean(),
            "rim_body_std": inner[0].std(),
            "rim_border_std": inner[1].std(),
            "outer_body": outer[0].mean(),
            "outer_body_std": outer[0].std(),
        }
        for name, value in expected.items():
            assert columns[name][i] == pytest.approx(value, abs=2e-4), name


def test_the_gap_that_two_leaves_enclose_is_a_hole():
    maps = np.zeros((3, 13, 15), np.float32)
    maps[0, 1:12, 1:14] = 0.9
    maps[0, :, 7] = 0.6
    maps[0, 5:8, 6:9] = 0.03
    maps[0, 0] = maps[0, -1] = 0
    forest = build_forest(maps, ForestConfig(max_hole=0))
    whole = forest.candidates.node == 2
    assert named(forest)["euler"][whole].tolist() == [0] * whole.sum()
    assert set(named(forest)["euler"][~whole]) == {1}


def test_concavity_of_a_notched_square():
    maps = np.zeros((3, 14, 14), np.float32)
    maps[0, 2:12, 2:12] = 0.95
    full = named(build_forest(maps))["concavity"][0]
    maps[0, 2:8, 6:8] = 0
    notched = named(build_forest(maps))["concavity"][0]
    assert full == 0
    assert notched == pytest.approx(12 / (36 + np.pi) / np.sqrt(88 / np.pi), rel=1e-5)


def dumbbell():
    """Two 7x7 squares with a bridge of 3x1 pixels between them; the right one is weaker."""
    maps = np.zeros((3, 9, 21), np.float32)
    maps[0, 1:8, 2:9] = 0.95
    maps[0, 1:8, 12:19] = 0.85
    maps[0, 4, 9:12] = 0.6
    maps[2, 4, 9:12] = 0.5
    return build_forest(maps, ForestConfig(levels=100))


def test_tree_features_of_a_dumbbell():
    forest = dumbbell()
    columns = named(forest)
    tree, node = forest.candidates.tree, forest.candidates.node
    left = int(np.flatnonzero(tree.pixels % 21 == 2)[0])
    part, whole = np.flatnonzero(node == left)[0], np.flatnonzero(node == 2)[0]
    value = {name: (column[part], column[whole]) for name, column in columns.items()}
    assert value["peak"] == pytest.approx((0.95, 0.95), abs=0.011)
    assert value["saddle"] == pytest.approx((0.3, 0), abs=0.011)
    assert value["depth"] == pytest.approx((0.65, 0.95), abs=0.011)
    assert value["leaves"] == (1, 2)
    assert value["split_saddle"][1] == pytest.approx(0.3, abs=0.011)
    assert value["split_depth"][1] == pytest.approx(0.55, abs=0.011)
    assert np.isnan(value["split_cut"][0])
    assert np.isnan(value["sibling_cut"][1])
    area = np.exp(value["log_area"])
    other = area[1] - area[0]
    assert value["parent_share"][0] == pytest.approx(area[0] / area[1], rel=1e-4)
    assert value["sibling_area"][0] == pytest.approx(np.log(area[0] / other), abs=1e-4)
    # The cut is one pair of pixels, counted from both sides.
    assert value["sibling_cut"][0] == pytest.approx(2 / np.sqrt(area[0]), rel=1e-4)
    assert value["split_separation"][1] == pytest.approx(0.5, abs=0.26)
    assert value["parent_solidity"][0] < 0 < value["split_solidity"][1]
    assert value["split_balance"][1] == pytest.approx(min(area[0], other) / area[1], rel=1e-4)


def test_extent_features_of_a_ramp():
    maps = np.zeros((3, 20, 20), np.float32)
    for i, value in enumerate((0.35, 0.45, 0.55, 0.9)):
        maps[0, 2 + i : 18 - i, 2 + i : 18 - i] = value
    forest = build_forest(maps, ForestConfig(extents=(0.3, 0.4, 0.5)))
    columns = named(forest)
    assert columns["threshold"].tolist() == pytest.approx([0.3, 0.4, 0.5])
    assert columns["wider"].tolist() == pytest.approx([1, 196 / 256, 144 / 196])
    assert columns["tighter"].tolist() == pytest.approx([196 / 256, 144 / 196, 1])
    assert columns["widest"].tolist() == pytest.approx([1, 196 / 256, 144 / 256])
    assert columns["tightest"].tolist() == pytest.approx([144 / 256, 144 / 196, 1])
    assert columns["radius_slope"][1] == pytest.approx((16 - 12) / np.sqrt(np.pi))
    # 25.6 of the 60 pixels from 0.3 up to 0.4; 14.4 of the 44 from 0.5 up to 0.6.
    assert columns["body_low"][0] == pytest.approx(0.3 + 0.1 * 25.6 / 60)
    assert columns["body_low"][2] == pytest.approx(0.5 + 0.1 * 14.4 / 44)


def test_surroundings_of_a_grid_of_equal_nuclei():
    maps = np.zeros((3, 60, 60), np.float32)
    maps[0] = np.tile(np.pad(np.full((8, 8), 0.95, np.float32), ((0, 4), (0, 4))), (5, 5))
    maps[0, :8, :8] = 0
    maps[0, 1:5, 1:5] = 0.95
    forest = build_forest(maps)
    columns = named(forest)
    small = int(np.argmin(forest.area))
    assert columns["area_to_image"][small] == pytest.approx(np.log(16 / 64), rel=1e-5)
    assert columns["area_to_5"][small] == pytest.approx(np.log(16 / 64), rel=1e-5)
    assert np.delete(columns["area_to_20"], small).tolist() == [0] * 24
    assert columns["area_to_10"][small] == pytest.approx(np.log(16 / 64), rel=1e-5)
    others = np.delete(np.arange(25), small)
    # The next nucleus of the grid is 12 pixels away.
    assert columns["nearest"][others[-1]] == pytest.approx(8 / np.sqrt(np.pi) / 12, rel=1e-5)
    # The 20 nearest of the middle one are all but the corners: up to two rows and one column off.
    assert columns["density"][others[11]] == pytest.approx(20 * 64 / (np.pi * 5 * 12**2), rel=1e-5)
    assert columns["image_count"][0] == pytest.approx(np.log(26))
    middle = np.argmin(np.abs(np.arange(25) - 12))
    assert columns["crowding"][middle] > 0
    assert columns["image_log_area"][0] == pytest.approx(np.log(64))
    assert columns["at_edge"].max() > 0 == columns["at_edge"].min()


def test_features_do_not_depend_on_where_the_nucleus_lies():
    tile = np.zeros((3, 20, 24), np.float32)
    tile[0, 4:15, 3:20] = 0.95
    tile[0, 4:9, 3:9] = 0.42
    far = np.zeros((3, 900, 900), np.float32)
    far[:, 870:890, 870:894] = tile
    a, b = (forest_features(build_forest(maps)) for maps in (tile, far))
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("level", [0.0, 0.2, 1.0])
def test_degenerate_maps_give_finite_or_undefined_values(level):
    maps = np.zeros((3, 6, 7), np.float32)
    maps[0] = level
    X = forest_features(build_forest(maps))
    assert X.shape == (int(level > 0), len(FEATURES))
    assert X.dtype == np.float32
    assert not np.isinf(X).any()


def test_every_feature_is_described_and_sometimes_defined(nuclei):
    X = forest_features(build_forest(nuclei(0, noise=1.5)[1]))
    assert np.isfinite(X).any(axis=0).all()
    assert all(len(text) > 8 and "\n" not in text for text in FEATURES.values())
