import numpy as np

from nucleisplit.viewer.history import History, Step


def step(name, size=10):
    return Step(name, (f"{name} before", f"{name} after"), np.zeros(size, np.uint8))


def test_back_and_forth():
    history = History()
    assert (history.back(), history.forth(), history.last, history.next) == (None,) * 4
    history.push(step("a"))
    history.push(step("b"))
    assert history.back().name == "b"
    assert (history.last.name, history.next.name) == ("a", "b")
    assert history.forth().name == "b"
    history.back()
    history.push(step("c"))
    assert history.forth() is None
    assert [history.back().name, history.back().name, history.back()] == ["c", "a", None]


def test_the_oldest_are_forgotten_but_never_the_last():
    history = History(limit=25)
    for name in "abc":
        history.push(step(name))
    assert [history.back().name, history.back().name, history.back()] == ["c", "b", None]
    history.push(step("huge", 1000))
    assert history.last.name == "huge"


def test_the_last_step_is_amended():
    history = History()
    history.push(step("a"))
    history.amend(lambda last: step(last.name + "!"))
    assert history.back().name == "a!"


def test_what_is_undone_can_be_forgotten():
    history = History()
    history.push(step("a"))
    history.back()
    history.forget_undone()
    assert history.next is None
