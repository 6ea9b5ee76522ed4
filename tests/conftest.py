"""Fixtures, hypothesis profiles, and what happens where IPOPT is missing."""

from __future__ import annotations

import gc
import importlib.util
import os
import zlib
from collections import Counter
from collections.abc import Iterator

import hypothesis
import numpy as np
import pytest
from needs import skip_without_ipopt

from sparsesolve.derivatives import stored
from sparsesolve.derivatives.structures import forget_structures
from sparsesolve.host.cache_folder import CacheFolder

# Derandomized everywhere: a failure seen once is seen by everybody.
hypothesis.settings.register_profile("dev", derandomize=True, deadline=None, max_examples=30)
hypothesis.settings.register_profile("ci", derandomize=True, deadline=None, max_examples=60)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "dev")

REQUIRE_IPOPT = os.environ.get("SPARSESOLVE_REQUIRE_IPOPT", "") not in ("", "0")


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """A generator seeded by the test's own name, so that tests do not depend on their order."""
    return np.random.default_rng(zlib.crc32(request.node.nodeid.encode()))


@pytest.fixture(autouse=True, scope="session")
def no_structures_on_disk() -> Iterator[None]:
    """Many tests change the package: nothing that they make may be met by others later."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(stored, "folder_of_structures", lambda: CacheFolder(None))
        yield


@pytest.fixture(autouse=True)
def own_structures(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tests that change the package meet nothing that was made before, and leave nothing."""
    if "monkeypatch" not in request.fixturenames:
        yield
        return
    forget_structures()
    yield
    forget_structures()


# How IPOPT is called, and which one: the library of a wheel, and the one that cyipopt is linked to
IPOPT_WAYS = {
    "native-wheel": ("native", "wheel"),
    "native-cyipopt": ("native", "cyipopt"),
    "c-cyipopt": ("c", "cyipopt"),
    "cyipopt": ("cyipopt", "cyipopt"),
}


@pytest.fixture(params=list(IPOPT_WAYS))
def ipopt_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let a test run through every way to IPOPT; what never solves does not mind."""
    transport, library = IPOPT_WAYS[request.param]
    if request.node.get_closest_marker("ipopt"):
        package = {"wheel": "casadi", "cyipopt": "cyipopt"}[library]
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
        monkeypatch.setenv("SPARSESOLVE_IPOPT", library)
    monkeypatch.setattr("sparsesolve.adapters.ipopt_way._TRANSPORT", transport)
    return transport


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave each k-th case of a test marked `every(k)` in the default run; the rest is slow.

    Of one marked `slow_cases` the named cases are slow.
    """
    seen: Counter[str] = Counter()
    for item in items:
        mark = item.get_closest_marker("slow_cases")
        if mark and item.nodeid.partition("[")[2].removesuffix("]") in mark.args:
            item.add_marker(pytest.mark.slow)
        if mark := item.get_closest_marker("every"):
            test = item.nodeid.partition("[")[0]
            if seen[test] % mark.args[0]:
                item.add_marker(pytest.mark.slow)
            seen[test] += 1


def pytest_collection_finish() -> None:
    """Let the collector pass over the tests themselves, of which there are thousands."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("cyipopt") and importlib.util.find_spec("cyipopt") is None:
        pytest.skip("cyipopt is not installed: run scripts/test")
    if item.get_closest_marker("ipopt"):
        skip_without_ipopt()
    if item.get_closest_marker("posix") and os.name != "posix":
        pytest.skip("needs signals, links or bits of files as Unix has them")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Where IPOPT is required (CI), a skipped IPOPT test is a failed one."""
    report = yield
    marked = item.get_closest_marker("ipopt") or item.get_closest_marker("cyipopt")
    if REQUIRE_IPOPT and marked and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped although SPARSESOLVE_REQUIRE_IPOPT is set: {report.longrepr}"
    return report
