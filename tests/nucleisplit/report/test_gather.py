import numpy as np
import pytest
from PIL import Image

from nucleisplit.errors import InputError
from nucleisplit.labels import write_labels
from nucleisplit.report import gather as module
from nucleisplit.report.batch_folder import read_run
from nucleisplit.report.gather import gather


def warnings(out, truth=None):
    return [card.warnings for card in gather(read_run(out), truth).images]


def test_every_image_has_a_thumbnail_and_every_doubt_a_crop(out):
    seen = []
    content = gather(read_run(out), limit=5, progress=lambda *step: seen.append(step[:2]))
    assert all(card.thumbnail for card in content.images)
    assert len(content.queue) == 5 and all(card.crop for card in content.queue)
    assert content.queue[0].crop.other.startswith("M") and content.truth is None
    assert seen == [(1, 2), (2, 2)]
    assert [card.warnings for card in content.images] == [
        ["has likely failed: predicted mAP 0.30"],
        [],
    ]


def test_truth_gives_scores_faults_and_reliability(out, truth):
    write_labels(truth / "more.tif", np.ones((3, 3), np.int32))
    content = gather(read_run(out), truth)
    assert content.truth.totals == {"split": 2, "merged": 2}
    assert (content.truth.summary.images, content.truth.left_out) == (2, 1)
    assert [fault.what.kind for fault in content.faults] == ["merged"] * 2 + ["split"] * 2
    assert content.faults[0].crop.other.count("M") == 2  # two true nuclei under one outline
    # Of each image, label 4 has IoU 0.8 with the truth, the others one half: no hits at 0.5.
    assert content.images[0].score == pytest.approx(6 * (1 / 7) / 10)
    predicted = np.concatenate([np.linspace(0.3, 0.9, 4), np.linspace(0.4, 0.9, 4)])
    error = np.abs(predicted - np.tile([0.5, 0.5, 0.5, 0.8], 2)).mean()
    assert content.truth.error == pytest.approx(error)


def test_sizes_are_micrometres_where_all_images_tell(out, change):
    assert gather(read_run(out), limit=0).unit == "px"
    change(out, lambda record: record["images"][0].update(pixel_size_um=[0.5, 0.5]))
    assert gather(read_run(out), limit=0).unit == "px"
    change(out, lambda record: record["images"][1].update(pixel_size_um=[0.5, 0.5]))
    content = gather(read_run(out), limit=0)
    assert content.unit == "um"
    assert content.images[0].diameters[0] == pytest.approx(0.5 * np.sqrt(400 / np.pi))


def test_what_is_gone_or_changed_is_said_and_the_rest_is_shown(out, tmp_path, hostile):
    (tmp_path / "images" / hostile).unlink()
    Image.new("L", (9, 9)).save(tmp_path / "images" / "b 2.png")
    first, second = gather(read_run(out)).images
    assert first.warnings[1] == "the image is not where it was: only outlines are shown"
    assert second.warnings == ["the image has another size now: only outlines are shown"]
    assert first.thumbnail and second.thumbnail
    (tmp_path / "images" / "b 2.png").write_bytes(b"")
    (out / "i0_labels.tif").write_bytes(b"no")
    first, second = gather(read_run(out)).images
    assert "i0_labels.tif" in first.warnings[1] and first.thumbnail is None
    assert second.warnings[0].startswith("only outlines are shown: ") and second.thumbnail


def test_missing_labels_leave_a_card_without_a_picture(out, truth):
    (out / "i1_labels.tif").unlink()
    content = gather(read_run(out), truth)
    card = content.images[1]
    assert card.warnings == ["its label image is missing"]
    assert card.thumbnail is None and card.score is None
    assert {c.image for c in content.queue if c.crop is None} == {1}


def test_a_failed_image_has_missed_all_of_its_truth(out, truth, change):
    def fail(record):
        entry = record["images"][1]
        for name in ("labels", "overlay", "review", "nuclei", "predicted_map", "doubtful"):
            del entry[name]
        entry |= {"image": "i1.png", "status": "failed", "message": "i1.png: is empty"}

    change(out, fail)
    lines = (out / "nuclei.csv").read_text().splitlines(keepends=True)
    (out / "nuclei.csv").write_text("".join(line for line in lines if "b 2.png" not in line))
    content = gather(read_run(out), truth)
    assert content.images[1].warnings == ["i1.png: is empty"]
    assert (content.images[1].score, content.images[1].faults) == (0.0, {"missed": 4})
    assert {card.image for card in content.faults} == {0}  # there is nothing to show of it


def test_truth_that_does_not_fit(out, truth):
    write_labels(truth / "i1.tif", np.ones((3, 4), np.int32), overwrite=True)
    first, second = warnings(out, truth)
    assert second == ["its labels are 60 x 80 but 3 x 4 in the truth: not compared"]
    (truth / "i1.tif").unlink()
    assert warnings(out, truth)[1] == ["has no truth"]
    (truth / "i0.tif").rename(truth / "other.tif")
    with pytest.raises(InputError, match="has no truth of any image of"):
        gather(read_run(out), truth)


def test_thumbnails_stop_at_their_share_of_the_page(out, monkeypatch):
    monkeypatch.setattr(module, "THUMBNAIL_BYTES", 1)
    first, second = gather(read_run(out)).images
    assert first.thumbnail and second.thumbnail is None  # the doubtful one comes first
