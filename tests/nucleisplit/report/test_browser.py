"""The page in Chromium, as `pip install ".[browser]"` asks for; elsewhere it is not collected."""

import shutil

import pytest
from playwright.sync_api import sync_playwright

from nucleisplit.report import write_report

QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)


@pytest.fixture(scope="module")
def browser():
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.fail("no chromium on the PATH: install one (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET.split())
        yield browser
        browser.close()


@pytest.fixture
def page(browser, out, truth):
    """The report, 390 pixels wide; nothing may be logged, raised or loaded."""
    path, _ = write_report(out, truth)
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    wrong, loaded = [], []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: wrong.append(dialog.message))
    page.on("request", lambda request: loaded.append(request.url))
    page.goto(path.as_uri())
    yield page
    assert wrong == []
    assert [url for url in loaded if not url.startswith("data:")] == [path.as_uri()]
    context.close()


def shown(page, section, name):
    """Values of the cards to be seen, in their order."""
    return page.eval_on_selector_all(
        f"#{section} .card:not([hidden])", f"cards => cards.map(card => card.dataset.{name})"
    )


def chosen(page):
    return page.evaluate("document.activeElement.dataset.rank || document.activeElement.tagName")


def test_a_hostile_name_is_shown_as_it_is(page, hostile):
    assert hostile in page.locator("#images .title").all_text_contents()


def test_the_queue_sorts(page):
    assert shown(page, "queue", "rank") == list("123456")
    page.select_option("#queue .sort", "iou:1")
    values = [float(value) for value in shown(page, "queue", "iou")]
    assert values == sorted(values) and len(values) == 6
    page.select_option("#queue .sort", "margin:1")
    assert shown(page, "queue", "kind") == ["split"] * 2 + ["merged"] * 2 + ["none"] * 2
    page.select_option("#queue .sort", "area:-1")
    assert shown(page, "queue", "area")[0] == "400"
    page.select_option("#queue .sort", "name:1")
    assert shown(page, "queue", "name")[-1] == "b 2.png"


def test_the_lists_filter(page):
    page.fill("#queue [type=search]", "b 2 MERGED")
    assert shown(page, "queue", "name") == ["b 2.png"]
    assert page.inner_text("#queue output") == "1 of 6 nuclei"
    page.fill("#queue [type=search]", "nowhere")
    assert shown(page, "queue", "name") == [] and page.is_visible("#queue .empty")
    page.fill("#queue [type=search]", "")
    page.select_option("#queue .kind", "split")
    assert shown(page, "queue", "kind") == ["split", "split"]
    page.select_option("#queue .kind", "")
    page.check("#queue .edge")
    assert len(shown(page, "queue", "rank")) == 4
    page.select_option("#images .kind", "warned")
    assert len(shown(page, "images", "map")) == 1
    page.select_option("#faults .kind", "merged")
    assert shown(page, "faults", "kind") == ["merged", "merged"]


def test_keys(page):
    page.evaluate("document.getElementById('queue').scrollIntoView()")
    page.keyboard.press("j")
    assert chosen(page) == "1"
    for key, rank in [("j", 2), ("k", 1), ("k", 1), ("ArrowDown", 3), ("ArrowRight", 4)]:
        page.keyboard.press(key)
        assert chosen(page) == str(rank)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    assert page.is_visible("dialog .crop img") and chosen(page) == "BUTTON"
    page.keyboard.press("j")
    assert page.inner_text("dialog .title").endswith(" 1")  # the third: nucleus 1 of the second
    page.keyboard.press("Escape")
    # the event of closing comes a moment later
    page.wait_for_function("document.activeElement.dataset.rank === '3'")
    assert not page.is_visible("dialog")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.type") == "search"
    page.keyboard.type("ojk/")
    assert page.input_value("#queue [type=search]") == "ojk/"
    page.fill("#queue [type=search]", "b 2")
    page.keyboard.press("Escape")
    assert chosen(page) == "3"


def test_outlines_are_shown_by_turns(page):
    def seen(kind):
        return page.locator(f"#queue .crop .{kind}").first.evaluate(
            "path => getComputedStyle(path).visibility"
        )

    states = []
    for _ in range(5):
        states.append((seen("kept"), seen("other")))
        page.keyboard.press("o")
    on, off = "visible", "hidden"
    assert states == [(on, on), (on, off), (off, on), (off, off), (on, on)]


def test_click_enlarges_and_a_click_beside_closes(page):
    page.click("#faults button.crop >> nth=0")
    assert page.is_visible("dialog")
    page.mouse.click(5, 5)
    assert not page.is_visible("dialog")


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_is_wider_than_the_window(page, width):
    page.set_viewport_size({"width": width, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") == width


CONTRAST = """() => {
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const colour = parse(getComputedStyle(node).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
  };
  const kinds = "p, a, b, dt, dd, small, h1, h2, output, option, .tag";
  const texts = [...document.querySelectorAll(kinds)];
  return Math.min(...texts.map((node) => {
    const pair = [parse(getComputedStyle(node).color), behind(node)].map(light);
    pair.sort((a, b) => b - a);
    return (pair[0] + .05) / (pair[1] + .05);
  }));
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_in_light_and_dark(page, scheme):
    page.emulate_media(color_scheme=scheme)
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(250, 250, 248)", "dark": "rgb(19, 21, 23)"}[scheme]
    assert page.evaluate(CONTRAST) > 4.5
