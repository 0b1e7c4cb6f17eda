from nucleisplit.report.batch_folder import read_run
from nucleisplit.report.queue import choose_queue


def test_lowest_iou_and_closest_opinion_of_all_images_by_turns(out):
    places = choose_queue(read_run(out).entries, 4)
    # Both images: splits of margin 0.02, merges of 0.1 (labels 1 and 2, one place), nothing for 4.
    assert [(p.image, p.doubt.label, p.rank) for p in places] == [
        (0, 1, 1),
        (0, 3, 2),
        (1, 1, 3),
        (1, 3, 4),
    ]
    assert places[0].box == (5, 5, 15, 15) and places[0].area == 100
    assert not places[0].touches_edge


def test_nuclei_that_may_be_one_are_one_place(out):
    places = choose_queue(read_run(out).entries, 99)
    assert len(places) == 6
    labels = [place.doubt.label for place in places if place.image == 0]
    assert 2 not in labels and places[-1].touches_edge


def test_without_second_opinions_predicted_iou_alone_counts(out):
    for path in out.glob("*_review.json"):
        path.unlink()
    places = choose_queue(read_run(out).entries, 3)
    assert [(p.image, p.doubt.label) for p in places] == [(0, 1), (1, 1), (0, 2)]
    assert {place.doubt.kind for place in places} == {None}
    assert choose_queue([], 3) == []
