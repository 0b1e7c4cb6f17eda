"""One TOML file for a whole run: every setting of both stages, section by section."""

import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from nucleisplit.errors import ConfigError
from stage1_unet import NetworkConfig, PredictConfig, PreprocessConfig, TrainConfig
from stage2_trees import AdaptConfig, ForestConfig, RegressorConfig, SelectConfig

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class PseudoConfig(BaseModel):
    """Which labels of unlabelled images are believed, and how much they count."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )

    min_iou: float = Field(0.8, ge=0, le=1)
    """Predicted IoU from which a nucleus is taken for true; of the others the loss is not taken."""
    min_map: float = Field(0.5, ge=0, le=1)
    """Predicted mAP from which an image is used."""
    max_background: float = Field(0.2, ge=0, le=1)
    """Body probability above which a pixel outside every nucleus is uncertain, too."""
    share: float = Field(0.25, gt=0, lt=1)
    """Share of the crops that come from pseudo-labelled images."""


class ClassesConfig(BaseModel):
    """Which nuclei are dropped once their class is told; `infer` may say otherwise."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )

    min_iou: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}
    """By class, such as ``{ lymphocyte = 0.6 }``: nuclei with a lower predicted IoU are dropped."""
    min_area: dict[str, Annotated[int, Field(ge=0, le=2**40)]] = {}
    """By class: nuclei of fewer pixels are dropped."""


class RunConfig(BaseModel):
    """All settings of one training run; a model bundle carries a copy of it.

    >>> RunConfig() == RunConfig.model_validate(RunConfig().to_dict())
    True
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )

    preprocess: PreprocessConfig = PreprocessConfig()
    """How an image becomes three float channels."""
    network: NetworkConfig = NetworkConfig()
    """Which network maps the image to body, border and separation."""
    train: TrainConfig = TrainConfig()
    """How the network is trained."""
    pseudo: PseudoConfig = PseudoConfig()
    """Which pseudo-labels are used, if unlabelled images are given."""
    predict: PredictConfig = PredictConfig()
    """Tiles, test-time augmentation and precision of the prediction."""
    forest: ForestConfig = ForestConfig()
    """Which candidates are cut from the maps."""
    trees: RegressorConfig = RegressorConfig()
    """How the regressor of the candidates' IoU is fitted."""
    select: SelectConfig = SelectConfig()
    """Which of the scored candidates are kept."""
    adapt: AdaptConfig = AdaptConfig()
    """How fitted trees learn from corrected images."""
    classes: ClassesConfig = ClassesConfig()
    """Which nuclei are dropped once their class is told."""

    def to_dict(self) -> dict:
        """Plain types only, ready for JSON."""
        return self.model_dump(mode="json")


def load_config(path: str | Path | None = None) -> RunConfig:
    """Read the settings of a run.

    Parameters
    ----------
    path
        A TOML file with any of the sections ``[preprocess]``, ``[network]``, ``[train]``,
        ``[pseudo]``, ``[predict]``, ``[forest]``, ``[trees]``, ``[select]``, ``[adapt]`` and
        ``[classes]``; what it leaves out keeps its default. None gives the defaults.

    Raises
    ------
    ConfigError
        The file cannot be read, is not TOML, or holds an unknown key or a refused value.
    """
    if path is None:
        return RunConfig()
    try:
        values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(f"{path}: cannot be read: {reason}", hint="check the path") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text", hint="write it as a TOML file") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: is not TOML: {error}", hint="correct that line") from error
    return validated(values, source=path)


def validated(values: dict, source: str | Path) -> RunConfig:
    """Build a RunConfig from plain values; complaints name `source`, the key and the remedy.

    >>> validated({"train": {"sped": 2}}, source="a.toml")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    nucleisplit.errors.ConfigError: a.toml: unknown key 'sped' in [train]; did you mean 'seed'? ...
    """
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        message, hint = _explain(error.errors()[0])
        raise ConfigError(f"{source}: {message}", hint=hint) from error


_MEANT = {"epochs": "steps", "iterations": "steps", "learning_rate": "lr", "patch_size": "crop"}
"""What others call our settings -> their names here."""


def _suggest(key: str, model: type[BaseModel]) -> str:
    """Say which setting is likely meant by a key that a section does not have."""
    own = [_MEANT[key]] if _MEANT.get(key) in model.model_fields else []
    own = own or get_close_matches(key, model.model_fields, 1)
    sections = [
        f"[{name}]"
        for name, field in RunConfig.model_fields.items()
        if key in getattr(field.annotation, "model_fields", ())
    ]
    if sections:
        return f"it belongs into {' or '.join(sections)}; "
    return f"did you mean {own[0]!r}? " if own else ""


def _explain(problem: ErrorDetails) -> tuple[str, str]:
    """One pydantic complaint as (what is wrong, what to do)."""
    *parents, key = [part for part in problem["loc"] if isinstance(part, str)] or ["file"]
    place = "".join(f"[{part}]" for part in problem["loc"] if isinstance(part, int))
    if problem["type"] == "extra_forbidden":
        model: Any = RunConfig
        for name in parents:
            model = model.model_fields[name].annotation
        allowed = ", ".join(model.model_fields)
        meant = _suggest(key, model)
        if not parents:
            return f"unknown section or key {key!r}", f"{meant}allowed sections: {allowed}"
        return f"unknown key {key!r} in [{'.'.join(parents)}]", f"{meant}allowed keys: {allowed}"
    where = f"[{'.'.join(parents)}] {key}{place}" if parents else f"[{key}]"
    try:
        value = repr(problem["input"])
    except ValueError:
        value = "a very large number"
    shown = value if len(value) <= 60 else f"{value[:60]}..."
    reason = problem["msg"].removeprefix("Value error, ")
    return f"{where} = {shown} is refused: {reason}", "change that value"
