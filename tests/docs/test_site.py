"""How the pages are put together for the site; that it builds is checked by .ci/run."""

import re
import runpy
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site():
    return SimpleNamespace(**runpy.run_path(str(ROOT / "docs/make_site.py")))


@pytest.fixture
def root(tmp_path):
    for name in ("docs/a.md", "docs/p.png", "MODEL_CARD.md", "integrations/q/s.groovy"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    return tmp_path


@pytest.mark.parametrize(
    ("path", "text", "turned"),
    [
        ("docs/b.md", "see [a](a.md#x) and ![p](p.png)", "see [a](a.md#x) and ![p](p.png)"),
        ("docs/b.md", "[card](../MODEL_CARD.md)", "[card](model_card.md)"),
        ("MODEL_CARD.md", "![p](docs/p.png) [a](docs/a.md)", "![p](p.png) [a](a.md)"),
        (
            "integrations/README.md",
            "[s](q/s.groovy) [a](../docs/a.md)",
            "[s](files/integrations/q/s.groovy) [a](a.md)",
        ),
        ("docs/b.md", "[w](https://semver.org) [h](#here)", "[w](https://semver.org) [h](#here)"),
        ("docs/b.md", "`x[0](no.md)`\n\n    [i](no.md)\n", "`x[0](no.md)`\n\n    [i](no.md)\n"),
        ("docs/b.md", "```\n[i](no.md)\n```\n", "```\n[i](no.md)\n```\n"),
    ],
)
def test_links_lead_to_where_things_are_then(site, root, path, text, turned):
    assert site.turn_links(text, path, root)[0] == turned


def test_a_link_to_nothing_is_an_error(site, root):
    with pytest.raises(FileNotFoundError, match=r"docs/b.md: links to c.md, which is not there"):
        site.turn_links("[c](c.md)", "docs/b.md", root)


ARCHIVED = {"docs/experiments_earlier.md"}
"""Pages that are linked to, and not listed."""


def test_text_after_a_table_does_not_become_its_last_row(site):
    for path in [*(ROOT / "docs").glob("*.md"), *(ROOT / page for page in site.ELSEWHERE)]:
        lines = path.read_text(encoding="utf-8").splitlines()
        for row, after in pairwise(lines):
            assert not row.startswith("|") or not after or after.startswith("|"), (path, after)


def test_a_list_does_not_go_on_in_the_paragraph_before_it(site):
    item = re.compile(r" {0,3}(-|\d+\.) ")
    for path in [*(ROOT / "docs").glob("*.md"), *(ROOT / page for page in site.ELSEWHERE)]:
        text = re.sub(r"(?ms)^```.*?^```$", "", path.read_text(encoding="utf-8"))
        for paragraph in re.split(r"\n\s*\n", text):
            first, *others = paragraph.strip("\n").splitlines() or [""]
            if not item.match(first):
                assert not any(map(item.match, others)), f"{path}: {first}"


def test_every_page_is_in_the_navigation(site):
    listed = re.findall(r": (\w+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    pages = {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")} | set(site.ELSEWHERE)
    pages -= ARCHIVED
    assert sorted(listed) == sorted(site.place_of(page) for page in pages)


@pytest.mark.parametrize(
    ("page", "package"),
    [
        ("api.md", "nucleisplit"),
        ("api_unet.md", "stage1_unet"),
        ("api_trees.md", "stage2_trees"),
    ],
)
def test_the_api_reference_has_every_public_name(page, package):
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    shown = set(re.findall(rf"^::: {package}\.(\w+)$", text, re.MULTILINE))
    assert shown == set(import_module(package).__all__) - {"__version__"}


def test_what_the_api_reference_shows_is_there():
    text = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    shown = re.findall(r"^::: (nucleisplit\.\w+)\.(\w+)$", text, re.MULTILINE)
    assert len(shown) > 10
    for module, name in shown:
        assert name in import_module(module).__dict__
