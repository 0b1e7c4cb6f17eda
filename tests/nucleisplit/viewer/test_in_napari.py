"""The widget in a real viewer, where `pip install ".[napari]"` and a screen are there."""

import threading
import time
from types import SimpleNamespace

import napari
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Labels, Shapes
from napari.utils.notifications import notification_manager
from qtpy.QtWidgets import QApplication

from nucleisplit.datasets import load_dataset, read_classes
from nucleisplit.errors import InputError
from nucleisplit.viewer.dock import NucleiDock
from nucleisplit.viewer.layers import SECOND_OPINION
from nucleisplit.viewer.shown import shown_plane


def wait(condition, seconds=120):
    """Let the viewer live until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        QApplication.processEvents()
        time.sleep(0.005)


@pytest.fixture
def viewer():
    viewer = napari.Viewer(show=False)
    yield viewer
    viewer.close()


@pytest.fixture
def dock(viewer, model):
    """The widget as the menu opens it, with the small model."""
    _, dock = viewer.window.add_plugin_dock_widget("nucleisplit", "Nuclei")
    dock.segment.model.setEditText(str(model))
    assert isinstance(dock, NucleiDock)
    return dock


def segmented(dock):
    """Press the button; the layers that come of it."""
    before = dock.reviewer.current
    dock.segment.start.click()
    assert not dock.segment.start.isEnabled()
    wait(lambda: not dock.runner.busy)
    assert dock.reviewer.current is not before, dock.segment.status.text()
    return dock.reviewer.current


def settle(dock):
    """Wait until nothing is being chosen or measured."""
    wait(lambda: not dock.reviewer.runner.busy)


def last_message():
    return notification_manager.records[-1].message


def with_kind(session, kind):
    """A nucleus that could have been something of this kind, and what it could have been."""
    return next(
        (label, choice)
        for label in session.numbers().tolist()
        for choice in session.choices(label)
        if choice.kind == kind
    )


def test_segment_choose_swap_undo_save(dock, viewer, crowd, result, tmp_path):
    viewer.add_image(crowd, name="crowd", scale=(0.5, 0.5), translate=(3, 4))
    layers = segmented(dock)
    labels = layers.labels
    assert labels in viewer.layers
    assert labels.name == "crowd nuclei"
    assert np.array_equal(labels.data, result.labels)
    assert labels.scale.tolist() == [0.5, 0.5]
    assert labels.translate.tolist() == [3, 4]
    assert labels.features["area"].tolist() == result.table["area"].tolist()
    assert labels.features["second_opinion"].tolist() == result.runner_up()["kind"].tolist()
    assert str(len(result.table)) in dock.segment.status.text()

    limit = round(float(result.table["predicted_iou"].median()), 2)
    dock.choose.min_iou.setValue(limit)
    settle(dock)
    again = result.reselect(min_iou=limit)
    assert 0 < len(again.table) < len(result.table)
    assert np.array_equal(labels.data, again.labels)
    assert labels.features["area"].tolist() == again.table["area"].tolist()
    dock.choose.undo_all.click()
    settle(dock)
    assert np.array_equal(labels.data, result.labels)

    label, choice = with_kind(layers.session, "split")
    labels.selected_label = label
    dock.review.chosen.emit([option.kind for option in dock.reviewer.options].index("split"))
    settle(dock)
    parts = labels.features[labels.features["origin"] == "split"]
    assert len(parts) == len(choice.nuclei)
    assert parts["predicted_iou"].mean() == pytest.approx(choice.predicted_iou)
    corrected = labels.data.copy()
    dock.review.undo.click()
    settle(dock)
    assert np.array_equal(labels.data, result.labels)
    dock.review.redo.click()
    settle(dock)
    assert np.array_equal(labels.data, corrected)

    dock.save.folder.setText(str(tmp_path))
    dock.save.save.click()
    dock.save.name.setText("second")
    dock.save.save.click()
    image, truth, _ = load_dataset(tmp_path, folds=2).records[0].read()
    assert np.array_equal(image, crowd)
    assert truth.max() == len(np.unique(corrected)) - 1
    assert "saved" in last_message()


def test_the_model_that_comes_with_nucleisplit(dock, viewer, tmp_path):
    yy, xx = np.mgrid[:64, :64]
    image = np.full((64, 64), 20.0)
    for y, x in ((16, 16), (16, 44), (44, 20), (44, 37)):
        image += 180 * np.exp(-((((yy - y) ** 2 + (xx - x) ** 2) / 90.0) ** 4))
    viewer.add_image(image.astype(np.uint8), name="four")
    dock.segment.model.setEditText("default")
    layers = segmented(dock)
    assert layers.session.numbers().tolist() == [1, 2, 3, 4]
    dock.choose.split_bias.setValue(-1)
    settle(dock)
    assert len(layers.session.numbers()) <= 4
    dock.choose.undo_all.click()
    settle(dock)
    dock.review.next.click()
    label = dock.reviewer.label
    assert label in (1, 2, 3, 4)
    dock.reviewer.swap(label, dock.reviewer.options[0])
    assert layers.session.corrected
    for name in ("four", "again"):
        dock.save.folder.setText(str(tmp_path))
        dock.save.name.setText(name)
        dock.save.save.click()
    records = load_dataset(tmp_path, folds=2).records
    assert np.array_equal(records[1].read_labels()[0], layers.labels.data)


def test_next_doubtful_shows_what_it_could_be(dock, viewer, crowd):
    viewer.add_image(crowd, name="crowd")
    layers = segmented(dock)
    order = layers.queue.order
    dock.review.next.click()
    assert layers.labels.selected_label == order[0]
    assert f"1 of {len(order)}" in dock.review.what.text()
    choices = dock.reviewer.options
    assert dock.review._choices.count() == len(choices) == len(layers.session.choices(order[0]))
    scores = [choice.predicted_iou for choice in choices]
    assert scores == sorted(scores, reverse=True)
    outlines = viewer.layers[SECOND_OPINION]
    assert isinstance(outlines, Shapes)
    assert len(outlines.data) >= 2
    assert viewer.layers.selection.active is layers.labels
    top, left, bottom, right = layers.session.locate([order[0]])
    camera = getattr(viewer, "scene", viewer).camera
    down, across = camera.center[-2:]
    assert top - 20 < down < bottom + 20
    assert left - 20 < across < right + 20
    assert camera.zoom > 3
    drawn = len(outlines.data)
    dock.review.looked_at.emit(len(choices) - 1)
    assert choices[-1].kind in dock.review.outlined.text()
    assert drawn >= 2
    dock.review.next.click()
    dock.review.back.click()
    assert layers.labels.selected_label == order[0]
    dock.review.back.click()
    assert dock.segment.status.text() == "this is the first one"


def test_a_click_swaps_and_another_brings_it_back(dock, viewer, crowd, result):
    viewer.add_image(crowd, name="crowd")
    layers = segmented(dock)
    label, _ = with_kind(layers.session, "split")
    inside = np.argwhere(result.labels == label)
    place = inside[len(inside) // 2]

    class Event:
        type, button, position = "mouse_press", 1, tuple(place)

    def click(drag=False):
        event = Event()
        steps = dock.reviewer.on_click(viewer, event)
        next(steps, None)
        if drag:
            event.type = "mouse_move"
            next(steps, None)
        event.type = "mouse_release"
        next(steps, None)

    click()
    assert dock.reviewer.label == 0
    layers.labels.mode = "pick"
    click()
    assert dock.reviewer.label == label
    assert not layers.session.corrected
    dock.review.click.setChecked(True)
    assert layers.labels.mode == "pan_zoom"
    click(drag=True)
    assert not layers.session.corrected
    click()
    assert layers.session.corrected
    assert not np.array_equal(layers.labels.data, result.labels)
    click()
    assert np.array_equal(layers.labels.data, result.labels)
    settle(dock)


def test_a_click_adds_where_nothing_is_drawn_and_another_removes_it(dock, viewer, crowd, result):
    viewer.add_image(crowd, name="crowd", scale=(0.5, 0.5), translate=(3, 4))
    layers = segmented(dock)
    dock.choose.min_iou.setValue(0.999)
    settle(dock)
    assert layers.session.numbers().size < result.nuclei
    before = layers.labels.data.copy()
    row, column = np.argwhere((result.labels == 3) & (before == 0)).mean(axis=0).round()

    def click(row, column):
        event = SimpleNamespace(type="mouse_press", button=1)
        event.position = (3 + row / 2, 4 + column / 2)
        steps = dock.reviewer.on_click(viewer, event)
        next(steps, None)
        event.type = "mouse_release"
        next(steps, None)

    layers.labels.mode = "pick"
    click(row, column)
    assert not layers.session.corrected
    dock.review.click.setChecked(True)
    click(row, column)
    new = layers.session.labels[int(row), int(column)]
    assert new > layers.session.result.nuclei
    assert "added by a click" in dock.review.what.text()
    assert [choice.kind for choice in dock.reviewer.options] == ["removed"]
    dock.review.looked_at.emit(0)
    assert "nothing here" in dock.review.outlined.text()
    settle(dock)
    features = layers.labels.features.set_index("index")
    assert features.loc[new, "origin"] == "added"
    assert features.loc[new, "area"] == (layers.labels.data == new).sum()
    click(row, column)
    assert np.array_equal(layers.labels.data, before)
    dock.review.undo.click()
    assert (layers.labels.data == new).any()
    dock.review.undo.click()
    assert np.array_equal(layers.labels.data, before)
    click(*np.argwhere(result.scored.split.forest.basin == 0)[0])
    assert "lies in no outline that the maps suggest; paint" in dock.segment.status.text()
    click(-3, 5)
    click(5, 96)
    layers.labels.visible = False
    click(row, column)
    assert np.array_equal(layers.labels.data, before)
    settle(dock)


def test_the_sliders_choose_again(dock, viewer, crowd, result):
    viewer.add_image(crowd, name="crowd")
    layers = segmented(dock)
    cut = {}
    for name, value in (("split_bias", -1), ("sensitivity", 0.8), ("outline_bias", 0.5)):
        getattr(dock.choose, name).setValue(value)
        settle(dock)
        cut |= {name: value}
        assert np.array_equal(layers.labels.data, result.reselect(**cut).labels)
    dock.reviewer.undo()
    dock.choose.undo_all.click()
    settle(dock)
    assert dock.choose.sensitivity.value() == dock.choose.outline_bias.value() == 0
    assert np.array_equal(layers.labels.data, result.labels)


def test_painting_is_taken_up_and_undone(dock, viewer, crowd, result):
    viewer.add_image(crowd, name="crowd")
    layers = segmented(dock)
    labels = layers.labels
    labels.brush_size = 6
    labels.paint((40, 40), 500)
    wait(lambda: 500 in layers.session.state.others)
    settle(dock)
    features = labels.features.set_index("index")
    assert features.loc[500, "origin"] == "painted"
    assert np.isnan(features.loc[500, "predicted_iou"])
    assert features.loc[500, "area"] == (labels.data == 500).sum()
    dock.choose.min_iou.setValue(0.3)
    settle(dock)
    assert "until you undo" in dock.segment.status.text()
    dock.reviewer.undo()
    assert (labels.data == 500).any()
    dock.reviewer.undo()
    assert np.array_equal(labels.data, result.labels)
    settle(dock)


def test_a_region_of_a_slice(dock, viewer, crowd, segmenter):
    stack = np.stack([0 * crowd, crowd, 255 - crowd])
    viewer.add_image(stack, name="stack", scale=(2, 1, 1))
    viewer.dims.set_point(0, 2.0)
    shapes = viewer.add_shapes(
        [np.array([[2, 10, 20], [2, 10, 75], [2, 69, 75], [2, 69, 20]])], name="region"
    )
    dock.segment.region.choose(shapes)
    layers = segmented(dock)
    assert layers.session.name == "stack_s1_r10c20"
    assert layers.labels.data.shape == (1, 60, 56)
    assert layers.labels.translate.tolist() == [2, 10, 20]
    place = layers.labels.metadata["nucleisplit"]
    assert place == {"corner": (10, 20), "shape": crowd.shape}
    part = crowd[10:70, 20:76]
    assert np.array_equal(layers.labels.data[0], segmenter(part).labels)
    dock.review.next.click()
    dock.reviewer.swap(layers.labels.selected_label)
    assert np.shares_memory(layers.labels.data, layers.session.labels)
    settle(dock)


def test_which_pixels_are_read():
    viewer = ViewerModel()
    rng = np.random.default_rng(0)
    fine = rng.integers(0, 255, (40, 60, 4), np.uint8)
    layer = viewer.add_image([fine, fine[::2, ::2]], multiscale=True, rgb=True)
    shown = shown_plane(viewer, layer)
    assert shown.shape == (40, 60)
    assert np.array_equal(shown.read(shown.whole()), fine[..., :3])

    stack = rng.integers(0, 255, (5, 20, 30), np.uint8)
    layer = viewer.add_image(stack, scale=(3, 1, 1), translate=(6, 0, 0))
    viewer.dims.set_point(0, 6 + 3 * 2)
    shown = shown_plane(viewer, layer)
    assert np.array_equal(shown.read(shown.whole()), stack[2])
    viewer.dims.order = (1, 0, 2)
    viewer.dims.set_point(1, 7)
    shown = shown_plane(viewer, layer)
    assert np.array_equal(shown.read(shown.whole()), stack[:, 7])
    assert shown.box(shown.whole()) == (5, 1, 30)
    assert shown.place(shown.whole())["translate"].tolist() == [6, 7, 0]
    viewer.dims.order = (0, 1, 2)
    viewer.add_image(stack, name="late", translate=(100, 0, 0))
    viewer.dims.set_point(0, 100)
    with pytest.raises(InputError, match="has nothing at this slice; move the slider"):
        shown_plane(viewer, layer)


def test_a_polygon_leaves_out_what_is_around_and_is_no_training_data(dock, viewer, crowd, tmp_path):
    viewer.add_image(crowd, name="crowd")
    triangle = viewer.add_shapes(
        [np.array([[0, 0], [0, 95], [95, 0]])], shape_type="polygon", name="region"
    )
    dock.segment.region.choose(triangle)
    layers = segmented(dock)
    table = layers.labels.features
    assert 0 < len(table) < layers.session.result.nuclei
    assert (table["centroid-0"] + table["centroid-1"] < 105).all()
    dock.save.folder.setText(str(tmp_path))
    dock.save.save.click()
    assert "segment a rectangle" in last_message()
    assert not list(tmp_path.iterdir())


def test_colours_by_iou_and_random(dock, viewer, crowd, result):
    viewer.add_image(crowd, name="crowd")
    layers = segmented(dock)
    from nucleisplit.overlay import iou_colors

    expected = iou_colors(result.table["predicted_iou"].to_numpy()) / 255
    found = layers.labels.colormap.map(np.arange(1, len(expected) + 1))
    assert found[:, :3] == pytest.approx(expected, abs=1e-6)
    dock.choose.color_by.setCurrentText("number")
    assert len(layers.labels.colormap.colors) < 100
    dock.choose.color_by.setCurrentText("predicted IoU")
    assert layers.labels.colormap.map(1)[:3] == pytest.approx(expected[0], abs=1e-6)


def test_classes_by_key_and_choice_become_training_data(dock, viewer, crowd, tmp_path):
    viewer.add_image(crowd, name="crowd")
    layers = segmented(dock)
    dock.choose.color_by.setCurrentText("class")
    dock.classify.edit.setText("round, odd, round")
    dock.classify.edit.editingFinished.emit()
    assert dock.classify.names == ["round", "odd"]
    first, second = layers.session.numbers()[:2].tolist()
    viewer.cursor.position = np.argwhere(layers.session.labels == first)[0].tolist()
    keys = {str(key): action for key, action in layers.labels.keymap.items()}
    keys["2"](layers.labels)
    layers.labels.selected_label = second
    dock.classify.kind.activated.emit(1)
    settle(dock)
    assert layers.classes == {first: "odd", second: "round"}
    colours = layers.labels.colormap.map(np.array([first, second, layers.labels.data.max()]))
    expected = [[86, 180, 233], [230, 159, 0], [255, 110, 60]]
    assert np.rint(colours[:, :3] * 255).astype(int).tolist() == expected
    assert "2 odd: 1" in dock.classify.legend.text()
    features = layers.labels.features.set_index("label")["class"]
    assert (features[first], features[second]) == ("odd", "round")

    keys["9"](layers.labels)
    assert "there is no class 9" in dock.segment.status.text()
    dock.classify.know({"odd": (1, 2, 3), "tall": (4, 5, 6)})  # as of a model with its own colours
    assert dock.classify.names == ["round", "odd", "tall"]
    assert np.rint(layers.labels.colormap.map(first)[:3] * 255).tolist() == [1, 2, 3]
    assert 'rgb(1, 2, 3)">&#9632;</span> 2 odd: 1' in dock.classify.legend.text()
    keys["0"](layers.labels)
    settle(dock)
    assert layers.classes == {second: "round"}
    dock.review.undo.click()
    settle(dock)
    assert layers.classes == {first: "odd", second: "round"}

    dock.save.folder.setText(str(tmp_path))
    dock.save.save.click()
    rows = (tmp_path / "labels/crowd_classes.csv").read_text()
    assert rows == f"label,class\n{first},odd\n{second},round\n"
    dock.save.name.setText("second")
    dock.save.save.click()
    dataset = load_dataset(tmp_path, folds=2)
    told = read_classes(dataset)
    assert len(told) == 2
    for record in dataset.records:
        labels, _ = record.read_labels(crowd.shape)
        assert told[record.image_id].of(labels) == layers.classes


def test_what_is_wrong_is_told_in_one_line(dock, viewer, crowd, tmp_path):
    viewer.add_image(crowd, name="crowd")
    dock.segment.model.setEditText(str(tmp_path / "nowhere"))
    dock.segment.start.click()
    wait(lambda: not dock.runner.busy)
    assert "nowhere" in last_message()
    assert dock.segment.start.isEnabled()
    shapes = viewer.add_shapes(name="region")
    dock.segment.region.choose(shapes)
    dock.segment.start.click()
    assert last_message() == "region: nothing is drawn; draw a rectangle or a polygon"
    viewer.add_image(np.full((30, 30), np.nan, np.float32), name="void")
    dock.segment.region.setCurrentIndex(0)
    dock.segment.image.setCurrentText("void")
    viewer.dims.ndisplay = 3
    dock.segment.start.click()
    assert last_message() == (
        "the viewer shows a volume; switch to 2-D (Ctrl+Y), or segment the stack with "
        "nucleisplit infer --z 3d"
    )


def test_it_is_cancelled_between_tiles_while_the_viewer_lives(dock, viewer, crowd, segmenter):
    viewer.add_image(crowd, name="crowd")
    reached, go = threading.Event(), threading.Event()

    class Slow:
        cut, regressor = segmenter.cut, segmenter.regressor

        @staticmethod
        def segment(image, **options):
            reached.set()
            go.wait(60)
            return segmenter.segment(image, **options)

    dock.models.get = lambda **options: Slow()
    dock.segment.start.click()
    wait(reached.is_set)
    assert dock.segment.stop.isEnabled()
    dock.segment.stop.click()
    assert "stopping" in dock.segment.status.text()
    go.set()
    wait(lambda: not dock.runner.busy)
    assert dock.segment.status.text() == "cancelled"
    assert dock.reviewer.current is None
    assert not any(isinstance(layer, Labels) for layer in viewer.layers)


def test_labels_are_not_replaced_unasked(dock, viewer, crowd, tmp_path):
    viewer.add_image(crowd, name="crowd")
    layers = segmented(dock)
    dock.save.folder.setText(str(tmp_path))
    asked = []
    dock.ask = lambda question: asked.append(question) or len(asked) > 1
    for _ in range(2):
        dock.save.save.click()
        layers.labels.data[0, 0] = 1 + len(asked)
        kept = (tmp_path / "labels/crowd.tif").read_bytes()
    assert len(asked) == 1
    dock.save.save.click()
    assert len(asked) == 2
    assert (tmp_path / "labels/crowd.tif").read_bytes() != kept


def test_the_layer_that_is_selected_is_worked_on(dock, viewer, crowd):
    first = viewer.add_image(crowd, name="first")
    one = segmented(dock)
    viewer.add_image(crowd[:48], name="second")
    two = segmented(dock)
    assert dock.segment.image.currentText() == "second"
    viewer.layers.selection.active = one.labels
    assert dock.reviewer.current is one
    assert dock.save.name.text() == "first"
    viewer.layers.selection.active = first
    assert dock.segment.image.currentText() == "first"
    assert dock.reviewer.current is one
    viewer.layers.remove(one.labels)
    assert dock.reviewer.current is two
    viewer.layers.remove(two.labels)
    assert dock.reviewer.current is None
    assert not dock.review.isEnabled()


def test_a_closed_widget_lets_go_of_the_viewer(dock, viewer, crowd):
    viewer.add_image(crowd, name="crowd")
    layers = segmented(dock)
    dock.review.next.click()
    labels, known = layers.labels, layers.session.state
    assert len(labels.keymap) == 14  # four of the review, ten of the classes
    viewer.window.remove_dock_widget(dock)
    assert labels in viewer.layers
    assert SECOND_OPINION not in viewer.layers
    assert not labels.keymap
    assert dock.reviewer.on_click not in viewer.mouse_drag_callbacks
    viewer.add_image(crowd, name="another")
    viewer.layers.selection.active = labels
    labels.paint((40, 40), 500)
    QApplication.processEvents()
    assert layers.session.state is known
    viewer.layers.remove(labels)


def test_the_sample_image_is_segmented_and_keeps_its_size(dock, viewer):
    (layer,) = viewer.open_sample("nucleisplit", "example")
    assert [str(unit) for unit in layer.units] == ["micrometer"] * 2
    labels = segmented(dock).labels
    assert labels.scale.tolist() == layer.scale.tolist() == [0.5, 0.5]
    assert labels.units == layer.units
    assert labels.data.max() > 50


def test_of_a_stack_the_slice_that_is_shown_is_segmented(dock, viewer, crowd, result):
    viewer.add_image(np.stack([0 * crowd, crowd]), name="stack", scale=(2, 1, 1))
    viewer.dims.set_current_step(0, 1)
    layers = segmented(dock)
    assert layers.labels.data.shape == (1, *crowd.shape)
    assert np.array_equal(layers.labels.data[0], result.labels)
    assert layers.labels.translate.tolist() == [2, 0, 0]
    viewer.dims.ndisplay = 3
    dock.segment.start.click()
    assert "switch to 2-D (Ctrl+Y), or segment the stack with nucleisplit infer --z 3d" in (
        last_message()
    )


def test_our_files_are_opened_and_saved(viewer, tmp_path, crowd, result):
    from nucleisplit.labels import write_labels

    write_labels(tmp_path / "a_labels.tif", result.labels)
    (layer,) = viewer.open(tmp_path / "a_labels.tif", plugin="nucleisplit")
    assert isinstance(layer, Labels)
    assert np.array_equal(layer.data, result.labels)
    layer.features = result.table.assign(index=result.table["label"])
    layer.save(str(tmp_path / "a.geojson"), plugin="nucleisplit")
    (again,) = viewer.open(tmp_path / "a.geojson", plugin="nucleisplit")
    assert np.array_equal(again.data, result.labels)
    assert again.features["predicted_iou"].to_numpy() == pytest.approx(
        result.table["predicted_iou"].to_numpy(), abs=1e-5
    )
    layer.save(str(tmp_path / "a.rois.zip"), plugin="nucleisplit")
    (zipped,) = viewer.open(tmp_path / "a.rois.zip", plugin="nucleisplit")
    assert np.array_equal(zipped.data, result.labels)
