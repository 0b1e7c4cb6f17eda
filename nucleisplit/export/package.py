"""The files of a package for bioimage.io: written, packed, and tested as its users would."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from nucleisplit.errors import ConfigError
from nucleisplit.extras import install_command
from stage1_unet import Exported, Predictor, preprocess, to_batch

from .card import Card
from .credits import BOWL_URL
from .describe import FILES, describe_package, title_of
from .documentation import write_readme
from .sample import draw_cover, take_sample

__all__ = ["pack", "write_files"]

_SIDE = 256
_DEVICES = {"onnx": ["CPUExecutionProvider"], "torchscript": ["cpu"]}


def write_files(
    folder: Path,
    card: Card,
    predictor: Predictor,
    graphs: dict[str, Exported],
    sample: Path | None = None,
) -> None:
    """Write the files of a package, all but its description.

    The test output is what our own preprocessing and torch make of the test input, so that a test
    of the package also tests how the preprocessing is described.

    Parameters
    ----------
    folder : Path
    card : Card
    predictor : Predictor
        Of the networks, computed by torch.
    graphs : dict of str to Exported
        ``onnx`` and ``torchscript``.
    sample : Path, optional
        An image of the kind that the model is for.

    Raises
    ------
    InputError
        The sample cannot be read, or is too small.
    """
    side = max(card.smallest, -(-_SIDE // card.stride) * card.stride)
    image = take_sample((side, side + card.stride), sample)
    prepared = preprocess(image, card.bundle.config.preprocess)
    maps = predictor.backend(to_batch(prepared, card.stride))
    shown = image if card.expressible else prepared
    batch = np.ascontiguousarray(shown.transpose(2, 0, 1)[None], np.float32)
    np.save(folder / FILES["input"], batch)
    np.save(folder / FILES["output"], maps)
    _write_tiff(folder / FILES["sample_input"], shown.transpose(2, 0, 1))
    _write_tiff(folder / FILES["sample_output"], maps[0])
    Image.fromarray(draw_cover(prepared, maps[0])).save(folder / FILES["cover"])
    (folder / FILES["readme"]).write_text(write_readme(card, title_of(card)), encoding="utf-8")
    shutil.copyfile(Path(__file__).with_name(FILES["script"]), folder / FILES["script"])
    for kind, graph in graphs.items():
        (folder / FILES[kind]).write_bytes(graph.content)


def _write_tiff(path: Path, planes: np.ndarray) -> None:
    tifffile.imwrite(path, planes, photometric="minisblack", metadata={"axes": "CYX"})


def pack(folder: Path, card: Card) -> Path:
    """Describe the files in a folder, pack them, and test the package with bioimageio.core.

    Asks no network: the only address in the description is taken as it is.

    Parameters
    ----------
    folder : Path
        Written by `write_files`.
    card : Card

    Returns
    -------
    Path
        The package, in the folder.

    Raises
    ------
    ConfigError
        It is not as the format wants it, or computes other maps than ours.
    """
    from bioimageio import spec
    from bioimageio.core import load_description_and_test

    path = folder / "package.zip"
    local = {"perform_io_checks": True, "known_files": {BOWL_URL: None}}
    with _quiet():
        context = spec.ValidationContext(root=folder, log_warnings=False, **local)
        description = _valid(spec.build_description(describe_package(card), context=context))
        with spec.ValidationContext(perform_io_checks=False, log_warnings=False):
            spec.save_bioimageio_package(description, output_path=path)
        for kind, devices in _DEVICES.items():
            packed = _valid(spec.load_description(path, **local))
            _valid(load_description_and_test(packed, weight_format=kind, devices=devices))
    return path


def _valid(description):
    """Return a description as it is; raise when a check or a test of it has failed."""
    for detail in description.validation_summary.details:
        for error in detail.errors:
            where = ".".join(map(str, error.loc)) or "package"
            raise ConfigError(
                f"bioimageio.core refuses the package ({where}: {error.msg[:200]})",
                hint=f"{install_command('export')} gets versions that fit",
            )
    return description


@contextmanager
def _quiet() -> Iterator[None]:
    """Within this nobody says what is going on."""
    from loguru import logger

    logger.disable("bioimageio")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.enable("bioimageio")
