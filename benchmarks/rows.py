"""One line of results, and the files that hold them.

Separate because the comparison writes them and tables and plots read them. A file is CSV after some
lines ``# name: value`` that say where it was measured.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from .peers import PEERS
from .suite import FAMILIES

__all__ = ["Row", "merged", "read_rows", "write_rows"]


@dataclass(frozen=True, slots=True)
class Row:
    """One tool on one family at one size; medians over the rounds.

    Parameters
    ----------
    family, peer : str
        What, by which tool.
    n, m, nnz, colors : int
        Variables, rows, nonzeros computed, colors; -1 where unknown.
    threads, rounds : int
        Threads allowed; fresh processes measured.
    setup, first, evaluation, best : float, s
        Function to first values; the first evaluation in it; a later one; the quickest one.
    peak, base : float, MB
        Largest resident memory; that after the imports.
    error : float, dimensionless
        Largest difference from our matrix times three random vectors, relative to the same sums
        of absolute values; nan where there is no matrix.
    load : float
        Largest load average of the machine at the beginning of a round.
    status : str
        ``"ok"`` or the reason why there are no numbers.
    """

    family: str
    n: int
    m: int
    nnz: int
    colors: int
    peer: str
    threads: int
    rounds: int
    setup: float
    first: float
    evaluation: float
    best: float
    peak: float
    base: float
    error: float
    load: float
    status: str


def write_rows(path: Path, rows: Sequence[Row], about: Mapping[str, str]) -> None:
    """Write a result file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(f"# {name}: {value}\n" for name, value in about.items())
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([field.name for field in fields(Row)])
        writer.writerows([_text(value) for value in asdict(row).values()] for row in rows)


def read_rows(path: Path) -> tuple[list[Row], dict[str, str]]:
    """Return the rows of a result file and what it says about the machine."""
    lines = path.read_text(encoding="utf-8").splitlines()
    about = dict(line[2:].split(": ", 1) for line in lines if line.startswith("# "))
    kinds = {"str": str, "int": int, "float": float}
    convert = {field.name: kinds[str(field.type)] for field in fields(Row)}
    table = csv.DictReader(line for line in lines if not line.startswith("# "))
    return [Row(**{k: convert[k](v) for k, v in line.items()}) for line in table], about


def merged(old: Sequence[Row], fresh: Sequence[Row]) -> list[Row]:
    """Return all rows in the order of the suite; fresh groups replace old ones as a whole."""
    groups = {(row.family, row.n, row.threads) for row in fresh}
    kept = [row for row in old if (row.family, row.n, row.threads) not in groups]
    families, peers = [family.name for family in FAMILIES], list(PEERS)

    def place(row: Row) -> tuple[int, int, int, int]:
        return row.threads, families.index(row.family), row.n, peers.index(row.peer)

    return sorted([*kept, *fresh], key=place)


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
