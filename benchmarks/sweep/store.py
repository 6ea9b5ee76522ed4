"""Rows in SQLite, one a cell, written as soon as the cell ends; exports as CSV and Parquet.

Separate because a run may be stopped at any time and goes on from what stands here. Only the
process that started the run writes. A cell is known by problem, solver, way and seed; a second row
for the same cell replaces the first.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import math
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from types import TracebackType
from typing import Any

from .posed import Description

__all__ = ["COLUMNS", "FAILED", "KEY", "Store"]

KEY = ("problem", "solver", "way", "seed")

FAILED = ("error", "crash", "time-limit", "memory-limit")
"""Outcomes after which a cell may be tried again. The others are `ok` and `not-applicable`."""

COLUMNS: dict[str, str] = {
    "problem": "TEXT", "solver": "TEXT", "way": "TEXT", "seed": "INTEGER",
    "source": "TEXT", "classification": "TEXT", "known": "REAL",
    "n": "INTEGER", "m": "INTEGER", "nnz_jacobian": "INTEGER", "nnz_hessian": "INTEGER",
    "outcome": "TEXT", "reason": "TEXT",
    "status": "TEXT", "message": "TEXT", "note": "TEXT",
    "objective": "REAL", "violation": "REAL", "stationarity": "REAL", "complementarity": "REAL",
    "multipliers": "TEXT",
    "iterations": "INTEGER", "calls_function": "INTEGER", "calls_gradient": "INTEGER",
    "calls_constraints": "INTEGER", "calls_jacobian": "INTEGER", "calls_hessian": "INTEGER",
    "seconds": "REAL", "seconds_preparation": "REAL", "seconds_derivatives": "REAL",
    "seconds_load": "REAL", "seconds_process": "REAL", "seconds_cpu": "REAL",
    "peak_megabytes": "REAL", "load_average": "REAL",
    "time_limit": "REAL", "memory_limit": "REAL",
    "date": "TEXT", "machine": "TEXT", "python": "TEXT", "versions": "TEXT", "commit": "TEXT",
}  # fmt: skip
"""Columns of a row. Seconds: of the solve from the plain functions to the answer, and the parts of
it spent on preparing and in callbacks; building the problem; the whole process."""


class Store:
    """A folder with ``results.sqlite``; a context manager.

    Parameters
    ----------
    folder : Path
        Made where it does not exist.
    fresh : bool, optional
        Forget what stands there. Default is False.

    Raises
    ------
    ValueError
        If the results there have other columns.
    """

    def __init__(self, folder: Path, *, fresh: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._base = sqlite3.connect(folder / "results.sqlite")
        if fresh:
            self._base.executescript("DROP TABLE IF EXISTS cells; DROP TABLE IF EXISTS problems;")
        columns = ", ".join(f'"{name}" {kind}' for name, kind in COLUMNS.items())
        self._base.executescript(
            f"CREATE TABLE IF NOT EXISTS cells ({columns}, PRIMARY KEY ({', '.join(KEY)}));"
            "CREATE TABLE IF NOT EXISTS problems (problem TEXT PRIMARY KEY, words TEXT);"
        )
        there = [str(line[1]) for line in self._base.execute("PRAGMA table_info(cells)")]
        if there != list(COLUMNS):
            self._base.close()
            raise ValueError(
                f"Results in {folder} must have the columns of this version, and differ in "
                f"{', '.join(sorted(set(there) ^ set(COLUMNS))) or 'their order'}. Use --fresh, or "
                "another folder."
            )

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._base.close()

    def add(self, row: Mapping[str, Any]) -> None:
        """Write one row and commit it.

        Raises
        ------
        ValueError
            If a column is unknown.
        """
        if unknown := set(row) - set(COLUMNS):
            raise ValueError(f"A row must have columns of COLUMNS only, got {sorted(unknown)} too.")
        names = ", ".join(f'"{name}"' for name in row)
        marks = ", ".join("?" * len(row))
        with self._base:
            self._base.execute(
                f"INSERT OR REPLACE INTO cells ({names}) VALUES ({marks})",
                [_plain(value) for value in row.values()],
            )

    def rows(self) -> list[dict[str, Any]]:
        """Return all rows, in order of problem, solver and way."""
        names = ", ".join(f'"{name}"' for name in COLUMNS)
        found = self._base.execute(
            f"SELECT {names} FROM cells ORDER BY problem COLLATE NOCASE, solver, way, seed"
        )
        return [dict(zip(COLUMNS, values, strict=True)) for values in found]

    def outcomes(self) -> dict[tuple[str, str, str, int], str]:
        """Return the outcome of each cell that has one; a solve out of time is no success."""
        found = self._base.execute("SELECT problem, solver, way, seed, outcome, status FROM cells")
        late = "time-limit"
        return {(p, s, w, k): late if t == late else o for p, s, w, k, o, t in found}

    def describe(self, problem: str, description: Description) -> None:
        """Remember a description, so that a problem is read once."""
        with self._base:
            self._base.execute(
                "INSERT OR REPLACE INTO problems VALUES (?, ?)",
                (problem, json.dumps(asdict(description))),
            )

    def descriptions(self) -> dict[str, Description]:
        """Return all descriptions by problem."""
        names = {field.name for field in fields(Description)}
        found = {}
        for problem, text in self._base.execute("SELECT problem, words FROM problems"):
            words = json.loads(text)
            if set(words) == names:
                found[problem] = Description(**words)
        return found

    def export(self) -> list[Path]:
        """Write ``results.csv``, and ``results.parquet`` where pyarrow is installed.

        Returns
        -------
        list of Path
            What was written.
        """
        rows = self.rows()
        written = [_write_csv(self.folder / "results.csv", rows)]
        if importlib.util.find_spec("pyarrow") is not None:
            written.append(_write_parquet(self.folder / "results.parquet", rows))
        return written


def _plain(value: Any) -> Any:
    """SQLite has no NaN (it stores NULL); infinity it has."""
    return None if isinstance(value, float) and math.isnan(value) else value


def _write_csv(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(COLUMNS), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def _write_parquet(path: Path, rows: list[dict[str, Any]]) -> Path:
    import pyarrow
    import pyarrow.parquet

    kinds = {"TEXT": pyarrow.string(), "INTEGER": pyarrow.int64(), "REAL": pyarrow.float64()}
    schema = pyarrow.schema([(name, kinds[kind]) for name, kind in COLUMNS.items()])
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, schema=schema), path)
    return path
