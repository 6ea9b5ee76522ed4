"""Curve fits with certified answers: NIST's Statistical Reference Datasets.

They are data and a formula each, small and dense, and hard for their size. The
observations, starting points and certified values are in ``data/nist.json``.

National Institute of Standards and Technology, "StRD nonlinear least squares regression datasets",
https://www.itl.nist.gov/div898/strd/ (public domain).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from .cases import LeastSquaresCase, Vector, free

__all__ = ["NAMES", "nist"]

DATA = Path(__file__).parent / "data" / "nist.json"


def _saturation(b: Vector, x: Vector) -> Vector:
    return b[0] * (1 - np.exp(-b[1] * x))


def _cubic_ratio(b: Vector, x: Vector) -> Vector:
    above = b[0] + b[1] * x + b[2] * x**2 + b[3] * x**3
    return above / (1 + b[4] * x + b[5] * x**2 + b[6] * x**3)


def _two_exponentials(b: Vector, x: Vector) -> Vector:
    return b[0] + b[1] * np.exp(-b[3] * x) + b[2] * np.exp(-b[4] * x)


MODELS: dict[str, Callable[[Vector, Vector], Vector]] = {
    "Misra1a": _saturation,
    "BoxBOD": _saturation,
    "Thurber": _cubic_ratio,
    "Hahn1": _cubic_ratio,
    "MGH09": lambda b, x: b[0] * (x**2 + x * b[1]) / (x**2 + x * b[2] + b[3]),
    "MGH10": lambda b, x: b[0] * np.exp(b[1] / (x + b[2])),
    "MGH17": _two_exponentials,
    "Rat43": lambda b, x: b[0] / (1 + np.exp(b[1] - b[2] * x)) ** (1 / b[3]),
    "Bennett5": lambda b, x: b[0] * (b[1] + x) ** (-1 / b[2]),
}
NAMES = tuple(MODELS)


@cache
def _data() -> dict[str, Any]:
    """Read the file once."""
    datasets: dict[str, Any] = json.loads(DATA.read_text(encoding="utf-8"))
    return datasets


def nist(name: str = "Misra1a", start: int = 2) -> LeastSquaresCase:
    """Fit one of the datasets: residual ``model(b, x) - y``.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    start : {1, 2}
        Starting point of NIST: 1 is far from the answer, 2 is nearer.

    Notes
    -----
    n parameters, m observations, by dataset: Misra1a 2, 14; BoxBOD 2, 6; Thurber 7, 37; Hahn1
    7, 236; MGH09 4, 11; MGH10 3, 16; MGH17 5, 33; Rat43 4, 15; Bennett5 3, 154. Best value: the
    certified residual sum of squares, 11 digits. Nonconvex.
    """
    data = _data()[name]
    x, y = np.array(data["x"]), np.array(data["y"])
    model = MODELS[name]

    def residual(b: Vector) -> Vector:
        return model(b, x) - y

    x0 = np.array(data[f"start_{start}"])
    return LeastSquaresCase(
        residual=residual,
        x0=x0,
        bounds=free(x0.size),
        best=data["certified_rss"],
        solution=np.array(data["certified"]),
    )
