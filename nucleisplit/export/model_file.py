"""From a model to a file that other programs read."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import stage1_unet
from nucleisplit.errors import ConfigError
from nucleisplit.extras import install_command, missing_libraries
from nucleisplit.files import refuse_overwrite, replacing
from nucleisplit.model import PACKED_ENDING, Bundle, load_bundle, pack_model

from .card import make_card

__all__ = ["ENDINGS", "Export", "export_model"]

ENDINGS = {"onnx": ".onnx", "bioimageio": ".bioimageio.zip", "model": PACKED_ENDING}
"""The formats, and how files of each are called."""

_GRAPH = ("onnx", "onnxscript", "onnxruntime")
_NEEDS = {"onnx": _GRAPH, "bioimageio": (*_GRAPH, "bioimageio.core")}


@dataclass(frozen=True)
class Export:
    """What was written."""

    path: Path
    fingerprint: str
    """Of the model."""
    differences: dict[str, float]
    """By how much the maps of each graph in the file differ at most from those of torch."""


def export_model(
    model: str | Path,
    kind: str,
    out: str | Path | None = None,
    *,
    sample: str | Path | None = None,
    authors: Sequence[str] = (),
    license: str | None = None,
    overwrite: bool = False,
) -> Export:
    """Write the networks of a model, their average included, for other programs.

    Parameters
    ----------
    model
        Name of a bundled model, or the folder of one.
    kind
        ``onnx``: one ONNX file. ``bioimageio``: a package for bioimage.io with ONNX and
        TorchScript. ``model``: all of it as one file, see `nucleisplit.model.add_model`.
    out
        The file. Default: the name of the model with the ending of the format, in the current
        folder.
    sample
        An image of the kind that the model is for, to show and test the package with; a drawn
        one when left out.
    authors, license
        Of the model, for the package; the bundled ones have theirs.
    overwrite
        Replace an existing file.

    Returns
    -------
    Export

    Raises
    ------
    BundleError
        The model cannot be read.
    ConfigError
        The format is unknown, a library is missing, or the networks cannot be exported.
    InputError
        The sample cannot be read, or is too small.
    OutputError
        The file exists, or cannot be written.
    """
    if kind not in ENDINGS:
        raise ConfigError(f"{kind} is no format", hint=f"give one of {', '.join(ENDINGS)}")
    bundle = load_bundle(model)
    out = Path(f"{bundle.path.resolve().name}{ENDINGS[kind]}" if out is None else out)
    refuse_overwrite(out, overwrite)
    if kind == "model":
        pack_model(bundle, out, overwrite)
        return Export(out, bundle.fingerprint, {})
    _require(kind)
    predictor = stage1_unet.Predictor(
        bundle.networks(), bundle.config.predict, "cpu", bundle.manifest.weights or None
    )
    card = make_card(bundle, predictor, authors, license)
    graphs = {"onnx": _graph(bundle, stage1_unet.export_onnx, card.metadata)}
    if kind == "onnx":
        with replacing(out, overwrite) as part:
            part.write_bytes(graphs["onnx"].content)
    else:
        from .package import pack, write_files

        graphs["torchscript"] = _graph(bundle, stage1_unet.export_torchscript)
        with TemporaryDirectory() as folder:
            write_files(Path(folder), card, predictor, graphs, Path(sample) if sample else None)
            package = pack(Path(folder), card)
            with replacing(out, overwrite) as part:
                shutil.copyfile(package, part)
    differences = {name: graph.difference for name, graph in graphs.items()}
    return Export(out, bundle.fingerprint, differences)


def _require(kind: str) -> None:
    if missing := missing_libraries(*_NEEDS[kind]):
        raise ConfigError(
            f"export to {kind} needs {', '.join(missing)}",
            hint=install_command("export"),
        )


def _graph(bundle: Bundle, export, *more) -> stage1_unet.Exported:
    try:
        return export(bundle.networks(), bundle.manifest.weights or None, *more)
    except stage1_unet.ExportError as error:
        raise ConfigError(f"{bundle.path}: {error}", hint="choose another architecture") from error
