"""Make docs/napari.png: the widget in napari on an example image, at its first doubtful nucleus.

pip install ".[napari]"; python docs/make_napari_picture.py [--model NAME|PATH] [--out FILE]

Needs a screen with OpenGL: on a server `xvfb-run -a -s "-screen 0 1600x1200x24" python ...`.
"""

import argparse
import time
from pathlib import Path

import napari
import numpy as np
from PIL import Image
from qtpy.QtWidgets import QApplication

HERE = Path(__file__).parent
SIZE = (1400, 1150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="default")
    parser.add_argument("--image", default="cells_crowded.png")
    parser.add_argument("--out", type=Path, default=HERE / "napari.png")
    options = parser.parse_args()
    viewer = napari.Viewer()
    viewer.window.resize(*SIZE)
    _, dock = viewer.window.add_plugin_dock_widget("nucleisplit", "Nuclei")
    pixels = np.asarray(Image.open(HERE.parent / "examples" / "images" / options.image))
    viewer.add_image(pixels, name=Path(options.image).stem)
    dock.segment.model.setEditText(options.model)
    dock.start()
    wait(lambda: not dock.runner.busy)
    dock.reviewer.current.labels.contour = 2
    dock.reviewer.next_doubtful()
    while not is_telling(dock.reviewer, pixels.shape):
        dock.reviewer.next_doubtful()
    dock.save.folder.setText("nuclei-corrected")
    wait(lambda: not dock.reviewer.runner.busy, rest=1.0)
    shot = viewer.screenshot(canvas_only=False, flash=False)
    Image.fromarray(shot).convert("RGB").save(options.out, optimize=True)
    viewer.close()


def is_telling(reviewer, shape) -> bool:
    """Whether a nucleus well inside the image could be counted in another way."""
    top, left, bottom, right = reviewer.current.session.locate([reviewer.label])
    edge = min(top, left, shape[0] - bottom, shape[1] - right)
    return edge > 20 and any(o.kind in ("merged", "split") for o in reviewer.options)


def wait(done, seconds: float = 600, rest: float = 0.0) -> None:
    """Let the viewer live until something is so, and for a while more."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise SystemExit("it did not happen in time")
        QApplication.processEvents()
        time.sleep(0.01)
    end = time.monotonic() + rest
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)


if __name__ == "__main__":
    main()
