"""Write docs/settings.md: every setting of ``--config``, with its default and what it does.

    python docs/make_settings.py [--check]

With --check nothing is written; the exit code says whether the page is up to date.
"""

import argparse
import json
import sys
from pathlib import Path

from pydantic import BaseModel

from nucleisplit.config import RunConfig

PAGE = Path(__file__).parent / "settings.md"
HEAD = """\
# Settings of a training

<!-- written by docs/make_settings.py -->

`nucleisplit train`, `train-unet` and `train-trees` take a file with `--config train.toml`. It has
any of the sections below; what it leaves out keeps its default, and a key that is unknown or a
value that cannot be is refused before anything is done. With `--init`, `lr` is 0.0005 unless the
file sets it.

```toml
[train]
steps = 6000
scale = [0.5, 2.0]

[predict]
tta = "flips"
```

The sections `preprocess`, `network`, `train`, `pseudo` and `predict` belong to the networks
(`train-unet`): a run that goes on has to have the same. The others belong to the trees
(`train-trees`), which takes another file at will. How long it takes, and how good it gets, is
settled above all by `steps`, `batch` and `crop` of `[train]` and by `architecture` of `[network]`;
most of the rest can stay as it is.
"""


def section(name: str, title: str, model: type[BaseModel]) -> str:
    """A table with a row for each setting of a section."""
    defaults = model().model_dump(mode="json")
    schema = model.model_json_schema()["properties"]
    rows = [
        f"| `{key}` | `{toml(defaults[key])}` | {values(schema[key])} | {cell(field.description)} |"
        for key, field in model.model_fields.items()
    ]
    head = ["| setting | default | values | what it does |", "|---|---|---|---|"]
    return "\n".join([f"## {name}", "", title, "", *head, *rows, ""])


def values(schema: dict) -> str:
    """The choices of a setting, or its least and largest value; nothing for lists and texts."""
    if "enum" in schema:
        return ", ".join(f"`{toml(choice)}`" for choice in schema["enum"])
    if schema.get("type") == "boolean":
        return "`true`, `false`"
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    parts = [
        f"from {low:g}" if low is not None else "",
        f"above {above:g}" if above is not None else "",
        f"to {high:g}" if high is not None else "",
        f"below {below:g}" if below is not None else "",
    ]
    return " ".join(part for part in parts if part)


def toml(value: object) -> str:
    """A value as it stands in the file; what has none there is left out of it."""
    return "left out" if value is None else json.dumps(value)


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def page() -> str:
    sections = [
        section(name, field.description, field.annotation)
        for name, field in RunConfig.model_fields.items()
    ]
    return "\n".join([HEAD, *sections])


def write(check: bool) -> None:
    text = page()
    there = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    if check and text != there:
        sys.exit(f"{PAGE}: out of date; run python docs/make_settings.py")
    if text != there:
        PAGE.write_text(text, encoding="utf-8")
        print(f"{PAGE}: written")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    write(parser.parse_args().check)
