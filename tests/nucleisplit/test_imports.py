"""What an import brings along: the heavy libraries stay out until they are needed."""

import subprocess
import sys
from importlib.util import find_spec

import pytest

HEAVY = {"torch", "lightgbm", "numpy", "pandas"}

BACKEND = "openvino-int8" if find_spec("openvino") else "torch"

STEPS = [
    [
        ("import nucleisplit", HEAVY | {"click"}),
        (
            "from nucleisplit.cli.main import main; "
            "[main.get_command(None, name) for name in main.homes]",
            HEAVY | {"rich", "pydantic"},
        ),
    ],
    [
        (
            "import stage2_trees",
            {"torch", "lightgbm", "segmentation_models_pytorch", "click", "nucleisplit"},
        )
    ],
    [
        (
            "import stage1_unet",
            {"lightgbm", "click", "nucleisplit", "lightning", "albumentations"},
        ),
        (
            "import nucleisplit; assert nucleisplit.segment.__module__ == 'nucleisplit.segmenter'; "
            "import nucleisplit.batch.infer_batch, nucleisplit.batch.process",
            {"torch", "lightgbm", "lightning", "albumentations", "matplotlib.pyplot", "skimage"},
        ),
        (
            "import numpy; image = numpy.zeros((64, 64), 'uint8'); "
            f"nucleisplit.segment(image, backend={BACKEND!r})",
            {"lightgbm", "lightning", "albumentations", "matplotlib.pyplot", "skimage"}
            | ({"torch"} if BACKEND != "torch" else set()),
        ),
    ],
]
"""Statements that a fresh process runs one after the other; what each leaves out."""


@pytest.mark.parametrize("steps", STEPS)
def test_heavy_libraries_stay_out(steps):
    code = "import sys; sys.argv[0] = 'nucleisplit'"
    for statement, _ in steps:
        code += f"; {statement}; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    for (statement, absent), line in zip(steps, lines, strict=True):
        assert set(line.split()) & absent == set(), statement


def test_an_unknown_name_is_an_attribute_error():
    import nucleisplit

    with pytest.raises(AttributeError, match="nucleisplit attribute segmentor"):
        nucleisplit.segmentor  # noqa: B018


def test_public_names_are_listed():
    import nucleisplit

    assert {"segment", "Segmenter", "Segmentation", "load_bundle"} <= set(dir(nucleisplit))
