import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from click.testing import CliRunner

from nucleisplit.cli.main import main
from nucleisplit.errors import OutputError
from nucleisplit.report import write_report
from nucleisplit.report.batch_folder import read_run
from nucleisplit.report.gather import FAULT_CARDS, THUMBNAIL_BYTES, gather
from nucleisplit.report.page import render
from nucleisplit.report.pictures import Crop

VOID = {"meta", "link", "img", "input", "path", "circle"}


class Page(HTMLParser):
    """All elements with their attributes, and whether every one is closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def all(self, tag, **wanted):
        return [
            found
            for name, found in self.elements
            if name == tag and all(found.get(key) == value for key, value in wanted.items())
        ]


@pytest.fixture
def page(out, truth):
    path, _ = write_report(out, truth)
    return path.read_text(encoding="utf-8")


def test_one_file_that_loads_nothing(page):
    parsed = Page(page)
    assert not parsed.open
    for tag, attributes in parsed.elements:
        for name, value in attributes.items():
            if name == "href":
                assert re.match(r"#|data:|i\d_", value), (tag, value)
            if name == "src":
                assert value.startswith("data:image/webp;base64,")
    assert not re.search(r"https?://|@import|url\(", page)
    policy = parsed.all("meta", **{"http-equiv": "Content-Security-Policy"})[0]["content"]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")


def test_a_hostile_file_name_is_text_and_nothing_else(page, hostile):
    parsed = Page(page)
    assert len(parsed.all("script")) == 1
    known = {"accesskey", "onerror", "onload", "onclick", "style"}
    assert not [found for _, found in parsed.elements if known & set(found)]
    assert "<script>alert" not in page
    names = {found["data-name"] for found in parsed.all("li")}
    assert hostile in names
    assert hostile in html.unescape(page)


def test_every_control_has_a_name_and_every_picture_a_text(page):
    parsed = Page(page)
    assert all(found["alt"] for found in parsed.all("img")) and len(parsed.all("img")) == 12
    assert all(found.get("aria-label") or found.get("aria-hidden") for found in parsed.all("svg"))
    for control in ("select", 'input type="(?:search|checkbox)"'):
        count = len(re.findall(f"<{control}", page))
        assert count == len(re.findall(f"<label[^>]*>(?:<span>[^<]+</span>)?<{control}", page)) > 0
    ids = [found["id"] for _, found in parsed.elements if "id" in found]
    assert len(ids) == len(set(ids))
    assert {found["href"][1:] for found in parsed.all("a") if found["href"][0] == "#"} <= set(ids)


def test_links_are_relative_to_the_page(out, tmp_path, change):
    change(out, lambda record: record["images"][1].update(written={"roi": "50% #1.zip"}))
    (out / "i1_overlay.png").rename(out / "javascript:a #1?.png")
    change(out, lambda record: record["images"][1].update(overlay="javascript:a #1?.png"))
    path, _ = write_report(out, out=tmp_path / "pages" / "day 1.html")
    links = [found["href"] for found in Page(path.read_text(encoding="utf-8")).all("a")]
    assert "../out/i0_labels.tif" in links
    assert "../out/javascript%3Aa%20%231%3F.png" in links


def test_images_come_first_and_all_faults_are_counted(page):
    sections = [found["id"] for found in Page(page).all("section")]
    assert sections == ["summary", "images", "queue", "faults"]
    faults = Page(page).all("section", id="faults")[0]
    assert int(faults["data-total"]) == len(re.findall("data-size=", page))
    assert "could be several nuclei: <b>0.40</b>" in page


def test_numbers_by_which_the_lists_are_sorted(page):
    items = Page(page).all("li")
    queue = [found for found in items if "data-rank" in found]
    assert [found["data-rank"] for found in queue] == list("123456")
    assert [float(found["data-margin"]) for found in queue if found["data-kind"] == "none"] == [
        1e9
    ] * 2
    assert [found["data-kind"] for found in items if "data-map" in found] == ["warned", "fine"]
    assert {found["data-kind"] for found in items if "data-size" in found} == {"merged", "split"}


def test_a_run_without_nuclei_or_images(make_run, change):
    out = make_run(["a.png"], np.zeros((40, 50), np.int32))
    change(out, lambda record: record.update(status="interrupted"))
    (out / "nuclei.csv").write_text((out / "nuclei.csv").read_text().splitlines()[0] + "\n")
    text = write_report(out)[0].read_text(encoding="utf-8")
    assert "no nuclei were found" in text and "The run was interrupted" in text
    (out / "i0_overlay.png").unlink()
    failed = {"image": "f.png", "status": "failed", "message": "f.png: is <empty>"}
    change(out, lambda record: record["images"].append(failed))
    text = write_report(out, overwrite=True)[0].read_text(encoding="utf-8")
    assert "f.png: is &lt;empty&gt;" in text and ">outlines</a>" not in text
    change(out, lambda record: record["images"].clear())
    assert "nan" not in write_report(out, overwrite=True)[0].read_text(encoding="utf-8").lower()


def test_a_thousand_images_and_the_longest_queue_stay_below_20_mb(out, truth):
    content = gather(read_run(out), truth)
    picture = "data:image/webp;base64," + "A" * 10_000  # twice what noise of the real size takes
    crop = Crop(picture, 160, 160, *("M0 0" + "h1v1" * 300 + "z",) * 3)
    card = replace(content.images[0], thumbnail="A" * (THUMBNAIL_BYTES // 1000))
    many = replace(
        content,
        images=[card] * 1000,
        queue=[replace(content.queue[0], crop=crop, image=0)] * 500,
        faults=[replace(content.faults[0], crop=crop, image=0)] * 4 * FAULT_CARDS,
    )
    assert len(render(many, out / "report.html").encode()) < 20e6


def test_the_command(out, truth, tmp_path):
    def run(*words):
        return CliRunner().invoke(main, ["report", *map(str, words)])

    result = run(out, "--truth", truth, "--queue", 4)
    assert result.exit_code == 0, result.output
    assert (
        result.output
        == f"8 nuclei in 2 images, 4 of them in the review queue: {out / 'report.html'}\n"
    )
    assert run(out).exit_code == 2 and "report.html: exists" in run(out).stderr
    assert run(out, "--overwrite").exit_code == 0
    assert run(out, "--out", tmp_path / "r.html").exit_code == 0
    assert (tmp_path / "r.html").exists()
    answer = json.loads(run(out, "--truth", truth, "--overwrite", "--json").stdout)
    assert answer.pop("scores")["images"] == 2
    counts = {"nuclei": 8, "images": 2, "to_review": 6}
    assert answer == {"out": str(out / "report.html"), **counts}
    assert json.loads(run(out, "--overwrite", "--json").stdout)["scores"] is None
    result = run(tmp_path / "images")
    assert result.exit_code == 2 and "name its output folder" in result.stderr
    assert run(out, "--queue", 501).exit_code == 2


def test_what_is_there_is_kept_until_the_page_is_whole(out):
    (out / "report.html").write_text("mine")
    with pytest.raises(OutputError, match="exists"):
        write_report(out)
    assert (out / "report.html").read_text() == "mine"
    assert not list(out.glob("*.part"))
