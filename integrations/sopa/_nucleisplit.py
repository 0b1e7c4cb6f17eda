"""For `sopa/segmentation/methods/`: what makes a method for patches, as `cellpose_patch` does."""

from collections.abc import Callable


def nucleisplit_patch(channels: list[str] | None = None, **options) -> Callable:
    """Make a method for `custom_staining_based`: (C, Y, X) patch in, (Y, X) labels out.

    Args:
        channels: Names of the channels of the patch; not used.
        **options: Options of `nucleisplit.InferOptions`, such as `min_iou` or `diameter`.
    """
    try:
        from nucleisplit import Segmenter
    except ImportError:
        raise ImportError("nucleisplit is not installed: run `pip install nucleisplit`") from None

    return Segmenter(**options).for_sopa
