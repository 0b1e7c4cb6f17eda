"""Stacks segmented by a small model: volumes, options, what is refused."""

import numpy as np
import pytest
import tifffile

from nucleisplit import Segmenter
from nucleisplit.errors import ConfigError, InputError
from nucleisplit.images import PlaneChoice, open_image
from nucleisplit.labels import write_volumes
from nucleisplit.metric import score_image
from nucleisplit.stacks import VOLUME_COLUMNS, map_stack, segment_stack

CENTRES = ((12, 14, 14), (11, 16, 44), (13, 45, 30))


def draw(step=1):
    """Three bright balls on noise: stack and labels; slices `step` pixels apart."""
    at = np.moveaxis(np.indices((24, 60, 60)), 0, -1)
    labels = np.zeros((24, 60, 60), np.int32)
    for number, centre in enumerate(CENTRES, start=1):
        labels[((at - centre) ** 2).sum(-1) < 81] = number
    noise = np.random.default_rng(0).normal(0, 6, labels.shape)
    stack = (30 + 170 * (labels > 0) + noise).clip(0, 255).astype(np.uint8)
    return stack[::step], labels[::step]


@pytest.fixture(scope="module")
def segmenter(model):
    return Segmenter(model, device="cpu")


@pytest.mark.parametrize(("step", "method"), [(1, "volume"), (3, "volume"), (1, "slices")])
def test_balls_are_found_and_measured(segmenter, step, method):
    stack, truth = draw(step)
    result = segment_stack(segmenter, stack, anisotropy=step, method=method)
    assert (result.labels.shape, result.labels.dtype) == (stack.shape, np.int32)
    assert score_image(result.labels, truth).hits[3] == 3  # IoU above 0.65
    table = result.table
    assert list(table.columns) == list(VOLUME_COLUMNS)
    assert table["volume"].tolist() == np.bincount(result.labels.ravel())[1:].tolist()
    assert table["predicted_iou"].between(0.3, 1).all()
    nearest = [table[f"centroid-{axis}"].to_numpy() * (step, 1, 1)[axis] for axis in range(3)]
    found = sorted(np.round(np.transpose(nearest)).tolist(), key=lambda c: c[1:])
    expected = sorted(map(list, CENTRES), key=lambda c: c[1:])
    assert np.abs(np.array(found) - expected).max() <= 2
    assert table["equivalent_diameter"].between(14, 22).all()


def test_maps_are_the_mean_of_three_directions(segmenter):
    stack, _ = draw()
    each = [map_stack(segmenter.ensemble, stack, directions=one).maps for one in "zyx"]
    mean = map_stack(segmenter.ensemble, stack).maps
    assert mean.dtype == np.uint8 and mean.shape == (3, *stack.shape)
    assert np.abs(mean - np.mean(each, axis=0)).max() <= 0.5
    turned = np.ascontiguousarray(stack.transpose(1, 0, 2))
    same = map_stack(segmenter.ensemble, turned, directions="z").maps.transpose(0, 2, 1, 3)
    assert np.abs(same.astype(int) - each[1]).mean() < 3  # the levels are measured elsewhere


def test_all_planes_share_one_window(segmenter):
    """Slices without nuclei are not stretched until their noise looks like some."""
    stack, _ = draw()
    stack = np.concatenate([stack, np.random.default_rng(1).normal(30, 6, stack.shape)])
    result = segment_stack(segmenter, stack, anisotropy=1, method="slices")
    assert result.labels[26:].max() == 0


def test_files_bring_their_voxel_size(segmenter, tmp_path):
    stack, _ = draw()
    path = tmp_path / "a.ome.tif"
    size = {"PhysicalSizeZ": 0.6, "PhysicalSizeY": 0.3, "PhysicalSizeX": 0.3}
    tifffile.imwrite(path, stack[::2], ome=True, metadata={"axes": "ZYX", **size})
    with open_image(path) as source:
        result = segment_stack(segmenter, source.stack(), keep_maps=True)
    assert (result.anisotropy, result.voxel_size) == (pytest.approx(2), (0.6, 0.3, 0.3))
    assert result.maps.shape == (3, 12, 60, 60)
    assert result.table["volume_um3"].tolist() == pytest.approx(
        (result.table["volume"] * 0.054).tolist()
    )


def test_min_iou_drops_volumes(segmenter, model):
    stack, _ = draw()
    scores = segment_stack(segmenter, stack, anisotropy=1).table["predicted_iou"]
    cut = float(np.sort(scores)[1])
    strict = segment_stack(Segmenter(model, device="cpu", min_iou=cut), stack, anisotropy=1)
    assert strict.table["predicted_iou"].tolist() == [s for s in scores if s >= cut]
    assert np.unique(strict.labels).tolist() == list(range(len(strict.table) + 1))


def test_the_method_of_a_segmenter_is_the_same(segmenter):
    stack, _ = draw(3)
    one = segmenter.segment_stack(stack, voxel_size=(0.9, 0.3, 0.3), method="slices")
    two = segment_stack(segmenter, stack, voxel_size=(0.9, 0.3, 0.3), method="slices")
    assert (one.labels == two.labels).all() and one.table.equals(two.table)
    assert one.anisotropy == pytest.approx(3)


def test_progress_counts_planes(segmenter):
    seen = []
    segment_stack(segmenter, np.zeros((2, 3, 4)), anisotropy=1, progress=seen.append)
    first = seen.index(1 / 9)  # the survey and the first plane
    assert seen[:first] == [0] * first
    assert seen[first:] == pytest.approx([n / 9 for n in range(1, 10)])


@pytest.mark.parametrize("shape", [(1, 20, 30), (5, 1, 1), (2, 20, 20, 3), (3, 20, 20, 1)])
def test_any_size_is_taken(segmenter, shape):
    result = segment_stack(segmenter, np.zeros(shape, np.uint16), anisotropy=2.5)
    assert result.labels.shape == shape[:3] and not len(result.table)


@pytest.mark.parametrize(
    ("stack", "options", "error", "message"),
    [
        (np.zeros((4, 4)), {}, InputError, r"stack: is no stack, shape \(4, 4\); give \(Z, H, W\)"),
        (np.zeros((0, 4, 4)), {}, InputError, "is no stack"),
        (np.full((2, 4, 4), np.nan), {"anisotropy": 1}, InputError, "NaN"),
        (np.zeros((2, 4, 4, 2)), {"anisotropy": 1}, InputError, "expected shape"),
        (np.zeros((2, 4, 4)), {}, InputError, "the distance of its slices is not known; give the"),
        (np.zeros((2, 4, 4)), {"anisotropy": 0}, ConfigError, "anisotropy is 0; give a number"),
        (np.zeros((2, 4, 4)), {"anisotropy": 50}, ConfigError, "anisotropy is 50; give a number"),
        (np.zeros((2, 4, 4)), {"voxel_size": (1, 1)}, ConfigError, r"voxel_size is \(1, 1\)"),
        (np.zeros((2, 4, 4)), {"method": "2d"}, ConfigError, "give one of volume, slices"),
    ],
)
def test_what_is_refused(segmenter, stack, options, error, message):
    with pytest.raises(error, match=message):
        segment_stack(segmenter, stack, **options)


@pytest.mark.parametrize("name", ["sensitivity", "outline_bias"])
def test_what_is_for_slices_is_refused_in_3d(model, name):
    lenient = Segmenter(model, device="cpu", **{name: 0.5})
    with pytest.raises(ConfigError, match=f"{name} is 0.5, and nuclei cut in 3-D know none; "):
        segment_stack(lenient, np.zeros((2, 8, 8)), anisotropy=1)
    assert not segment_stack(lenient, np.zeros((2, 8, 8)), method="slices").labels.any()


def test_slices_need_no_distance(segmenter):
    result = segment_stack(segmenter, np.zeros((2, 8, 8)), method="slices")
    assert result.anisotropy is None and result.voxel_size is None


def test_written_volumes_are_read_back(tmp_path):
    labels = draw(2)[1]
    path = tmp_path / "a_labels.tif"
    write_volumes(path, labels, (0.5, 0.25, 0.125))
    with open_image(path, palette=False) as source:
        assert (source.axes, source.dtype) == ("ZYX", np.uint8)
        stack = source.stack(PlaneChoice())
        assert stack.voxel_size == (0.5, 0.25, 0.125)
        np.testing.assert_array_equal(stack.read(), labels)


@pytest.mark.parametrize(
    ("labels", "size", "message"),
    [
        (np.zeros((4, 4), int), None, "labels must be 3-D integers, got 2-D int64"),
        (np.zeros((1, 4, 4)), None, "got 3-D float64"),
        (np.full((1, 4, 4), -1), None, "labels must not be negative, got -1"),
        (np.zeros((1, 4, 4), int), (1, 0, 1), r"three positive lengths, got \(1, 0, 1\)"),
    ],
)
def test_what_is_no_label_stack_is_not_written(tmp_path, labels, size, message):
    with pytest.raises(ValueError, match=message):
        write_volumes(tmp_path / "a.tif", labels, size)
