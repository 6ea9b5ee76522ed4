"""The SIF files and reference values beside the repository, where there are any.

They are not part of it; tests that need them skip where they are missing.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sparsesolve as ss

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "sif"
_FILE = FOLDER / "reference.json"
RECORDS: list[dict[str, Any]] = (
    json.loads(_FILE.read_text(encoding="utf-8"))["problems"] if _FILE.exists() else []
)
BY_NAME = {record["name"]: record for record in RECORDS}
needs_files = pytest.mark.skipif(not RECORDS, reason="no SIF files in ../shared/sif")
TOLERANCE = 1e-8

# sums may cancel: they are compared on the scale of the norm they belong to
_SCALE = {
    "g_sum": "g_norm2",
    "c_sum": "c_norm2",
    "Hf_trace": "Hf_fro",
    "HL_trace": "HL_fro",
}


def load(record: dict[str, Any], **parameters: Any) -> ss.Problem:
    return ss.sif.load(FOLDER / record["sif_file"], **parameters)


def points(problem: ss.Problem) -> dict[str, Any]:
    x0 = problem.x0
    return {"at_x0": x0, "at_x1": x0 + 0.01 * np.sin(np.arange(1, problem.n + 1))}


def values(problem: ss.Problem, x: Any) -> dict[str, float]:
    """The quantities of reference.json at one point."""
    found: dict[str, float] = {}
    if problem.objective is not None:
        g = problem.gradient(x)
        found |= {
            "f": problem.objective_value(x),
            "g_norm2": np.linalg.norm(g),
            "g_norminf": np.abs(g).max(),
            "g_sum": g.sum(),
        }
    ones = np.ones(problem.m)
    if problem.m:
        c, J = problem.constraint_values(x), problem.jacobian(x)
        found |= {
            "c_norm2": np.linalg.norm(c),
            "c_norminf": np.abs(c).max(),
            "c_sum": c.sum(),
            "J_fro": np.linalg.norm(J.data),
            "JTones_norm2": np.linalg.norm(J.T @ ones),
        }
    for name, multipliers in (("HL", ones), ("Hf", 0 * ones)):
        H = problem.lagrangian_hessian(x, multipliers)
        found |= {f"{name}_fro": np.linalg.norm(H.data), f"{name}_trace": H.diagonal().sum()}
    return found


def differences(
    problem: ss.Problem, expected: dict[str, Any], use: dict[str, bool]
) -> list[tuple[str, str, float, float]]:
    """Quantities that differ by more than the tolerance, relative to their size or 1."""
    wrong = []
    for at, x in points(problem).items():
        for name, value in values(problem, x).items():
            flag = "H" if name[0] == "H" else "J" if name[:2] == "JT" else name[0]
            if not use.get(flag, True):
                continue
            reference = expected[at][name]
            assert reference is not None, name
            if reference == "nan":  # 0 * inf in the functions themselves: ours must say so too
                if not np.isnan(value):
                    wrong.append((at, name, float(value), np.nan))
                continue
            scale = max(1.0, abs(reference), expected[at].get(_SCALE.get(name, name)) or 0.0)
            if not abs(value - reference) <= TOLERANCE * scale:
                wrong.append((at, name, float(value), reference))
    return wrong


def digest(names: tuple[str, ...], text: str) -> bool:
    """Whether a digest is that of these names, under one of the usual ways to join them."""
    return any(
        hashlib.sha1(joint.join(names).encode()).hexdigest() == text for joint in ("\n", "", ",")
    )
