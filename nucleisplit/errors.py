"""The errors that nucleisplit raises on purpose: one line each, naming the file and the remedy."""

from __future__ import annotations

__all__ = [
    "BundleError",
    "Cancelled",
    "ConfigError",
    "DatasetError",
    "InputError",
    "InputWarning",
    "NucleisplitError",
    "OutputError",
]


class NucleisplitError(Exception):
    """Base of every error that a user can cause and a user can repair.

    Parameters
    ----------
    message : str
        What is wrong, led by the path it concerns: ``"a.png: is empty (0 bytes)"``.
    hint : str, optional
        What to do about it.

    Notes
    -----
    ``str(error)`` is one line, whatever line breaks the parts hold.

    Examples
    --------
    >>> print(NucleisplitError("a.png: is empty (0 bytes)", "copy it again"))
    a.png: is empty (0 bytes); copy it again
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message, hint)
        self.message = " ".join(str(message).split())
        self.hint = " ".join(str(hint).split()) if hint else None

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class InputError(NucleisplitError):
    """An image, label image or path given by the user cannot be used."""


class DatasetError(NucleisplitError):
    """A folder or table does not make a dataset."""


class ConfigError(NucleisplitError):
    """A configuration file or option holds an unknown key or an impossible value."""


class BundleError(NucleisplitError):
    """A model bundle is incomplete, changed, or of another version."""


class OutputError(NucleisplitError):
    """A result cannot be written, or would replace an earlier one."""


class Cancelled(NucleisplitError):
    """The work was stopped on request: what a hook for progress raises to end it."""


class InputWarning(UserWarning):
    """A file can be used, but likely not as was meant; the text names it and says why."""
