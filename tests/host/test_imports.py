"""Imports on first use: an interrupt waits for them, and so does a fork."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading

import pytest

from sparsesolve.host import fork
from sparsesolve.host.imports import importing

# The first import of a module raises a signal; afterwards everything must work.
CHILD = """
import signal, sys
import numpy as np
import sparsesolve as ss

class Finder:
    done = False
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1] and not Finder.done:
            Finder.done = True
            signal.raise_signal(signal.SIGINT)

def work():
    J = ss.jacobian(lambda x: np.sin(x[1:]) * x[:-1] ** 2, np.ones(9), method="colored")
    assert J(np.ones(9)).nnz == 16
    K = ss.jacobian(lambda x: x**2, np.ones(3), method="compiled")
    assert K(np.ones(3)).data.tolist() == [2.0, 2.0, 2.0]
    assert ss.minimize(ss.Problem(lambda x: np.sum(x**4), np.ones(3))).x.shape == (3,)
    assert ss.minimize(lambda x: np.sum(x**4), np.ones(3), method="bfgs").x.shape == (3,)

sys.meta_path.insert(0, Finder())
try:
    work()
except KeyboardInterrupt:
    pass
else:
    sys.exit("no interrupt")
assert Finder.done
work()
print("fine")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "module",
    [
        "autograd.numpy.linalg",
        "llvmlite.binding.executionengine",
        "numba.core.types",
        "numba.np.ufunc",
        "scipy.optimize._minimize",
        "sparsesolve.derivatives.hessian",
        "sparsesolve.engine.llvm.plan.planner",
    ],
)
def test_an_interrupted_import_leaves_all_usable(module):
    run = subprocess.run(
        [sys.executable, "-c", CHILD, module],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"SPARSESOLVE_CACHE": "0"},  # or LLVM is not loaded
    )
    assert run.stdout.strip() == "fine", run.stderr[-600:]


def test_a_signal_waits():
    done = []

    def work():
        with importing():
            signal.raise_signal(signal.SIGINT)
            done.append(1)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == [1]


def test_hooks_that_imports_register_come_before_ours():
    """A fork that waits for an import holds nothing that the import may want."""
    code = (
        "import os\n"
        "names = []\n"
        "plain = os.register_at_fork\n"
        "def register(**hooks):\n"
        "    names.append(next(iter(hooks.values())).__module__)\n"
        "    return plain(**hooks)\n"
        "os.register_at_fork = register\n"
        "import sparsesolve\n"
        "print(len(names))\n"
        "import concurrent.futures.thread, logging\n"
        "print(len(names), names[-1])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, after, last = run.stdout.split()
    assert (before, last) == (after, "sparsesolve.host.fork")


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_lets_go_of_what_another_thread_needs(monkeypatch):
    first, second = threading.RLock(), threading.RLock()
    monkeypatch.setattr(fork, "_awaited", [first, second])
    held, got = threading.Event(), []

    def work():
        with second:
            held.set()
            over.wait(30)  # the fork holds `first` by now
            got.append(first.acquire(timeout=30))
            first.release()

    over = threading.Event()
    thread = threading.Thread(target=work)
    thread.start()
    held.wait(30)
    threading.Timer(0.02, over.set).start()
    child = os.fork()
    if child == 0:
        os._exit(0 if got == [True] else 1)
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert first.acquire(timeout=0)
    first.release()


# What is loaded by a first Jacobian and a first solve; what NumPy and SciPy are like afterwards.
LIGHT = """
import gc, sys
import numpy as np
before, frozen = set(vars(np)), gc.get_freeze_count()  # newer Pythons freeze some by themselves
import sparsesolve as ss
from sparsesolve.adapters.ipopt_library import ipopt_available

assert ss.jacobian(lambda x: x[1:] * np.sin(x[:-1]), np.ones(9))(np.ones(9)).nnz == 16
heavy = "numpy.f2py numpy.testing numpy.ma numpy.polynomial unittest html scipy.optimize numba"
print(*[name for name in heavy.split() if name in sys.modules])
print(*[name for name in ("f2py", "testing", "ma", "polynomial") if name in vars(np)])
print(gc.isenabled(), gc.get_freeze_count() - frozen)

if ipopt_available():
    assert ss.minimize(lambda x: np.sum((x - 1.0) ** 2), np.zeros(2), method="ipopt").success
import sparsesolve.adapters.petsc.root  # whose ranks would each hold them
slow = "scipy.optimize scipy.linalg scipy.sparse.linalg scipy.sparse.csgraph"
print(*[name for name in slow.split() if name in sys.modules])

try:
    from scipy._lib.array_api_compat import numpy as compat
except ImportError:  # where SciPy 1.18 keeps it
    from scipy._external.array_api_compat import numpy as compat
assert compat.ma.MaskedArray is np.ma.MaskedArray
assert compat.testing.assert_allclose is np.testing.assert_allclose
np.testing.assert_allclose(np.polynomial.Polynomial([1.0, 2.0])(3.0), 7.0)
assert sys.modules["numpy.testing"] is np.testing is not compat.testing
assert not hasattr(compat.ma, "__wrapped__")
masked = np.ma.array([1.0, 2.0], mask=[True, False])
try:
    ss.jacobian(lambda x: x**2, masked)
except ss.errors.TraceError:
    print("fine")
"""


def test_a_first_jacobian_or_solve_loads_little_and_leaves_numpy_as_it_was():
    run = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, timeout=300)
    assert run.stdout.split("\n") == ["", "", "True 0", "", "fine", ""], run.stderr[-600:]


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_afterwards_as_it_was(enabled):
    was_enabled = gc.isenabled()
    frozen = gc.get_freeze_count()
    try:
        (gc.enable if enabled else gc.disable)()
        with importing():
            assert not gc.isenabled()
            with importing():
                pass
            assert not gc.isenabled()
        assert gc.isenabled() is enabled
        assert bool(gc.get_freeze_count()) is bool(frozen)
    finally:
        (gc.enable if was_enabled else gc.disable)()


def test_a_first_jacobian_loads_what_it_uses():
    """What is named in SciPy's modules only, what has blocks or colors, and other families wait."""
    code = (
        "import sys, numpy as np, sparsesolve as ss\n"
        "J = ss.jacobian(lambda x: np.sin(x[1:]) * x[:-1], np.ones(4))\n"
        "assert J(np.ones(4)).nnz == 6\n"
        "import pydoc, subprocess\n"
        "assert pydoc.__spec__ and subprocess.Popen.__module__ == 'subprocess'\n"
        "own = [m for m in sys.modules if m.startswith('sparsesolve.')]\n"
        "words = 'coloring integrals minima lagrangian distances images assembly'.split()\n"
        "print([m for m in own if m.split('.')[-1] in words])\n"
        "import scipy.spatial.distance, scipy.interpolate\n"
        "centers = np.arange(4.0).reshape(2, 2)\n"
        "g = lambda x: scipy.spatial.distance.cdist(x.reshape(2, 2), centers).ravel()\n"
        "print(ss.jacobian(g, np.ones(4)).shape, 'sparsesolve.numpy_ops.distances' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stdout.split("\n")[:2] == ["[]", "(4, 4) True"], run.stderr[-600:]
