"""The table of nuclei as Parquet, for pandas, R and databases, and as CSV, as from ``infer``."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from nucleisplit.errors import ConfigError, InputError
from nucleisplit.io.atomic import replacing
from nucleisplit.io.readers import read_bytes
from nucleisplit.io.writers import write_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["is_parquet", "need_pyarrow", "read_nuclei", "stream_to_parquet", "write_nuclei"]


def is_parquet(path: str | Path) -> bool:
    """Tell a table of Parquet by its ending."""
    return Path(path).suffix.lower() == ".parquet"


def write_nuclei(path: str | Path, table: pd.DataFrame, overwrite: bool = False) -> None:
    """Write a table of nuclei: Parquet where the name ends in ``.parquet``, else CSV.

    Parameters
    ----------
    path : str or Path
    table : DataFrame
        As `Segmentation.table`, or with the column ``image`` as in ``nuclei.csv``. Parquet keeps
        types and every digit, CSV six.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    OutputError
        See `nucleisplit.io.atomic.replacing`.
    ConfigError
        Parquet is asked for, and pyarrow is not installed.
    """
    if not is_parquet(path):
        return write_table(path, table, overwrite)
    need_pyarrow()
    with replacing(path, overwrite) as part:
        table.to_parquet(part, index=False, engine="pyarrow")


def stream_to_parquet(csv: str | Path, parquet: str | Path, types: dict[str, str]) -> None:
    """Write a table of nuclei as Parquet, a part at a time, however long it is.

    Parameters
    ----------
    csv : str or Path
    parquet : str or Path
        Replaced where it exists.
    types : dict
        Column to type, as pyarrow names it; the types of other columns are told by their first
        rows.

    Raises
    ------
    OutputError
        See `nucleisplit.io.atomic.replacing`.
    ConfigError
        pyarrow is not installed.
    """
    need_pyarrow()
    import pyarrow
    from pyarrow.csv import ConvertOptions, open_csv
    from pyarrow.parquet import ParquetWriter

    known = {name: pyarrow.type_for_alias(kind) for name, kind in types.items()}
    with (
        open_csv(csv, convert_options=ConvertOptions(column_types=known)) as reader,
        replacing(parquet, overwrite=True) as part,
        ParquetWriter(part, reader.schema) as writer,
    ):
        for batch in reader:
            writer.write_batch(batch)


def read_nuclei(path: str | Path) -> pd.DataFrame:
    """Read a table of nuclei, CSV or Parquet by its ending.

    Raises
    ------
    InputError
        The file cannot be read, or has no column ``label``.
    ConfigError
        It is Parquet, and pyarrow is not installed.
    """
    import pandas as pd

    path = Path(path)
    if is_parquet(path):
        need_pyarrow()
    data = io.BytesIO(read_bytes(path))
    try:
        if is_parquet(path):
            table = pd.read_parquet(data, engine="pyarrow")
        else:
            table = pd.read_csv(data, dtype={"image": str}, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: is no table ({error})", "export it again") from None
    if "label" not in table:
        raise InputError(f"{path}: is no table of nuclei, it has no column label", "use nuclei.csv")
    return table


def need_pyarrow() -> None:
    """Raise `ConfigError` where pyarrow is not installed."""
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise ConfigError(
            "Parquet needs pyarrow", "pip install 'nucleisplit[parquet]', or use CSV"
        ) from None
