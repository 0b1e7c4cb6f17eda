"""A segmented image with nuclei that could be merged, split, tighter and wider."""

import importlib.util
import os
import sys

import pytest

# Only where `pip install ".[napari]"` put it there, and with a screen; CI has both, see .ci/run.
_SCREEN = sys.platform != "linux" or "DISPLAY" in os.environ
collect_ignore = [] if importlib.util.find_spec("napari") and _SCREEN else ["test_in_napari.py"]


@pytest.fixture(scope="session")
def segmenter(model):
    import nucleisplit

    return nucleisplit.Segmenter(model, device="cpu")


@pytest.fixture(scope="session")
def crowd(spots):
    return spots(8, (96, 96), 24)[0]


@pytest.fixture(scope="session")
def result(segmenter, crowd):
    return segmenter.segment(crowd)
