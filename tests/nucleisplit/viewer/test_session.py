import numpy as np
import pandas as pd
import pytest

from nucleisplit.datasets import load_dataset
from nucleisplit.errors import InputError
from nucleisplit.labels import read_labels
from nucleisplit.viewer.nucleus import review_order, tabulate
from nucleisplit.viewer.session import Session


@pytest.fixture
def session(crowd, result):
    return Session(crowd, result, name="crowd")


def choice_of(session, kind):
    """The first nucleus with a second opinion of this kind, and that."""
    return next(
        (label, choice)
        for label in session.numbers().tolist()
        for choice in session.choices(label)
        if choice.kind == kind
    )


def table_of(session):
    return tabulate(session.labels.copy(), session.state, session.image)


def pixels(mask):
    return set(np.flatnonzero(mask).tolist())


def mask_in(session, choice):
    full = np.zeros(session.labels.shape, np.int32)
    full[choice.window] = choice.masks
    return full


@pytest.mark.parametrize("kind", ["merged", "split", "tighter", "wider"])
def test_a_swap_draws_the_second_opinion_and_nothing_else(session, result, kind):
    label, choice = choice_of(session, kind)
    new = session.swap(choice)
    painted = mask_in(session, choice)
    assert len(new) == len(choice.nuclei) == painted.max()
    assert new[0] == label
    assert not set(new[1:]) & set(result.table["label"])
    for number, one in enumerate(new, start=1):
        assert pixels(session.labels == one) == pixels(painted == number)
    others = ~np.isin(result.labels, choice.replaced) & (painted == 0)
    assert np.array_equal(session.labels[others], result.labels[others])
    assert not np.isin(session.labels, choice.replaced[1:]).any()
    assert session.corrected


def test_a_class_is_set_told_and_undone(session):
    first, second = session.numbers()[:2].tolist()
    session.set_class(first, "odd")
    session.set_class(second, "round")
    session.set_class(second, "")
    told = table_of(session).set_index("label")["class"]
    assert told[first] == "odd" and told.drop(first).isna().all()
    assert list(told.cat.categories) == ["odd"] and session.corrected
    assert session.undo() == f"class of {second}"
    assert session.state.classes == {first: "odd", second: "round"}
    session.undo(), session.undo()
    assert "class" not in table_of(session) and not session.corrected


@pytest.mark.parametrize(("kind", "stays"), [("tighter", True), ("split", False)])
def test_the_same_nucleus_keeps_its_class(session, kind, stays):
    label, choice = choice_of(session, kind)
    session.set_class(label, "odd")
    session.swap(choice)
    assert session.state.classes == ({label: "odd"} if stays else {})
    session.undo()
    assert session.state.classes == {label: "odd"}


@pytest.mark.parametrize("kind", ["merged", "split"])
def test_swapping_again_goes_back(session, result, kind):
    label, choice = choice_of(session, kind)
    new = session.swap(choice)
    (back,) = session.choices(new[-1])
    assert (back.kind, back.replaced) == ("selected", choice.replaced)
    expected = result.table.set_index("label")["predicted_iou"][list(choice.replaced)]
    assert [n.predicted_iou for n in back.nuclei] == pytest.approx(expected.tolist())
    assert session.swap(back) == choice.replaced
    assert np.array_equal(session.labels, result.labels)
    assert not session.corrected


def test_the_features_keep_what_is_predicted_of_the_new_nuclei(session, result):
    _, choice = choice_of(session, "split")
    new = session.swap(choice)
    table = table_of(session).set_index("label")
    assert table.loc[list(new), "origin"].tolist() == ["split"] * len(new)
    ious = result.scored.split.candidate_iou
    kept = next(a for a in result.alternatives(new[0]) if a.kind == "split")
    assert table.loc[list(new), "predicted_iou"].tolist() == pytest.approx(
        ious[kept.candidates].tolist()
    )
    assert np.mean(table.loc[list(new), "predicted_iou"]) == pytest.approx(choice.predicted_iou)
    assert table.loc[list(new), "second_opinion"].isna().all()
    assert session.iou_by_label()[list(new)] == pytest.approx(table.loc[list(new), "predicted_iou"])
    untouched = result.table[result.table["label"] != new[0]]
    assert table.loc[untouched["label"], "area"].tolist() == untouched["area"].tolist()


def test_a_plain_selection_has_the_table_of_the_segmentation(session, result):
    table = table_of(session)
    pd.testing.assert_frame_equal(table[list(result.table)], result.table)
    closest = result.runner_up()
    assert table["second_opinion"].tolist() == closest["kind"].tolist()
    assert table["margin"].tolist() == closest["margin"].tolist()
    assert set(table["origin"]) == {"selected"}


def test_a_swap_takes_back_others_that_share_its_nuclei(session, result):
    _, merged = choice_of(session, "merged")
    partner = merged.replaced[1]
    tighter = next(c for c in session.choices(partner) if c.kind in ("tighter", "wider"))
    session.swap(tighter)
    session.swap(merged)
    back = session.choices(merged.replaced[0])[0]
    session.swap(back)
    assert np.array_equal(session.labels, result.labels)
    assert session.state.swaps == {}


def test_painting_is_noticed_and_its_nuclei_lose_their_iou(session, result):
    assert not session.note_painting()
    session.labels[:6, :6] = 900
    top, left, *_ = session.locate([5])
    session.labels[top : top + 2] = np.where(session.labels[top : top + 2] == 5, 0, 0)
    assert session.note_painting()
    table = table_of(session).set_index("label")
    assert table.loc[[5, 900], "origin"].tolist() == ["painted", "painted"]
    assert table.loc[[5, 900], "predicted_iou"].isna().all()
    assert 900 in session.numbers()
    assert session.choices(900) == []
    assert not session.note_painting()


def test_pixels_that_were_painted_for_another_nucleus_stay_with_it(session):
    label, choice = choice_of(session, "wider")
    inside = np.argwhere(mask_in(session, choice) > 0)[0]
    session.labels[tuple(inside)] = 700
    session.swap(choice)
    assert session.labels[tuple(inside)] == 700
    assert (session.labels == label).sum() == (choice.masks > 0).sum() - 1


@pytest.fixture
def sparse(crowd, result):
    """A session without the worse half of the nuclei, and pixels in those that are missing."""
    strict = result.reselect(min_iou=float(result.table["predicted_iou"].median()))
    rest = np.where(strict.labels > 0, 0, result.labels)
    numbers, areas = np.unique(rest[rest > 0], return_counts=True)
    places = [np.argwhere(rest == n) for n in numbers[areas > 30]]
    assert len(places) >= 3
    return Session(crowd, strict, name="crowd"), [tuple(p[len(p) // 2].tolist()) for p in places]


def test_a_nucleus_is_added_where_nothing_is_and_removed_again(sparse):
    session, places = sparse
    before, n = session.labels.copy(), session.result.nuclei
    choice = session.addition(*places[0])
    assert (choice.kind, choice.replaced) == ("added", ())
    assert session.swap(choice) == (n + 1,)
    added = session.labels == n + 1
    assert pixels(added) == pixels(mask_in(session, choice) > 0)
    assert added[places[0]]
    assert np.array_equal(session.labels[~added], before[~added])
    expected = session.result.add_at(*places[0])
    assert np.array_equal(session.labels, expected.labels)
    table = table_of(session).set_index("label")
    assert table.loc[n + 1, "origin"] == "added"
    assert table.loc[n + 1, "predicted_iou"] == pytest.approx(choice.predicted_iou)
    assert table.loc[n + 1, "threshold"] == pytest.approx(expected.table["threshold"].iloc[-1])
    assert n + 1 not in review_order(table.reset_index())
    assert session.iou_by_label()[n + 1] == pytest.approx(choice.predicted_iou)
    assert session.corrected

    (back,) = session.choices(n + 1)
    assert (back.kind, back.nuclei) == ("removed", ())
    assert np.isnan(back.predicted_iou)
    assert session.first_choice(n + 1).kind == "removed"
    assert session.swap(back) == ()
    assert np.array_equal(session.labels, before)
    assert (session.corrected, session.state.swaps, session.state.others) == (False, {}, {})
    assert [session.undo(), session.undo()] == [f"removed {n + 1}", f"added {n + 1}"]
    assert [session.redo(), session.redo(), session.redo()] == [
        f"added {n + 1}",
        f"removed {n + 1}",
        None,
    ]


def test_several_are_added_beside_what_is_drawn(sparse):
    session, places = sparse
    n, new = session.result.nuclei, []
    for place in places:
        if not session.labels[place]:
            kept = session.labels > 0
            before = session.labels[kept].copy()
            new += session.swap(session.addition(*place))
            assert np.array_equal(session.labels[kept], before)
    assert new == list(range(n + 1, n + len(new) + 1))
    assert len(new) > 1
    session.labels[session.labels == new[0]] = 0
    assert session.choices(new[0]) == []
    session.reselect(min_iou=0)
    assert not session.state.others
    assert session.undo() == "choosing again"
    assert set(new[1:]) <= set(session.numbers())


def test_an_added_nucleus_keeps_clear_of_painting_and_is_saved(sparse, tmp_path):
    session, places = sparse
    whole = session.addition(*places[0])
    around = mask_in(session, whole) > 0
    around[places[0]] = False
    session.labels[around] = 300
    with pytest.raises(InputError, match="overlap nuclei that are kept; paint the nucleus by hand"):
        session.addition(*places[0])
    session.undo()
    session.swap(whole)
    _, path = session.save(tmp_path)
    saved = read_labels(path)
    assert np.array_equal(saved, session.labels)


def test_where_nothing_can_be_added(session, result):
    y, x = np.argwhere(result.labels == 3)[0].tolist()
    with pytest.raises(InputError, match=rf"pixel \({y}, {x}\) lies in nucleus 3; paint the"):
        session.addition(y, x)
    y, x = np.argwhere(result.scored.split.forest.basin == 0)[0].tolist()
    with pytest.raises(InputError, match="lies in no outline that the maps suggest; paint the"):
        session.addition(y, x)


def test_everything_is_undone_and_done_again_in_order(session, result):
    shots = [session.labels.copy()]
    names = []
    for kind in ("split", "wider"):
        label, choice = choice_of(session, kind)
        session.swap(choice)
        names.append(f"{kind} {label}")
        shots.append(session.labels.copy())
    session.labels[50:54, 50:54] = 800
    names.append("painting")
    shots.append(session.labels.copy())
    session.reselect(split_bias=-1)
    names.append("choosing again")
    shots.append(session.labels.copy())
    for name, before in zip(reversed(names), reversed(shots[:-1]), strict=True):
        assert session.undo() == name
        assert np.array_equal(session.labels, before)
    assert session.undo() is None
    assert not session.corrected
    for name, after in zip(names, shots[1:], strict=True):
        assert session.redo() == name
        assert np.array_equal(session.labels, after)
    assert session.redo() is None
    assert session.result.scored.cut.split_bias == -1


def test_choosing_again_and_again_is_one_step_back_to_the_corrections(session, result):
    _, choice = choice_of(session, "split")
    session.swap(choice)
    corrected = session.labels.copy()
    assert session.reselect(min_iou=0.4)
    assert not session.reselect(min_iou=0.6)
    assert not session.corrected
    assert np.array_equal(session.labels, result.reselect(min_iou=0.6).labels)
    assert session.undo() == "choosing again"
    assert np.array_equal(session.labels, corrected)
    assert session.result is result
    session.redo()
    assert session.result.scored.cut.min_iou == 0.6


def test_choosing_again_without_corrections_is_no_step(session):
    assert not session.reselect(min_iou=0.5)
    assert session.undo() is None


def test_painting_after_undo_makes_a_new_future(session):
    _, choice = choice_of(session, "split")
    session.swap(choice)
    session.undo()
    session.labels[0, 0] = 77
    session.note_painting()
    assert session.redo() is None


def test_nuclei_outside_a_polygon_are_left_out(crowd, result):
    inside = np.zeros(crowd.shape, bool)
    inside[:48] = True
    session = Session(crowd, result, inside)
    share = result.table["centroid-0"] < 47.5
    assert abs(len(session.numbers()) - share.sum()) <= 3
    assert set(session.numbers()) < set(result.table["label"])
    assert table_of(session)["label"].tolist() == session.numbers().tolist()
    with pytest.raises(InputError, match="around the polygon are not outlined.*; segment a rect"):
        session.save("unused")


def test_the_review_begins_with_the_most_doubtful(session):
    table = table_of(session)
    order = review_order(table)
    assert sorted(order) == session.numbers().tolist()
    ious, margins = table.set_index("label")["predicted_iou"], table.set_index("label")["margin"]
    assert {ious.idxmin(), margins.idxmin()} <= set(order[:2])
    session.swap(session.first_choice(order[0]))
    assert order[0] not in review_order(table_of(session))


def test_the_first_choice_counts_differently_if_it_can(session):
    for label in session.numbers().tolist():
        kinds = [choice.kind for choice in session.choices(label)]
        first = session.first_choice(label)
        assert (first is None) == (not kinds)
        if {"merged", "split"} & set(kinds):
            assert first.kind in ("merged", "split")
    assert session.first_choice(0) is None


def test_saved_corrections_are_read_as_a_dataset(session, tmp_path, crowd):
    _, choice = choice_of(session, "split")
    session.swap(choice)
    session.labels[:5, :5] = 999
    image, labels = session.save(tmp_path)
    assert (image, labels) == (tmp_path / "images/crowd.tif", tmp_path / "labels/crowd.tif")
    session.name = "another"
    session.save(tmp_path)
    records = load_dataset(tmp_path, folds=2).records
    assert [record.image_id for record in records] == ["another", "crowd"]
    pixels_, truth = records[1].read()[:2]
    assert np.array_equal(pixels_, crowd)
    assert np.array_equal(records[1].read_labels()[0], session.labels)
    assert truth.max() >= len(session.numbers())


def test_an_empty_image_can_be_looked_through(segmenter):
    image = np.zeros((20, 30), np.uint8)
    session = Session(image, segmenter(image))
    table = table_of(session)
    assert (len(table), review_order(table), session.numbers().tolist()) == (0, [], [])
    session.labels[2:5, 2:5] = 1
    session.note_painting()
    assert table_of(session)["origin"].tolist() == ["painted"]
    assert session.iou_by_label().shape == (2,)
