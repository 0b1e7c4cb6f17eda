"""The layers that show a session: its nuclei, and what one of them could be instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from napari.layers import Labels, Shapes
from napari.utils.colormaps import CyclicLabelColormap, label_colormap

from nucleisplit.labels import classes_by_label, trace_outlines
from nucleisplit.viewer.colors import class_table, color_table
from nucleisplit.viewer.doubts import Queue
from nucleisplit.viewer.nucleus import Choice
from nucleisplit.viewer.region import Region, place_in_image
from nucleisplit.viewer.session import Session
from nucleisplit.viewer.shown import Shown

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from nucleisplit.cut import Cut
    from nucleisplit.palette import Color

__all__ = ["COLORINGS", "OTHER", "OWN", "SECOND_OPINION", "NucleiLayers"]

SECOND_OPINION = "second opinion"
"""Name of the layer of outlines."""

OWN, OTHER = "#ffffff", "#ff4fd8"
"""Colours of the outline of a nucleus, and of what it could be."""
COLORINGS = ("predicted IoU", "class", "number")
"""What nuclei may be coloured by."""
_LINE = 0.35
"""Width of an outline, pixels of the image."""
_LOOK = 200
"""Pixels of the screen for the nuclei that are looked at."""


class NucleiLayers:
    """A session as layers of napari.

    Parameters
    ----------
    viewer : ViewerModel
    shown : Shown
    region : Region
        The part of that plane that was segmented.
    session : Session
    own_cut : Cut
        How the model chooses by itself.

    Attributes
    ----------
    labels : Labels
        Its pixels are those of the session: who paints in the one paints in the other.
    queue : Queue
        The doubtful nuclei.
    color_by : {"predicted IoU", "class", "number"}
    names : list of str
        Of the classes, in the order of their colours.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        shown: Shown,
        region: Region,
        session: Session,
        own_cut: Cut,
    ) -> None:
        self.viewer = viewer
        self.session = session
        self.queue = Queue()
        self.queued_for: Any = None
        """The selection that the queue is of."""
        self.color_by = COLORINGS[0]
        self.class_colors: Mapping[str, Color] = {}
        self._told: dict[int, str] = {}
        self.own_cut = own_cut
        self._box = shown.box(region)
        self._axes = shown.axes
        self._place = shown.place(region)
        self._random = label_colormap(49, 0.5)
        self._outlines: Shapes | None = None
        self.labels = Labels(
            self._pixels(),
            name=f"{session.name} nuclei",
            metadata=place_in_image(region, shown.shape),
            **self._place,
        )
        self.labels.contour, self.labels.opacity = 2, 1.0  # image and splits stay in sight

    @property
    def iou(self) -> np.ndarray:
        """Predicted IoU of each nucleus that is there."""
        return self.labels.features["predicted_iou"].to_numpy()

    def show(self) -> None:
        """Add the layer of nuclei, ready to paint one more."""
        self.refresh_features()
        self.labels.selected_label = self.session.result.nuclei + 1
        self.viewer.add_layer(self.labels)

    def refresh(self) -> None:
        """Show the nuclei as they are now; what is measured of them follows by `set_table`."""
        self.labels.data = self._pixels()
        self.refresh_features()

    def refresh_colors(self) -> None:
        """Colour the nuclei, by predicted IoU, class or number."""
        if self.color_by == "number":
            self.labels.colormap = self._random
            return
        iou = self.session.iou_by_label()
        if self.color_by == "class":
            colors = class_table(self.classes, self.class_colors, len(iou) - 1)
        else:
            colors = color_table(iou)
        self.labels.colormap = CyclicLabelColormap(colors=colors)

    @property
    def classes(self) -> dict[int, str]:
        """The class by label: that set by hand, else that which was told when last measured."""
        every = self._told | dict(self.session.state.classes)
        return {label: name for label, name in every.items() if name}

    def set_table(self, table: pd.DataFrame) -> None:
        """Take the measurements of the nuclei as features."""
        features = table.copy()
        features.insert(0, "index", features["label"])
        self.labels.features = features
        self._told = classes_by_label(table)
        if self.color_by == "class":
            self.refresh_colors()

    def look_at(self, label: int, choice: Choice | None) -> None:
        """Bring a nucleus to the middle of the screen, outlined, with what it could be instead."""
        own = self.session.locate([label])
        if own is None:
            return
        boxes = [own]
        if choice is not None:
            rows, columns = choice.window
            boxes.append((rows.start, columns.start, rows.stop, columns.stop))
        low = np.min([box[:2] for box in boxes], axis=0)
        high = np.max([box[2:] for box in boxes], axis=0)
        camera = getattr(
            self.viewer, "scene", self.viewer
        ).camera  # viewer.camera before napari 0.9
        camera.center = tuple(self._on_screen((low + high - 1) / 2))
        size = np.abs(self._on_screen(high) - self._on_screen(low)).max()
        camera.zoom = _LOOK / max(size, 1e-9)
        self.outline(label, choice)

    def outline(self, label: int, choice: Choice | None) -> None:
        """Draw the outline of a nucleus, and over it that of a second opinion."""
        box = self.session.locate([label])
        if box is None:
            return
        part = self.session.labels[box[0] : box[2], box[1] : box[3]]
        drawn = [(ring, OWN) for ring in _rings(np.where(part == label, 1, 0), box[:2])]
        if choice is not None:
            drawn += [(ring, OTHER) for ring in _rings(choice.masks, choice.corner)]
        self.clear_outlines()
        if self._outlines is None or self._outlines not in self.viewer.layers:
            self._outlines = Shapes(ndim=len(self._box), name=SECOND_OPINION, **self._place)
            active = self.viewer.layers.selection.active
            self.viewer.add_layer(self._outlines)
            self.viewer.layers.selection.active = active
        self._outlines.add(
            [self._in_layer(ring) for ring, _ in drawn],
            shape_type="path",
            edge_color=[color for _, color in drawn],
            face_color="transparent",
            edge_width=_LINE,
        )

    def clear_outlines(self) -> None:
        """Draw none."""
        if self._outlines is not None and len(self._outlines.data):
            self._outlines.data = []

    def remove_outlines(self) -> None:
        """Take the layer of outlines away."""
        if self._outlines is not None and self._outlines in self.viewer.layers:
            self.viewer.layers.remove(self._outlines)

    def pixel_at(self, position: Sequence[float]) -> tuple[int, int] | None:
        """The pixel at a place of the world; None where the layer shows none."""
        place = np.round(self.labels.world_to_data(position)).astype(int)
        if not self.labels.visible or (place < 0).any() or (place >= self._box).any():
            return None
        return int(place[self._axes[0]]), int(place[self._axes[1]])

    def refresh_features(self) -> None:
        """Set colours, and as features what is known without measuring."""
        self.refresh_colors()
        labels = self.session.numbers()
        iou, _, origins = self.session.state.known(labels)
        self.labels.features = pd.DataFrame(
            {"index": labels, "label": labels, "predicted_iou": iou, "origin": origins}
        )

    def _pixels(self) -> np.ndarray:
        return self.session.labels.reshape(self._box)

    def _in_layer(self, points: np.ndarray) -> np.ndarray:
        """Row and column as coordinates of the layer."""
        points = np.atleast_2d(points)
        coordinates = np.zeros((len(points), len(self._box)))
        coordinates[:, self._axes] = points
        return coordinates

    def _on_screen(self, point: np.ndarray) -> np.ndarray:
        """Row and column as coordinates of the world, down and right on the screen."""
        dims = self.viewer.dims
        world = np.asarray(self.labels.data_to_world(self._in_layer(point)[0]))
        return world[[axis - (dims.ndim - len(self._box)) for axis in dims.displayed]]


def _rings(masks: np.ndarray, corner: tuple[int, int]) -> list[np.ndarray]:
    """Closed outlines of masks, as row and column in an image whose pixels are whole numbers."""
    rings = [ring for pieces in trace_outlines(masks).pieces for piece in pieces for ring in piece]
    return [np.vstack([ring, ring[:1]])[:, ::-1] + np.array(corner) - 0.5 for ring in rings]
