import pytest

from nucleisplit.errors import InputError
from nucleisplit.report.batch_folder import read_run


def test_entries_have_their_rows_files_and_image(out, hostile):
    run = read_run(out)
    first, second = run.entries
    assert (first.name, second.name) == (hostile, "b 2.png")
    assert first.table["label"].tolist() == [1, 2, 3, 4]
    assert (first.image_id, first.predicted_map, first.pixel_size) == ("i0", 0.3, None)
    assert second.file("labels") == out / "i1_labels.tif"
    assert second.path.resolve() == out.parent / "images" / "b 2.png"
    assert sorted(second.doubts()) == [1, 2, 3] and second.doubts()[3].kind == "split"
    assert "images" not in run.record and run.planes.channel is None


def test_what_is_not_there_is_none(out, change):
    (out / "i0_overlay.png").unlink()
    (out.parent / "images" / "b 2.png").unlink()

    def older(record):
        del record["images"][1]["review"], record["images"][1]["key"]
        record["images"][0]["labels"] = "../images/b 2.png"
        record["images"][1]["pixel_size_um"] = [0.5, 2.0]

    change(out, older)
    first, second = read_run(out).entries
    assert first.file("overlay") is first.file("labels") is None
    assert second.path is None and second.doubts() == {} and second.pixel_size == 1.0


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("run.json", None, r"was not written by infer, or is not there \(no run.json\)"),
        ("run.json", "{", "is no record of a run"),
        ("run.json", "[]", "is no record of a run"),
        ("run.json", '{"images": [{}]}', "is no record of a run"),
        ("nuclei.csv", None, "nuclei.csv: cannot be read"),
        ("nuclei.csv", "", "is no table of nuclei"),
        ("nuclei.csv", "image,label\n", "has no column area"),
    ],
)
def test_a_folder_that_is_no_run_is_refused(out, name, content, message):
    (out / name).unlink()
    if content is not None:
        (out / name).write_text(content)
    with pytest.raises(InputError, match=message):
        read_run(out)


@pytest.mark.parametrize(
    "tamper",
    [
        lambda record: record.update(model={}),
        lambda record: record.update(parameters=[]),
        lambda record: record["parameters"].update(z=5.5, level="x"),
        lambda record: record["parameters"].update(t="x"),
        lambda record: record["images"][0].update(predicted_map=None),
        lambda record: record["images"][0].update(labels=5),
        lambda record: record["images"][0].update(pixel_size_um=[1.0]),
        lambda record: record["images"][0].update(scene="0"),
    ],
)
def test_a_record_that_was_tampered_with_is_refused(out, change, tamper):
    change(out, tamper)
    with pytest.raises(InputError, match=r"run\.json: is (no record of a run|damaged)"):
        read_run(out)


def test_stacks_are_refused(out, change):
    change(out, lambda record: record["parameters"].update(z="3d"))
    with pytest.raises(InputError, match=r"out: holds stacks \(--z 3d\); a report shows planes"):
        read_run(out)


def test_a_table_of_another_run_is_refused(out, change):
    change(out, lambda record: record["images"][1].update(nuclei=9))
    with pytest.raises(InputError, match="has 4 nuclei of b 2.png, run.json 9"):
        read_run(out)
