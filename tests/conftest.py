"""Fixtures, hypothesis profiles, and what happens where IPOPT is missing."""

from __future__ import annotations

import importlib.util
import os
import zlib
from collections.abc import Iterator

import hypothesis
import numpy as np
import pytest

# Derandomized everywhere: a failure seen once is seen by everybody.
hypothesis.settings.register_profile("dev", derandomize=True, deadline=None, max_examples=30)
hypothesis.settings.register_profile("ci", derandomize=True, deadline=None, max_examples=60)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "dev")

REQUIRE_IPOPT = os.environ.get("SPARSESOLVE_REQUIRE_IPOPT", "") not in ("", "0")


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """A generator seeded by the test's own name, so that tests do not depend on their order."""
    return np.random.default_rng(zlib.crc32(request.node.nodeid.encode()))


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("ipopt") and importlib.util.find_spec("cyipopt") is None:
        pytest.skip("cyipopt is not installed: run scripts/test, or pip install sparsesolve[ipopt]")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Where IPOPT is required (CI), a skipped IPOPT test is a failed one."""
    report = yield
    if REQUIRE_IPOPT and item.get_closest_marker("ipopt") and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped although SPARSESOLVE_REQUIRE_IPOPT is set: {report.longrepr}"
    return report
