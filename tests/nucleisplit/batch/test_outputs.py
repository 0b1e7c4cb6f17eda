import os
from pathlib import Path

import pytest

from nucleisplit.batch.journal import Journal
from nucleisplit.batch.outputs import (
    JOURNAL,
    check_settings,
    check_targets,
    clear_folder,
    default_out,
    earlier_outputs,
    open_folder,
    plan_jobs,
    stamp_of,
)
from nucleisplit.batch.parts import Part
from nucleisplit.errors import ConfigError, OutputError


def parts(paths):
    return [Part(path) for path in paths]


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "images").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "images", "expected"),
    [
        (["images"], ["images/a.png"], "images-nuclei"),
        (["images/"], ["images/a.png", "images/b.png"], "images-nuclei"),
        (["a.png"], ["a.png"], "a-nuclei"),
        (["x/a.png"], ["x/a.png"], "x/a-nuclei"),
        (["x/a.b.png"], ["x/a.b.png"], "x/a.b-nuclei"),
        (["x/*.png"], ["x/a.png", "x/b.png"], "x-nuclei"),
        (["x/a.png", "y/b.png"], ["x/a.png", "y/b.png"], "nuclei"),
    ],
)
def test_default_output_folder(here, arguments, images, expected):
    assert default_out(arguments, [Path(image) for image in images]) == Path(expected)


def test_default_output_folder_of_the_current_folder_lies_beside_it(here):
    assert default_out(["."], [Path("a.png")]) == here.with_name(f"{here.name}-nuclei")


def test_names_are_distinct_and_keys_do_not_depend_on_the_current_folder(here):
    images = [Path("a/x.png"), Path("b/x.png"), Path("b/y.png")]
    jobs = plan_jobs(parts(images), Path("out"))
    assert [job.stem for job in jobs] == ["a_x", "b_x", "y"]
    assert [job.image for job in jobs] == ["x.png", "b/x.png", "y.png"]
    assert [job.key for job in jobs] == ["../a/x.png", "../b/x.png", "../b/y.png"]
    absolute = plan_jobs(parts(here / image for image in images), here / "out")
    assert [job.key for job in absolute] == [job.key for job in jobs]


def test_finished_images_keep_their_names_and_new_ones_avoid_them(here):
    earlier = [{"key": "../b/x.png", "image": "x.png", "stem": "x", "labels": "x_labels.tif"}]
    jobs = plan_jobs(parts([Path("a/X.png"), Path("b/x.png")]), Path("out"), earlier)
    assert [(job.image, job.stem) for job in jobs] == [("X.png", "a_X"), ("x.png", "x")]


def test_outputs_of_the_earlier_run_are_no_images(here):
    earlier = [{"key": "a.png", "image": "a.png", "stem": "a", "labels": "a_labels.tif"}]
    jobs = plan_jobs(parts([Path("d/a.png"), Path("d/a_labels.tif")]), Path("d"), earlier)
    assert [job.key for job in jobs] == ["a.png"]


def test_an_image_named_twice_is_done_once(here):
    assert len(plan_jobs(parts([Path("a.png"), here / "a.png"]), Path("out"))) == 1


def test_a_new_folder_is_free(here):
    journal, settings = open_folder(here / "new", overwrite=False, resume=False)
    assert settings is None
    assert journal.path == here / "new" / JOURNAL


@pytest.mark.parametrize("trace", [JOURNAL, "run.json", "nuclei.csv"])
def test_an_earlier_run_is_refused_unless_overwritten(here, trace):
    (here / "images" / trace).write_text("{}\n")
    with pytest.raises(OutputError, match="of an earlier run"):
        open_folder(here / "images", overwrite=False, resume=False)
    assert open_folder(here / "images", overwrite=True, resume=False)[1] is None


def test_an_earlier_run_is_resumed_with_its_settings(here):
    Journal(here / JOURNAL).start({"tta": "none"})
    assert open_folder(here, overwrite=False, resume=True)[1] == {"tta": "none"}


def test_a_run_without_journal_cannot_be_resumed(here):
    (here / "run.json").write_text("{}")
    with pytest.raises(OutputError, match="add --overwrite"):
        open_folder(here, overwrite=False, resume=True)


def test_a_file_is_no_output_folder(here):
    (here / "file").write_text("")
    with pytest.raises(OutputError, match="is a file"):
        open_folder(here / "file", overwrite=False, resume=False)


def test_overwrite_and_resume_exclude_each_other(here):
    with pytest.raises(ConfigError, match="exclude each other"):
        open_folder(here, overwrite=True, resume=True)


def test_files_of_others_are_not_replaced(here):
    jobs = plan_jobs(parts([Path("a.png")]), here)
    check_targets(jobs, here)
    (here / "a_labels.tif").write_text("precious")
    with pytest.raises(OutputError, match="a_labels.tif: exists"):
        check_targets(jobs, here)


def test_other_settings_are_refused_with_both_values(here):
    check_settings(here, {"tta": "d4"}, {"tta": "d4"})
    with pytest.raises(ConfigError, match="begun with min_iou 0.3, not 0.5"):
        check_settings(here, {"min_iou": 0.3}, {"min_iou": 0.5})


def test_clearing_removes_the_files_of_the_run_and_no_others(here):
    out = here / "out"
    out.mkdir()
    for name in ("a_labels.tif", "a_overlay.png", "mine.txt", "run.json", "nuclei.csv"):
        (out / name).write_text("x")
    (here / "outside.tif").write_text("x")
    journal = Journal(out / JOURNAL)
    journal.start({})
    journal.add("a", {"labels": "a_labels.tif", "overlay": "a_overlay.png"})
    (out / "mine").mkdir()
    journal.add("b", {"labels": "../outside.tif", "overlay": "..", "review": "mine"})
    journal.add("c", {"labels": ["mine.txt"], "written": ["mine.txt"]})
    clear_folder(out, journal)
    assert sorted(path.name for path in out.iterdir()) == ["mine", "mine.txt"]
    assert (here / "outside.tif").exists()


@pytest.mark.parametrize("record", ["5", "{}", '{"images": 5}', '{"images": [5, {}]}', "[" * 10**5])
def test_a_record_that_is_none_is_passed_over(here, record):
    (here / "run.json").write_text(record)
    assert earlier_outputs(here) == set()


@pytest.mark.parametrize("entry", [{"key": "a"}, {"key": 5, "image": "a", "stem": "a"}])
def test_a_journal_of_images_without_names_is_refused(here, entry):
    with pytest.raises(OutputError, match="out: the journal of its earlier run is damaged"):
        plan_jobs(parts([Path("a.png")]), here / "out", [entry])


def test_a_zarr_changes_with_what_lies_in_it(tmp_path):
    folder = tmp_path / "a.zarr"
    folder.mkdir()
    (folder / ".zattrs").write_text("{}")
    before = stamp_of(folder)
    assert stamp_of(folder) == before
    os.utime(folder / ".zattrs", ns=(0, before[1] + 5_000_000_000))
    assert stamp_of(folder)[1] == before[1] + 5_000_000_000
    assert stamp_of(tmp_path / "missing") == []
