"""Arrays that a function keeps between calls, writes into and reads again."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.integrate

import sparsesolve as ss
from sparsesolve.errors import VerificationError

START, OTHER = np.array([0.3, 0.8, 1.4, 2.0]), np.array([0.5, 0.35, 1.1, 1.7])
WORK, FIRST, SECOND = np.zeros(4), np.zeros(4), np.empty(4)
GRID = np.ones((2, 2))
ENDS = np.array([1.0, 0.0, 0.0, 5.0])


def elements(x):
    WORK[0] = x[0] * x[1]
    WORK[1:] = x[1:] ** 2
    return WORK


def outputs(x):
    np.multiply(x, x[::-1], out=WORK)
    np.add(WORK, x, out=WORK)
    return WORK * x


def scattered(x):
    WORK.fill(0.0)
    np.add.at(WORK, [0, 0, 1, 3], x)
    return WORK * x


def copied(x):
    np.copyto(WORK, x * x)
    return WORK - x


def grid(x):
    GRID[:] = x.reshape(2, 2)
    GRID.T[0] += x[:2]
    return GRID.ravel()


def fixed_ends(x):
    ENDS[1:-1] = x[1:-1] ** 2
    return np.diff(ENDS)


def laplacian(u, out):
    out[1:-1] = u[2:] - 2 * u[1:-1] + u[:-2]
    out[0] = out[-1] = 0.0
    return out


def passed_on(x):
    return laplacian(x, FIRST) * laplacian(x**2, SECOND) + FIRST


def branching(x):
    if x[0] > 0.4:
        WORK[:] = x * x[0]
    else:
        WORK[::-1] = x
    return WORK + 1.0


def enclosed():
    inner = np.empty(4)

    def f(x):
        inner[:] = np.sin(x)
        inner[2] = 0.0
        return inner.copy()

    return f


class Model:
    """Buffers of an object, of its class, in a dict and in a list."""

    shared = np.zeros(4)

    def __init__(self):
        self.rate = np.zeros(4)
        self.stages = [np.zeros(4) for _ in range(3)]
        self.named = {"flux": np.empty(4)}
        self.matrix = np.diag([1.0, 2.0, 3.0, 4.0]) + 0.5
        self.calls = 0

    def rhs(self, t, y):
        self.calls += 1
        self.rate[:] = 0.0
        for i in range(4):
            self.rate[i] -= y[i] * y[(i + 1) % 4]
        self.stages[1][:] = self.rate * (1.0 + t)
        self.named["flux"][1:-1] = self.stages[1][1:-1]
        self.named["flux"][0] = self.named["flux"][-1] = y[0]
        self.shared[...] = 0.1 * self.named["flux"]
        return self.matrix @ self.shared


MODEL = Model()
CASES = {
    "elements": elements,
    "outputs": outputs,
    "scattered": scattered,
    "copied": copied,
    "grid": grid,
    "fixed ends": fixed_ends,
    "passed on": passed_on,
    "branching": branching,
    "enclosed": enclosed(),
    "model": lambda x: MODEL.rhs(0.5, x),
}


@pytest.mark.parametrize("name", CASES)
def test_values_slopes_and_again(name):
    f = CASES[name]
    J = ss.jacobian(f, START)
    for x in (START, OTHER, 1.3 * OTHER, START):
        np.testing.assert_allclose(J.value(x), f(x), rtol=1e-13, atol=1e-15)
        columns = [(np.array(f(x + h)) - np.array(f(x - h))) / 2e-6 for h in 1e-6 * np.eye(4)]
        np.testing.assert_allclose(J(x).toarray(), np.transpose(columns), atol=1e-7)
    J.verify()


def test_names_mean_the_users_arrays_again():
    model = Model()
    before = [model.rate, *model.stages, model.named["flux"], Model.shared]
    ss.jacobian(model.rhs, 0.5, START, argnum=1)
    after = [model.rate, *model.stages, model.named["flux"], Model.shared]
    assert all(a is b and type(a) is np.ndarray for a, b in zip(before, after, strict=True))
    ss.jacobian(elements, START)
    assert type(WORK) is np.ndarray


def test_a_model_with_buffers_is_integrated():
    options = {"method": "BDF", "rtol": 1e-8, "atol": 1e-10}
    ours = ss.solve_ivp(Model().rhs, (0.0, 1.0), START, **options)
    plain = scipy.integrate.solve_ivp(Model().rhs, (0.0, 1.0), START, **options)
    assert ours.status == plain.status == 0
    np.testing.assert_allclose(ours.y[:, -1], plain.y[:, -1], rtol=1e-6)


SUM = np.zeros(4)
LAST = START.copy()
LINE = np.zeros(4)


def accumulates(x):
    SUM[:] += x
    return SUM.copy()


def remembers_the_example(x):
    change = x - LAST
    LAST[:] = x
    return change


def shifts(x):
    LINE[1:] = LINE[:-1].copy()
    LINE[0] = x[0]
    return LINE * x


@pytest.mark.parametrize("state", [accumulates, remembers_the_example, shifts])
def test_what_the_call_before_has_left_is_state(state):
    with pytest.raises(VerificationError, match="keeps state between calls"):
        ss.jacobian(state, START)


def test_other_ends_are_seen():
    J = ss.jacobian(fixed_ends, START)
    ENDS[0] = 7.0
    try:
        with pytest.raises(VerificationError, match="Prepare it anew"):
            J.verify()
    finally:
        ENDS[0] = 1.0
    J.verify()


def filled_on_one_path(x):
    if x[0] > 1.0:
        WORK[:] = x
    return WORK * x


def a_part_filled_on_each_path(x):
    if x[0] > 1.0:
        WORK[:2] = x[:2]
    else:
        WORK[2:] = x[2:]
    return WORK * x


@pytest.mark.parametrize("function", [filled_on_one_path, a_part_filled_on_each_path])
@pytest.mark.parametrize("first", [0.3, 1.3])
def test_what_another_path_has_left_is_state(function, first):
    x, other = np.array([first, 0.8, 1.4, 2.0]), np.array([1.6 - first, 0.9, 1.1, 0.7])
    function(np.array([1.3, 0.2, 0.3, 0.4]))
    with pytest.raises(VerificationError, match="keeps state between calls"):
        ss.jacobian(function, x)(other)


def filled_on_every_path(x):
    if x[0] > 1.0:
        WORK[:] = x
    else:
        WORK[:2] = x[:2] ** 2
        WORK[2:] = 1.0
    return WORK * x


def test_paths_that_fill_what_they_read():
    x, other = np.array([0.3, 0.8, 1.4, 2.0]), np.array([1.3, 0.9, 1.1, 0.7])
    J = ss.jacobian(filled_on_every_path, x)
    for point, slopes in (
        (other, 2 * other),
        (x, [*(3 * x[:2] ** 2), 1.0, 1.0]),
        (other, 2 * other),
    ):
        np.testing.assert_allclose(J(point).toarray(), np.diag(slopes))


class WithBuffer:
    """A model with a buffer, which is given as an argument."""

    def __init__(self):
        self.out = np.zeros(4)

    def fill(self, y):
        for k in range(4):
            self.out[k] = (y[k] - y[k - 1]) ** 3 if y[k] > 0 else -y[k]
        return self.out


def test_a_buffer_of_an_argument_is_no_content_of_it():
    model = WithBuffer()
    f = lambda t, y, model: model.fill(y)
    J = ss.jacobian(f, 0.0, START, model, argnum=1)
    for y in (OTHER, START - 0.5, OTHER - 1.0):
        f(0.0, OTHER, model)
        np.testing.assert_allclose(J.value(0.0, y, model), WithBuffer().fill(y), rtol=1e-14)
        e = 1e-6 * np.eye(4)
        slopes = [(f(0, y + d, model).copy() - f(0, y - d, model)) / 2e-6 for d in e]
        np.testing.assert_allclose(J(0.0, y, model).toarray().T, slopes, atol=1e-7)
    found = ss.solve_ivp(f, (0.0, 0.1), START, method="BDF", args=(model,))
    again = ss.solve_ivp(f, (0.0, 0.1), START, method="BDF", args=(model,))
    assert found.success
    np.testing.assert_allclose(found.y, again.y, rtol=1e-9)


def test_a_buffer_of_an_argument_that_holds_the_value_at_the_start():
    model = WithBuffer()
    f = lambda t, y, model: model.fill(y)
    start = START - 0.5
    assert np.min(start) < 0.0 < np.max(start)
    f(0.0, start, model)
    found = ss.solve_ivp(f, (0.0, 1.0), start, method="BDF", args=(model,), rtol=1e-8)
    assert found.success, found.message
    fresh = ss.solve_ivp(
        lambda t, y: WithBuffer().fill(y), (0.0, 1.0), start, method="BDF", rtol=1e-8
    )
    np.testing.assert_allclose(found.y[:, -1], fresh.y[:, -1], rtol=1e-5)
