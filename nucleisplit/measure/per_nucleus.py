"""Measure the nuclei of a label image: one row each.

Names and definitions are those of `skimage.measure.regionprops_table` wherever it has one, to which
the tests hold every column; that function takes seconds for a thousand nuclei.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .columns import Measures, in_order, type_of
from .intensity import add_up, measure_intensities, to_numbers
from .micrometres import add_micrometres
from .neighbours import Touches, measure_neighbours
from .regions import Regions
from .shape import measure_shapes
from .texture import measure_textures

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["add_neighbours", "as_table", "measure", "measure_alone"]


def measure(
    labels: np.ndarray,
    image: np.ndarray,
    predicted_iou: np.ndarray | None = None,
    threshold: np.ndarray | None = None,
    measures: Measures | None = None,
    *,
    channels: np.ndarray | None = None,
    pixel_size: tuple[float, float] | None = None,
    regions: Regions | None = None,
) -> pd.DataFrame:
    """Measure every nucleus.

    Parameters
    ----------
    labels : (H, W) integer ndarray
        0 = background; numbers need not be consecutive.
    image : (H, W) or (H, W, C) ndarray
        A fourth channel, alpha, is left out.
    predicted_iou, threshold : (n,) ndarray, optional
        One value per nucleus, by ascending label; without them the columns hold NaN.
    measures : Measures, optional
        What is measured; shape, intensity and neighbours by default.
    channels : (H, W) or (H, W, C) ndarray, optional
        What is measured channel by channel, where that is not the image.
    pixel_size : (float, float), optional
        Height and width of a pixel, um: adds columns in um.
    regions : Regions, optional
        Of these labels, where they are at hand.

    Returns
    -------
    DataFrame
        One row per nucleus, by ascending label; `Measures.columns` names the columns, and
        docs/formats.md says what they mean.

    Raises
    ------
    ValueError
        Shapes that do not match, or another number of values than nuclei.

    Examples
    --------
    >>> labels = np.array([[0, 0, 0, 0], [0, 7, 7, 0], [0, 7, 7, 0], [0, 0, 0, 0]])
    >>> table = measure(labels, 10 * labels, predicted_iou=[0.9], pixel_size=(0.5, 0.5))
    >>> table.loc[0, ["centroid-0", "area", "area_um2", "intensity_mean"]].tolist()
    [1.5, 4.0, 1.0, 70.0]
    """
    measures = measures or Measures()
    given = labels, image, predicted_iou, threshold, measures
    table = measure_alone(*given, channels=channels, regions=regions)
    if "neighbours" in measures:
        touches = Touches()
        touches.add(labels)
        add_neighbours(table, touches.pairs(), measures, pixel_size)
    if pixel_size is not None:
        add_micrometres(table, pixel_size)
    return table[in_order(table)]


def measure_alone(
    labels: np.ndarray,
    image: np.ndarray,
    predicted_iou: np.ndarray | None,
    threshold: np.ndarray | None,
    measures: Measures,
    *,
    channels: np.ndarray | None = None,
    regions: Regions | None = None,
) -> pd.DataFrame:
    """Measure what does not depend on other nuclei, in pixels; parameters as of `measure`."""
    labels, image = np.asarray(labels), np.asarray(image)
    for pixels in (image, image if channels is None else channels):
        if labels.ndim != 2 or pixels.shape[:2] != labels.shape:
            raise ValueError(
                f"labels are {labels.shape}, the image {pixels.shape}; expected one size"
            )
    if regions is None:
        regions = Regions.of(labels)
    box, n = regions.box, len(regions)
    columns = {
        "label": regions.ids,
        "centroid-0": regions.moments[0],
        "centroid-1": regions.moments[1],
        **{f"bbox-{side}": box[side] for side in range(4)},
        "area": regions.area,
        "predicted_iou": _given(predicted_iou, n, "predicted_iou"),
        "threshold": _given(threshold, n, "threshold"),
        "touches_edge": (box[:2] == 0).any(0)
        | (box[2:] == np.reshape(labels.shape, (2, 1))).any(0),
    }
    if "shape" in measures:
        columns |= measure_shapes(regions)
    values = regions.pick(image)
    light, count = add_up(values)
    if "intensity" in measures:
        columns |= measure_intensities(regions, light, count)
        several = values if channels is None else regions.pick(channels)
        for number, channel in enumerate(_separate(several, alpha=channels is None)):
            found = measure_intensities(regions, to_numbers(channel))
            columns |= {f"{name}-{number}": column for name, column in found.items()}
    if "texture" in measures:
        columns |= measure_textures(regions, light)
    return as_table(columns)


def add_neighbours(
    table: pd.DataFrame,
    pairs: np.ndarray,
    measures: Measures,
    pixel_size: tuple[float, float] | None = None,
) -> None:
    """Add the columns of `measure_neighbours` to the table of a whole image, in place."""
    columns = measure_neighbours(
        table["label"].to_numpy(),
        pairs,
        table[["centroid-0", "centroid-1"]].to_numpy(),
        measures.near(table["area"].to_numpy()),
        pixel_size,
    )
    for name, values in columns.items():
        table[name] = values.astype(type_of(name))


def as_table(columns: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Make a table of columns: in order, each of its type."""
    import pandas as pd

    typed: dict[str, Any] = {
        name: np.asarray(columns[name], type_of(name)) for name in in_order(columns)
    }
    return pd.DataFrame(typed)


def _given(values: np.ndarray | None, n: int, name: str) -> np.ndarray:
    if values is None:
        return np.full(n, np.nan)
    if len(values) != n:
        raise ValueError(f"{len(values)} values of {name} for {n} nuclei")
    return np.asarray(values, np.float64)


def _separate(values: np.ndarray, alpha: bool) -> list[np.ndarray]:
    """Return the channels that get columns of their own: none where there is but one."""
    if values.ndim == 1 or values.shape[1] == 1:
        return []
    return list(values[:, : 3 if alpha else None].T)
