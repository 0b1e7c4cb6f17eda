"""Make docs/report.png: the report of the example images in Chromium, on a desk and on a telephone.

pip install ".[browser]"; python docs/make_report_picture.py [--model NAME|PATH]
"""

import argparse
import io
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from nucleisplit.batch.infer_batch import infer_batch
from nucleisplit.report import write_report

HERE = Path(__file__).parent
VIEWS = ((940, 760, "light"), (360, 760, "dark"))
"""Width, height and colour scheme of each part of the picture."""
GAP = 12
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="default")
    model = parser.parse_args().model
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "examples-nuclei"
        infer_batch([HERE.parent / "examples" / "images"], out, model=model, device="cpu")
        page = write_report(out)[0].as_uri()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            parts = [photograph(browser, page, *view) for view in VIEWS]
            browser.close()
    width = sum(part.width for part in parts) + GAP * (len(parts) - 1)
    picture = Image.new("RGB", (width, parts[0].height), "white")
    left = 0
    for part in parts:
        picture.paste(part, (left, 0))
        left += part.width + GAP
    picture.save(HERE / "report.png", optimize=True)


def photograph(browser, address: str, width: int, height: int, scheme: str) -> Image.Image:
    """Show the page, a narrow one from its review queue on."""
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    page.goto(address)
    if width < 500:
        page.evaluate("document.getElementById('queue').scrollIntoView()")
    page.wait_for_timeout(300)
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


if __name__ == "__main__":
    main()
