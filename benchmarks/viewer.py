"""What a moved slider costs in napari, from the slider to the layer of nuclei.

    pip install ".[napari]"
    python benchmarks/viewer.py [--model NAME|PATH] [--side 1024] [--repeat 24]

Milliseconds on synthetic nuclei: by the clock, and of the processor, all threads together, which
tells more on a machine that does other things as well. Needs a screen with OpenGL: on a server
`xvfb-run -a -s "-screen 0 1600x1200x24" python benchmarks/viewer.py`, where drawing is slow, since
the processor does it.
"""

import argparse
import os
import platform
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

FIELD = 256
"""Side of the fields that the image is put together of; one large one takes minutes to draw."""


def draw(side: int) -> np.ndarray:
    """About 1,000 nuclei on 1024 x 1024 pixels."""
    from make_images import fluorescence

    count = side // FIELD
    shape = (FIELD, FIELD)
    return np.block(
        [
            [fluorescence(9 * i + j, shape, 66, 9, touching=0.6, overlap=0.1) for i in range(count)]
            for j in range(count)
        ]
    )


class Clock:
    """Times of one step, in milliseconds: by the clock, and of the processor."""

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.busy: list[float] = []

    def __enter__(self):
        self._begin = time.perf_counter(), time.process_time()

    def __exit__(self, *_):
        self.wall.append(1000 * (time.perf_counter() - self._begin[0]))
        self.busy.append(1000 * (time.process_time() - self._begin[1]))

    def row(self, name: str) -> str:
        values = [np.median(self.wall), np.max(self.wall), np.median(self.busy)]
        return f"  {name:<42}" + "".join(f"{value:10.1f}" for value in values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="default")
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--repeat", type=int, default=24)
    options = parser.parse_args()

    import napari
    from qtpy.QtWidgets import QApplication

    from nucleisplit.viewer.nucleus import tabulate

    def wait(done) -> None:
        while not done():
            QApplication.processEvents()

    viewer = napari.Viewer()
    viewer.window.resize(1200, 900)
    _, dock = viewer.window.add_plugin_dock_widget("nucleisplit", "Nuclei")
    image = draw(options.side)
    viewer.add_image(image)
    dock.segment.model.setEditText(options.model)
    dock.start()
    wait(lambda: not dock.runner.busy)
    layers = dock.reviewer.current
    session = layers.session
    sliders = {
        dock.choose.min_iou: np.linspace(0.2, 0.6, options.repeat),
        dock.choose.min_area: np.linspace(20, 90, options.repeat),
        dock.choose.split_bias: np.linspace(-0.6, 0.6, options.repeat),
        dock.choose.sensitivity: np.linspace(-0.6, 0.6, options.repeat),
    }
    names = ["choose", "colour and set the layer", "draw", "measure, in a thread afterwards"]
    steps = {name: Clock() for name in names}
    whole = Clock()
    for number in range(options.repeat):
        slider = list(sliders)[number % len(sliders)]
        value = sliders[slider][number]
        before = session.result
        with whole:
            slider.setValue(int(value) if slider is dock.choose.min_area else float(value))
            wait(lambda before=before: session.result is not before)
        wait(lambda: not dock.reviewer.runner.busy)
        with steps["choose"]:
            result = session.result.reselect(**dock.choose.cut)
        session.apply(result)
        with steps["colour and set the layer"]:
            layers.refresh()
        with steps["draw"]:
            QApplication.processEvents()
        with steps["measure, in a thread afterwards"]:
            tabulate(session.labels, session.state, image)

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"{platform.platform()}, Python {platform.python_version()}, {cores} cores")
    print(f"napari {napari.__version__}, {options.side} x {options.side}, {layers.iou.size} nuclei")
    print(f"  {'ms':<42}{'median':>10}{'largest':>10}{'processor':>10}")
    print(whole.row("from the slider to the layer"))
    for name, clock in steps.items():
        print(clock.row(name))
    viewer.close()


if __name__ == "__main__":
    main()
