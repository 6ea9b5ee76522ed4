"""Compiled loops: where nothing can be kept on disk, and while numba compiles."""

from __future__ import annotations

import signal

import numpy as np
import pytest

from sparsesolve.coloring import kernels


def total(values):
    result = 0.0
    for k in range(values.size):
        result += values[k]
    return result


def test_an_installation_that_cannot_be_written_to(monkeypatch):
    plain = kernels.njit

    def njit(function=None, *, cache=False):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return plain(function)

    monkeypatch.setattr(kernels, "njit", njit)
    assert kernels.kernel(total)(np.arange(4.0)) == 6.0


def test_a_signal_waits_while_numba_compiles(monkeypatch):
    seen = []

    class Dispatcher:
        def _compile_for_args(self, *args):
            signal.raise_signal(signal.SIGINT)
            seen.append("compiled")

    made = Dispatcher()
    monkeypatch.setattr(kernels, "njit", lambda **_: lambda function: made)
    held = kernels.kernel(total)
    with pytest.raises(KeyboardInterrupt):
        held._compile_for_args(1)
    assert seen == ["compiled"]
