"""What tests and doctests of single stages trace, lower and run: the functions of NumPy."""

from __future__ import annotations

import pytest

import sparsesolve
import sparsesolve.numpy_ops


def pytest_configure(config: pytest.Config) -> None:
    """Load public names before pytest sets modules of the same names beside them."""
    if config.getoption("doctestmodules"):
        for name in sparsesolve.__all__:
            getattr(sparsesolve, name)
