"""Whose work a model rests on, as bioimage.io wants it told."""

from __future__ import annotations

__all__ = ["BOWL_URL", "bowl_dataset", "citations"]

BOWL_URL = "https://bbbc.broadinstitute.org/BBBC038"

_UNET = {
    "text": "Ronneberger O, Fischer P, Brox T (2015). U-Net: convolutional networks for biomedical "
    "image segmentation. MICCAI 2015, LNCS 9351, 234-241.",
    "doi": "10.1007/978-3-319-24574-4_28",
}
_BOWL = {
    "text": "Caicedo JC, Goodman A, Karhohs KW, et al. (2019). Nucleus segmentation across imaging "
    "experiments: the 2018 Data Science Bowl. Nature Methods 16, 1247-1253.",
    "doi": "10.1038/s41592-019-0612-7",
}
_COLLECTION = {
    "text": "Ljosa V, Sokolnicki KL, Carpenter AE (2012). Annotated high-throughput microscopy "
    "image sets for validation. Nature Methods 9, 637.",
    "doi": "10.1038/nmeth.2083",
}


def citations(bowl: bool) -> list[dict[str, str]]:
    """List the papers to cite, `bowl` for a model trained on the Data Science Bowl 2018."""
    return [_UNET, *([_BOWL, _COLLECTION] if bowl else [])]


def bowl_dataset() -> dict:
    """Describe the training images of the Data Science Bowl 2018."""
    return {
        "type": "dataset",
        "format_version": "0.3.0",
        "name": "Data Science Bowl 2018 stage 1 training images",
        "description": "BBBC038v1 of the Broad Bioimage Benchmark Collection, stage1_train: images "
        "of nuclei in fluorescence, stained tissue and brightfield, with a mask of every nucleus.",
        "authors": [{"name": "Broad Institute"}],
        "source": BOWL_URL,
        "cite": [_BOWL, _COLLECTION],
        "license": "CC0-1.0",
        "tags": ["nuclei", "instance-segmentation", "dsb2018"],
    }
