"""One image of a batch, which may be a part of a file or of a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nucleisplit.endings import stem_of

__all__ = ["Part"]


@dataclass(frozen=True)
class Part:
    """One image of a batch."""

    path: Path
    """What to open."""
    scene: int | None = None
    """Its number, of a file that holds several, all of which are done."""
    plate: Path | None = None
    """The plate that it is a field of."""

    @property
    def name(self) -> str:
        """What the table calls it, unless another image is called so."""
        if self.plate is not None:
            return f"{self.plate.name}/{self._place}"
        return self.path.name if self.scene is None else f"{self.path.name}#{self.scene}"

    @property
    def full_name(self) -> str:
        """What the table calls it where another image has its name."""
        return self.path.as_posix() + ("" if self.scene is None else f"#{self.scene}")

    @property
    def named_after(self) -> Path:
        """The path from which the names of its outputs are made."""
        if self.plate is not None:
            return self.plate / f"{self._place.replace('/', '_')}.zarr"
        if self.scene is None:
            return self.path
        stem = stem_of(self.path)
        return self.path.with_name(f"{stem}_{self.scene}{self.path.name.removeprefix(stem)}")

    @property
    def facts(self) -> dict:
        """What to say of where it is: its number, or of a field its well (A1) and its own name."""
        if self.plate is not None:
            row, column, field = self._place.split("/")
            return {"well": row + column, "field": field}
        return {} if self.scene is None else {"scene": self.scene}

    @property
    def _place(self) -> str:
        return "/".join(self.path.absolute().parts[-3:])
