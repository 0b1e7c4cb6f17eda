"""``nucleisplit quantize``: a model computes faster in eight-bit integers."""

from pathlib import Path

import click

from nucleisplit.cli import console
from nucleisplit.cli.completers import complete_models
from nucleisplit.cli.guard import need_training
from nucleisplit.cli.options import CONTEXT, EXISTING_FOLDER
from nucleisplit.cli.switches import json_option


@click.command(context_settings=CONTEXT)
@click.argument("model", shell_complete=complete_models)
@click.argument("data", type=EXISTING_FOLDER, nargs=-1, required=True)
@click.option(
    "--crops",
    type=click.IntRange(1),
    default=60,
    show_default=True,
    metavar="N",
    help="Images to calibrate on, a crop of each; at most half of all.",
)
@click.option(
    "--images",
    type=click.IntRange(1),
    default=80,
    show_default=True,
    metavar="N",
    help="Other images to score on.",
)
@click.option(
    "--max-cost",
    type=click.FloatRange(0, 1),
    default=0.003,
    show_default=True,
    metavar="X",
    help="Largest loss of mAP that is accepted.",
)
@json_option
def quantize(model: str, data: tuple[Path, ...], crops: int, images: int, max_cost: float) -> None:
    """Add networks in int8 to MODEL, calibrated and checked on the images and labels of DATA.

    MODEL is the name of a bundled model or a folder, which is changed in place; DATA is a folder
    as for train-unet, or several. When int8 scores as well as float32, infer uses it on x86-64
    processors. Needs the extra quantize: pip install ".[quantize]"

    \b
    nucleisplit quantize model/ data/
    nucleisplit quantize model/ fluorescence/ tissue/ smears/
    nucleisplit infer images/ --model model/
    nucleisplit infer images/ --model model/ --backend openvino    not in int8
    """
    need_training("nncf", "openvino", extra="quantize")
    from nucleisplit.training.quantization import quantize_model

    bundle = quantize_model(
        model, data, crops=crops, images=images, max_cost=max_cost, say=console.answer
    )
    console.answer(
        f"{bundle.path}: model {bundle.fingerprint[:12]}",
        {
            "out": bundle.path,
            "fingerprint": bundle.fingerprint,
            "scores": bundle.manifest.scores["int8"],
        },
    )
