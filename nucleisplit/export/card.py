"""What is told of a model: in the metadata of a graph, in a description, in a README."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nucleisplit.model import MANIFEST, MODELS, Bundle, read_manifest
from stage1_unet import CHANNELS

if TYPE_CHECKING:
    from stage1_unet import Predictor

__all__ = ["Card", "make_card"]

_MAINTAINERS = "The nucleisplit maintainers"
_LICENSE = "BSD-3-Clause"
"""Of the bundled models."""


@dataclass(frozen=True)
class Card:
    """Facts about one model."""

    bundle: Bundle
    name: str
    """Bundled name, or that of the folder."""
    stride: int
    """Height and width of an input are multiples of this, pixels."""
    missing: tuple[str, ...]
    """Maps that no network predicts, which are 0."""
    parameters: int
    """Of all networks together."""
    authors: tuple[str, ...]
    license: str | None
    """SPDX identifier."""
    bowl: bool
    """Whether it was trained on the data of a bundled model."""

    @property
    def halo(self) -> int:
        """Margin of a tile that is computed and thrown away, a multiple of the stride."""
        return -(-self.bundle.config.predict.halo // self.stride) * self.stride

    @property
    def smallest(self) -> int:
        """Smallest height and width of which something is left without the halo."""
        return 2 * self.halo + self.stride

    @property
    def expressible(self) -> bool:
        """Whether a description for bioimage.io can say how images are prepared."""
        config = self.bundle.config.preprocess
        return config.variant == "rgb" and config.polarity != "auto" and config.high > 1

    @property
    def metadata(self) -> dict[str, str]:
        """What an ONNX file says about itself."""
        classes = self.bundle.manifest.classes
        return {
            "name": self.name,
            "version": self.bundle.manifest.nucleisplit,
            "fingerprint": self.bundle.fingerprint,
            "stride": str(self.stride),
            "channels": ",".join(CHANNELS),
            "preprocess": self.bundle.config.preprocess.model_dump_json(),
            **({"classes": json.dumps(classes)} if classes else {}),
        }


def make_card(
    bundle: Bundle, predictor: Predictor, authors: Sequence[str] = (), license: str | None = None
) -> Card:
    """Gather the facts; bundled models have authors and a license of their own.

    Parameters
    ----------
    bundle : Bundle
    predictor : Predictor
        Of its networks, computed by torch.
    authors : sequence of str, optional
    license : str, optional
        SPDX identifier.
    """
    folder = bundle.path.resolve()
    bundled = folder.parent == MODELS.resolve()
    known = [read_manifest(path).data for path in MODELS.glob(f"*/{MANIFEST}")]
    return Card(
        bundle,
        folder.name,
        predictor.stride,
        tuple(name for name in CHANNELS if name not in predictor.channels),
        sum(value.numel() for network in bundle.networks() for value in network.parameters()),
        tuple(authors) or ((_MAINTAINERS,) if bundled else ()),
        license or (_LICENSE if bundled else None),
        bundle.manifest.data in known,
    )
