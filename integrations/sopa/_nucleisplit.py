"""For `sopa/segmentation/methods/`: what makes a method for patches, as `cellpose_patch` does."""

from collections.abc import Callable


def nucleisplit_patch(**options) -> Callable:
    """Make a method for `custom_staining_based`: (C, Y, X) patch in, (Y, X) labels out.

    Args:
        **options: Options of `nucleisplit.InferOptions`, such as `min_iou` or `diameter`.
    """
    try:
        from nucleisplit import Segmenter
    except ImportError:
        raise ImportError("nucleisplit is not installed: run `pip install nucleisplit`") from None

    return Segmenter(**options).for_sopa
