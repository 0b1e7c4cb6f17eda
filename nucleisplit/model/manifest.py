"""The manifest of a model: what its folder holds, and how that came to be."""

from __future__ import annotations

import hashlib
import json
import math
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from nucleisplit.errors import BundleError

MANIFEST = "manifest.json"
"""Its name in the folder of the model."""

FORMAT = 1
"""Raised whenever an older program could misread a newer bundle."""


class Manifest(BaseModel):
    """What ``manifest.json`` holds."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    format: int
    """The bundle format, see `FORMAT`."""
    nucleisplit: str
    """Version of the program that wrote the bundle."""
    libraries: dict[str, str]
    """Versions of the libraries that the model was trained with."""
    config: dict[str, Any]
    """The settings of the run, `RunConfig.to_dict`."""
    data: str
    """Fingerprint of the training data: SHA-256 over image names and file contents."""
    scores: dict[str, Any]
    """Out-of-fold scores, as written by ``train-trees``."""
    networks: tuple[str, ...] = Field(min_length=1)
    """File names of the networks; their maps are averaged."""
    files: dict[str, str]
    """SHA-256 of every other file of the bundle, by path relative to the folder."""
    weights: tuple[float, ...] = ()
    """How much each network counts; empty: all alike."""
    quantized: tuple[str, ...] = ()
    """File names of the same networks in int8, made by ``quantize``; empty: there are none."""
    classes: tuple[str, ...] = ()
    """Classes of nuclei that the model tells apart; empty: none."""
    class_colors: dict[str, str] = {}
    """Colours of the classes that have one of their own, ``#rrggbb`` by name."""
    base: str = ""
    """Fingerprint of the model whose trees were adapted to further images; empty: not adapted."""

    @model_validator(mode="after")
    def _weights_fit(self) -> Manifest:
        if self.weights and len(self.weights) != len(self.networks):
            raise ValueError(f"{len(self.weights)} weights for {len(self.networks)} networks")
        if not all(0 < weight < math.inf for weight in self.weights):
            raise ValueError(f"weights must be positive, got {self.weights}")
        if self.quantized and len(self.quantized) != len(self.networks):
            raise ValueError(f"{len(self.quantized)} in int8 of {len(self.networks)} networks")
        for name, colour in self.class_colors.items():
            if name not in self.classes or not re.fullmatch("#[0-9a-f]{6}", colour):
                raise ValueError(f"{colour!r} is no colour of a class ({name!r})")
        return self

    def to_dict(self) -> dict[str, Any]:
        """Plain types only; fields that came later are left out unless set, as in old models."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over all of the above: the identity of the model."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def read_manifest(path: Path) -> Manifest:
    """Read a manifest and check that it is as it was written.

    Raises
    ------
    BundleError
        It is missing or no manifest, its format is not `FORMAT`, or it has changed.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BundleError(
            f"{path}: is missing", hint="give a folder written by nucleisplit train-trees"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(
            f"{path}: cannot be read: {error}", hint="copy the whole model folder again"
        ) from error
    if not isinstance(values, dict) or "format" not in values:
        raise BundleError(
            f"{path}: is not the manifest of a model",
            hint="give a folder written by nucleisplit train-trees",
        )
    if values["format"] != FORMAT:
        raise BundleError(
            f"{path}: has format {values['format']!r}, this nucleisplit reads {FORMAT}",
            hint="use the version of nucleisplit that wrote it, or train the model anew",
        )
    recorded = values.pop("fingerprint", None)
    try:
        manifest = Manifest.model_validate(values)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise BundleError(
            f"{path}: {where}: {error.errors()[0]['msg']}", hint="copy the model folder again"
        ) from error
    if manifest.fingerprint != recorded:
        raise BundleError(
            f"{path}: has changed since the model was written",
            hint="copy the whole model folder again",
        )
    return manifest
