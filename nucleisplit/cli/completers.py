"""What the shell completes where a word is no plain choice."""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import CompletionItem
from platformdirs import user_data_path

import nucleisplit

__all__ = ["complete_files", "complete_models", "complete_words", "model_names"]


def model_names() -> list[str]:
    """The names of the models, bundled and added; as `nucleisplit.model`, without its imports."""
    added = user_data_path("nucleisplit", appauthor=False)
    homes = (Path(nucleisplit.__file__).parent / "models", added / "models")
    return sorted(path.parent.name for home in homes for path in home.glob("*/manifest.json"))


def complete_models(
    _context: click.Context, _parameter: click.Parameter, start: str
) -> list[CompletionItem]:
    """Folders, and after them the names: the shells forget words before folders."""
    names = [CompletionItem(name) for name in model_names() if name.startswith(start)]
    return [CompletionItem(start, type="dir"), *names]


def complete_files(
    _context: click.Context, _parameter: click.Parameter, start: str
) -> list[CompletionItem]:
    """Files and folders."""
    return [CompletionItem(start, type="file")]


def complete_words(words: tuple[str, ...]):
    """Words from a list, with commas between them."""

    def complete(
        _context: click.Context, _parameter: click.Parameter, start: str
    ) -> list[CompletionItem]:
        before, comma, last = start.rpartition(",")
        taken = before.split(",")
        fitting = [word for word in words if word.startswith(last) and word not in taken]
        return [CompletionItem(before + comma + word) for word in fitting]

    return complete
