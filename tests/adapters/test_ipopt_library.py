"""Which libraries of IPOPT are found, in which order, and what they are found to have."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from nonlinear_problems import hs71

from sparsesolve.adapters import ipopt_library, ipopt_probe
from sparsesolve.adapters.ipopt_library import IpoptLibrary, find_library, found_libraries
from sparsesolve.adapters.ipopt_probe import known_options, library_version, probe
from sparsesolve.errors import SolverUnavailable
from sparsesolve.front import minimize


def place(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"")


@pytest.fixture(autouse=True)
def looked_for_anew() -> Iterator[None]:
    yield
    ipopt_library._installed.cache_clear()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing but what a test puts there."""
    ipopt_library._installed.cache_clear()
    monkeypatch.delenv("SPARSESOLVE_IPOPT", raising=False)
    monkeypatch.setattr(ipopt_library, "_system_folders", lambda: [tmp_path / "lib"])
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "conda"))
    packages = tmp_path / "site-packages"
    monkeypatch.setattr(
        ipopt_library,
        "_package_folder",
        lambda name: packages / name if (packages / name).is_dir() else None,
    )
    return tmp_path


def test_the_newest_comes_first_and_files_tell_versions(machine: Path) -> None:
    place(machine / "lib", "libipopt.so", "libipopt.so.1", "libipopt.so.1.9.9", "libipoptamp.so.9")
    place(
        machine / "site-packages" / "casadi",
        "libipopt.so", "libipopt.so.3", "libipopt.so.3.14.9", "libsipopt.so.4", "libipopt.la",
    )  # fmt: skip
    place(machine / "conda" / "conda-meta")
    place(machine / "conda" / "lib", "libipopt.so.3.14.17")
    cython = machine / "site-packages" / "cyipopt" / "cython"
    place(cython)
    (cython / "ipopt_wrapper.cpython-311.so").write_bytes(b"\0libipopt.so.1\0")
    found = found_libraries()
    assert [(one.origin, one.file_version) for one in found] == [
        ("conda", (3, 14, 17)), ("wheel", (3, 14, 9)), ("system", (1, 9, 9)), ("cyipopt", (1,)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("libipopt.3.dylib", (3,)),
        ("libipopt.3.14.19.dylib", (3, 14, 19)),
        ("libipopt.dylib", ()),
        ("libipopt-3.dll", (3,)),
        ("ipopt-3.dll", (3,)),
        ("libipopt-1a2b3c4d.so.3.14.4", (3, 14, 4)),
    ],
)
def test_names_of_other_platforms(machine: Path, name: str, version: tuple[int, ...]) -> None:
    place(machine / "site-packages" / "casadi", name)
    (found,) = found_libraries()
    assert (found.origin, found.file_version) == ("wheel", version)
    assert found.source.startswith("casadi")


def test_nothing_is_found_where_nothing_is(machine: Path) -> None:
    assert found_libraries() == []
    with pytest.raises(
        SolverUnavailable, match=r"no library of it was found.*sparsesolve\[ipopt\]"
    ):
        find_library()


def test_what_cannot_be_loaded_is_passed_over_and_named(machine: Path) -> None:
    place(machine / "lib", "libipopt.so.3.14.1")
    with pytest.raises(SolverUnavailable, match=r"libipopt.so.3.14.1 cannot be loaded \("):
        find_library()


def test_the_variable_names_a_kind_or_a_file(machine: Path, monkeypatch) -> None:
    place(machine / "lib", "libipopt.so.1.9.9")
    place(machine / "site-packages" / "casadi", "libipopt.so.3")
    monkeypatch.setenv("SPARSESOLVE_IPOPT", "system")
    assert [one.origin for one in found_libraries()] == ["system", "wheel"]
    other = machine / "libipopt.so.3.14.2"
    place(machine, other.name)
    monkeypatch.setenv("SPARSESOLVE_IPOPT", str(other))
    first = found_libraries()[0]
    assert first == IpoptLibrary(str(other), "variable", "named by hand", (3, 14, 2))
    monkeypatch.setenv("SPARSESOLVE_IPOPT", "conda")
    with pytest.raises(SolverUnavailable, match=r"'conda', which is not installed.*wheel, system"):
        found_libraries()
    monkeypatch.setenv("SPARSESOLVE_IPOPT", "/nowhere/libipopt.so")
    with pytest.raises(SolverUnavailable, match="which is no file"):
        found_libraries()


@pytest.mark.ipopt
def test_a_trial_tells_what_works_and_why_not() -> None:
    library = find_library()
    good = probe(library.path)
    assert good.works
    assert good.version == library_version(library.path)
    assert not good.reason
    unknown = probe(library.path, "no-such-solver")
    assert (unknown.works, unknown.reason) == (False, "the library does not know it")
    pardiso = probe(library.path, "pardiso", ("pardisolib=libnowhere.so",))
    assert not pardiso.works
    assert pardiso.reason
    broken = probe("/nowhere/libipopt.so")
    assert not broken.works


@pytest.mark.ipopt
def test_options_are_those_that_the_library_documents() -> None:
    known = known_options(find_library().path)
    assert len(known) > 150
    assert known["tol"].allowed == "0 < value < +inf"
    assert known["tol"].default == "1e-08"
    assert known["max_iter"].allowed == "0 <= value < +inf"
    assert known["mu_strategy"].allowed == "monotone, adaptive"
    assert known["output_file"].allowed == "any text"
    assert "mumps" in known["linear_solver"].allowed
    assert known_options("/nowhere/libipopt.so") == {}


def test_documentation_is_read_by_its_form() -> None:
    text = """
### Termination ###

tol                                    0 <  (      1e-08) <  +inf
   Desired tolerance.
     Determines much.

mode                          ("slow")
   How it goes.
   Possible values:
    - slow                    [with care]
    - fast                    [without]

This is no option
"""
    found = ipopt_probe._parsed(text)
    assert set(found) == {"tol", "mode"}
    assert found["mode"].allowed == "slow, fast"
    assert found["mode"].meaning == "How it goes."


@pytest.mark.ipopt
def test_spral_is_tried_in_the_library_that_is_used(monkeypatch) -> None:
    """What one library lacks another may have."""
    works = {one.path: probe(one.path, "spral").works for one in found_libraries()}
    for library, has in works.items():
        options = {"library": library, "linear_solver": "spral"}
        if has:
            result = minimize(hs71(), solver="ipopt", options=options)
            assert result.fun == pytest.approx(17.0140172892, rel=1e-7)
            monkeypatch.delenv("OMP_CANCELLATION", raising=False)
            short = minimize(hs71(), solver="ipopt", options={**options, "max_iter": 1})
            assert "OMP_CANCELLATION=TRUE" in short.message
        else:
            with pytest.raises(ValueError, match="'spral' does not work with this build"):
                minimize(hs71(), solver="ipopt", options=options)


@pytest.mark.ipopt
def test_a_library_may_be_named_in_the_options() -> None:
    path = find_library().path
    result = minimize(hs71(), solver="ipopt", options={"library": path})
    assert "named by hand" in result.backend or find_library().source in result.backend
    with pytest.raises(SolverUnavailable, match="`library` must be one of"):
        minimize(hs71(), solver="ipopt", options={"library": "nonsense"})
