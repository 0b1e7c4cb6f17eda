"""The README of a package: what the maps are, what they need, and what becomes of them."""

from __future__ import annotations

from .card import Card
from .credits import BOWL_URL, citations
from .describe import FILES

__all__ = ["write_readme"]

_MEANINGS = {
    "body": "the pixel belongs to a nucleus",
    "border": "it lies in the rim inside the outline of a nucleus",
    "separation": "two nuclei touch there, or nearly",
}


def write_readme(card: Card, title: str) -> str:
    """Return the README of a package, Markdown.

    Parameters
    ----------
    card : Card
    title : str
    """
    parts = [
        f"# {title}",
        _what(card),
        "## Output",
        _output(card),
        "## Input",
        _input(card),
        "## How images are prepared",
        _described(card) if card.expressible else _not_described(card),
        "## From the maps to nuclei",
        _stage_two(card),
        "## Validation",
        _validation(card),
        "## Training",
        _training(card),
        "## To cite",
        "\n".join(f"- {c['text']} doi:{c['doi']}" for c in citations(card.bowl)),
    ]
    return "\n\n".join(parts) + "\n"


def _what(card: Card) -> str:
    manifest = card.bundle.manifest
    several = len(manifest.networks) > 1
    return f"""\
The first of the two stages of nucleisplit, which outlines every nucleus in microscope images: \
{f"{len(manifest.networks)} networks, averaged" if several else "a network"}, image to \
probabilities. The same in ONNX and in TorchScript. The second stage, which makes nuclei of them, \
is no part of this package; see below.

Model `{card.name}`, fingerprint `{card.bundle.fingerprint}`, written by nucleisplit \
{manifest.nucleisplit}."""


def _output(card: Card) -> str:
    lines = [
        f"- `{name}`: {meaning}"
        + (". This model does not predict it; it is 0" if name in card.missing else "")
        for name, meaning in _MEANINGS.items()
    ]
    return "Three probabilities in [0, 1] for each pixel of the image:\n\n" + "\n".join(lines)


def _input(card: Card) -> str:
    predict = card.bundle.config.predict
    low, high = predict.radius_range
    text = f"""\
Red, green and blue; of gray images, the same three times. Height and width are multiples of \
{card.stride} pixels; mirror images at their edges where they are not."""
    if card.halo:
        text += f"""

Near the edges of a tile the maps are less sure. The description asks for a halo of {card.halo} \
pixels, that is, for tiles that overlap, and so for {card.smallest} pixels at least."""
    text += f"""

Nuclei should have a typical radius of {low:g} to {high:g} pixels. nucleisplit measures it and \
shows other images to the network enlarged or shrunk; here that is up to you."""
    if predict.tta != "none" or predict.scales != (1.0,):
        scales = ", ".join(f"{scale:g}" for scale in predict.scales)
        text += f"""

nucleisplit averages what this model finds in several views of an image (flips and turns: \
{predict.tta}; scales: {scales}); the graphs compute one view."""
    return text


def _described(card: Card) -> str:
    config = card.bundle.config.preprocess
    invert = config.polarity == "invert"
    exchange = ", then light and dark are exchanged" if invert else ""
    constant = ", and 1 of a constant image, here 0" if invert else ""
    return f"""\
Percentile {config.low:g} of the image becomes 0 and percentile {config.high:g} becomes 1, taken \
over all pixels and colour channels together, so that hues stay; what lies beyond is clipped\
{exchange}. The description says so (`scale_range`, `clip`{", `scale_linear`" if invert else ""}), \
and programs that follow it prepare images as nucleisplit does, except that

- nucleisplit takes the percentiles of images of 4 megapixels and more from every second row and \
column, of larger ones from fewer;
- where both percentiles are the same number, as in an image that is almost all background, \
nucleisplit scales from the darkest to the brightest pixel, while `scale_range` leaves every pixel \
above that number at 1{constant};
- `scale_range` adds 0.000001 to the difference of the percentiles, which darkens images of tiny \
numbers (by 1% where the percentiles differ by 0.0001).

The percentiles are those of the whole image. A program that first mirrors it at its edges to make \
a halo takes them of a little more (bioimageio.core 0.11 does); one that takes them of each tile \
shows seams."""


def _not_described(card: Card) -> str:
    config = card.bundle.config.preprocess
    call = ", ".join(f"{key}={value!r}" for key, value in config.model_dump().items())
    return f"""\
The network was trained on images prepared in a way that the format has no words for (variant \
`{config.variant}`, polarity `{config.polarity}`). So the description has no preprocessing at all, \
and the test input is an image that is prepared already. Prepare yours with

```python
from stage1_unet import PreprocessConfig, preprocess

prepared = preprocess(image, PreprocessConfig({call}))  # (H, W, 3) float32 in [0, 1]
```"""


def _stage_two(card: Card) -> str:
    text = """\
nucleisplit cuts the maps at many thresholds and lets trees (LightGBM) choose the best outline of \
every nucleus and predict its IoU. It does both stages itself, on a laptop and offline:

```
nucleisplit infer images/ --model MODEL
```

where MODEL is the name or the folder of the model that this package was made from. Its label \
images, outlines (`--write roi`, `--write geojson`) and table open in Fiji, QuPath, napari and \
ilastik. Maps that were computed with this package can be cut too:

```python
import nucleisplit

split = nucleisplit.Segmenter("MODEL").split(maps)  # (3, H, W) float32
split.labels, split.predicted_iou
```"""
    if classes := card.bundle.manifest.classes:
        text += f"""

The model tells classes of nuclei, too ({", ".join(classes)}): nucleisplit does so by what it \
measures of every nucleus, which is no part of this package either."""
    thresholds = card.bundle.manifest.scores.get("thresholds") or {}
    weight = thresholds.get("border_weight", 1)
    border = "border" if weight == 1 else f"{weight:g} * border"
    seed = "body * (1 - separation)" + (f" * (1 - {border})" if weight else "")
    options = "".join(
        f" --{name.replace('_', '-')} {value:g}" for name, value in thresholds.items()
    )
    text += f"""

Without nucleisplit, a watershed does less well. `{FILES["script"]}` in this package is one that \
needs numpy and scikit-image only:

```
python {FILES["script"]} maps.npy labels.tif{options}
```

Seeds are connected pixels where {seed} exceeds `--seed`, `--min-seed-area` pixels at least; they \
grow to where body exceeds `--body`, highest value first."""
    if not thresholds:
        text += " The thresholds of this model were never tuned: try yours on a few images."
    return text


def _validation(card: Card) -> str:
    text = """\
Label some of your own images and compare: `nucleisplit evaluate images-nuclei/ labels/` gives \
mAP, F1 and panoptic quality of label images, whichever program made them."""
    methods = card.bundle.manifest.scores.get("methods", {})
    rows = [
        f"| {title} | {methods[key]['overall']['map']:.3f} |"
        for key, title in (("threshold", "maps, watershed"), ("trees", "maps, second stage"))
        if key in methods
    ]
    if not rows:
        return text
    images = methods["threshold" if "threshold" in methods else "trees"]["overall"]["images"]
    table = "\n".join(["| | mAP |", "| --- | ---: |", *rows])
    return f"""\
The mAP of the Data Science Bowl 2018 (mean over IoU thresholds 0.50 to 0.95) of the {images} \
training images, each found by networks and trees that have not seen it; the thresholds of the \
watershed were tuned on these images:

{table}

{text}"""


def _training(card: Card) -> str:
    if card.bowl:
        return f"""\
Trained on the training images of the Data Science Bowl 2018, stage 1 (BBBC038v1, Broad Institute, \
CC0: {BOWL_URL}): fluorescence, stained tissue, and a few images in brightfield. Types that \
are rare in it come out worse. For research; not for diagnosis."""
    return f"""\
Trained by its authors on images of their own (fingerprint `{card.bundle.manifest.data}`). For \
research; not for diagnosis."""
