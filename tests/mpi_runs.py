"""Runs of `petsc_cases` by several processes, each once, for the tests of `tests/petsc`."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

CASES = Path(__file__).with_name("petsc_cases.py")
HERE = importlib.util.find_spec("petsc4py") is not None and shutil.which("mpiexec") is not None
ASKED = os.environ.get("SPARSESOLVE_CLUSTER", "") not in ("", "0")

needs_petsc = pytest.mark.skipif(
    not (HERE and ASKED), reason="scripts/test-cluster runs these, with petsc4py and mpiexec"
)

# for Open MPI: as root, more ranks than processors, none bound to one
_OPEN_MPI = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "OMPI_MCA_hwloc_base_binding_policy": "none",
    "OMPI_MCA_mpi_yield_when_idle": "1",
}


def launched(
    ranks: int, group: str, *options: str, folder: str = "."
) -> subprocess.CompletedProcess[str]:
    """Run a group of cases; options go to PETSc."""
    env = os.environ | _OPEN_MPI | {"OMP_NUM_THREADS": "1"}
    command = ["mpiexec", "-n", str(ranks), sys.executable, str(CASES), group, folder, *options]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=240)


@functools.cache
def results(ranks: int, group: str) -> list[dict[str, Any]]:
    """Return what each rank found, by case."""
    with tempfile.TemporaryDirectory() as folder:
        run = launched(ranks, group, folder=folder)
        assert run.returncode == 0, run.stdout + run.stderr
        return [json.loads((Path(folder) / f"{k}.json").read_text()) for k in range(ranks)]
