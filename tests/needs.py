"""What a test needs that may not be installed."""

from __future__ import annotations

import functools

import pytest


@functools.cache
def has_ipopt() -> bool:
    from sparsesolve.adapters.ipopt import ipopt_available

    return ipopt_available()


def skip_without_ipopt() -> None:
    if not has_ipopt():
        pytest.skip("IPOPT is not installed: pip install 'sparsesolve[ipopt]'")
