import json

import pytest

from nucleisplit.batch.journal import Journal
from nucleisplit.errors import OutputError


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    journal.start({"model": "m"})
    journal.add("a", {"status": "ok", "rows": "1,2\n"})
    journal.add("b", {"status": "failed"})
    return journal


def test_entries_come_back_after_resuming(journal):
    again = Journal(journal.path)
    assert again.resume() == {"model": "m"}
    assert again.keys() == ["a", "b"]
    assert again.get("a") == {"key": "a", "status": "ok", "rows": "1,2\n"}
    assert again.get("c") is None


def test_a_later_entry_replaces_an_earlier_one(journal):
    journal.add("a", {"status": "failed"})
    again = Journal(journal.path)
    again.resume()
    assert again.get("a")["status"] == "failed"
    assert again.keys() == ["b", "a"]


@pytest.mark.parametrize("torn", [b'{"key":"c","sta', b'{"key":"c","status":"ok"}'])
def test_a_torn_last_line_is_dropped_and_written_over(journal, torn):
    with journal.path.open("ab") as file:
        file.write(torn)
    again = Journal(journal.path)
    again.resume()
    assert again.keys() == ["a", "b"]
    again.add("d", {"status": "ok"})
    lines = [json.loads(line) for line in journal.path.read_bytes().splitlines()]
    assert [line.get("key") for line in lines] == [None, "a", "b", "d"]


def test_entries_in_a_given_order(journal):
    assert [entry["key"] for entry in journal.entries(["b", "x", "a"])] == ["b", "a"]


def test_starting_anew_forgets_everything(journal):
    journal.start({"model": "n"})
    again = Journal(journal.path)
    assert again.resume() == {"model": "n"}
    assert again.keys() == []


@pytest.mark.parametrize("content", [b"", b"not json\n", b'{"model":"m"}\n[]\n', b"torn"])
def test_a_damaged_journal_is_refused(tmp_path, content):
    path = tmp_path / "journal.jsonl"
    path.write_bytes(content)
    with pytest.raises(OutputError, match="--overwrite"):
        Journal(path).resume()


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(OutputError, match="cannot be"):
        Journal(tmp_path / "nowhere" / "j.jsonl").start({})
