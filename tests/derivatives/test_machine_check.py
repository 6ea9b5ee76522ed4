"""Machine code is compared with the interpreter when it is made: faults are planted to see it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import sparsesolve as ss
from sparsesolve.derivatives import comparison
from sparsesolve.engine.llvm.plan import planner as plan
from sparsesolve.engine.llvm.plan import tasks
from sparsesolve.engine.llvm.plan.spaces import Positions
from sparsesolve.engine.llvm.run import machine
from sparsesolve.errors import VerificationError
from sparsesolve.ir.builder import Builder


def weights(n):
    return np.arange(1.0, n + 1) / 7


def residual(x):
    k = weights(x.size)
    return np.concatenate([k * x, np.cos(1.3 * x), [np.sum(x) ** 2, np.sin(np.sum(x))]])


def energy(x):
    return np.sum(weights(x.size) * x**3) + np.sum(np.exp(0.7 * x[1:] * x[:-1]))


def far_from_equal(x):
    return np.sin(1.3 * x) * np.exp(0.7 * x)


@pytest.fixture
def constants_off(monkeypatch):
    """Numbers in the machine code are wrong."""
    right = tasks._split_constants

    def wrong(nodes):
        kept, values = right(nodes)
        return kept, [value + 2**40 for value in values]

    monkeypatch.setattr(tasks, "_split_constants", wrong)


@pytest.fixture
def copies_off(monkeypatch):
    """Repeated entries are copied from the entry behind."""
    right = plan.copy_task

    def wrong(sources, positions, regions, width):
        moved = Positions((sources.numbers - 1).clip(0))
        return right(moved, positions, regions, width)

    monkeypatch.setattr(plan, "copy_task", wrong)


@pytest.mark.every(3)
@pytest.mark.usefixtures("constants_off")
@pytest.mark.parametrize("n", [3, 40, 5000])
@pytest.mark.parametrize(
    "make",
    [
        lambda x, **how: ss.jacobian(far_from_equal, x, **how)(x),
        lambda x, **how: ss.gradient(energy, x, **how)(x),
        lambda x, **how: ss.hessian(energy, x, **how)(x),
        lambda x, **how: ss.jacobian(far_from_equal, x, method="colored", **how)(x),
    ],
    ids=["J", "gradient", "H", "colored"],
)
def test_wrong_numbers_in_the_code(make, n):
    x = np.linspace(0.1, 0.9, n)
    with pytest.raises(VerificationError, match=r"got .* instead of .* in .*interpreted"):
        make(x)
    make(x, check=False)


@pytest.mark.usefixtures("constants_off")
def test_every_derivative_of_a_problem_is_looked_at():
    x = np.linspace(0.1, 0.9, 700)
    problem = ss.Problem(energy, x, constraints=[ss.Constraint(far_from_equal, 0.0, 1.0)])
    w = np.ones(x.size)
    for name, call in {
        r"objective\[0\]": lambda p: p.objective_value(x),
        r"gradient\[\d+\]": lambda p: p.gradient(x),
        r"constraints\[\d+\]": lambda p: p.constraint_values(x),
        r"entry \(\d+, \d+\) of the Jacobian": lambda p: p.jacobian(x),
        r"entry \(\d+, \d+\) of the Hessian": lambda p: p.lagrangian_hessian(x, w),
    }.items():
        with pytest.raises(VerificationError, match=name):
            call(problem)


@pytest.mark.slow_cases("2000")
@pytest.mark.usefixtures("copies_off")
@pytest.mark.parametrize("n", [32, 40, 2000])
def test_wrong_copies(n):
    x = np.linspace(0.1, 0.9, n)
    with pytest.raises(VerificationError, match=rf"in entry \(({2 * n}|{2 * n + 1}), \d+\)"):
        ss.jacobian(residual, x)
    wrong = ss.jacobian(residual, x, check=False)(x).toarray()
    right = ss.jacobian(residual, x, method="interpreted")(x).toarray()
    assert not np.allclose(wrong, right)


def test_products_and_values_are_looked_at_when_they_are_made(monkeypatch):
    x = np.linspace(0.1, 0.9, 600)
    J, H = ss.jacobian(far_from_equal, x), ss.hessian(energy, x)
    right = tasks._split_constants
    monkeypatch.setattr(
        tasks, "_split_constants", lambda nodes: (right(nodes)[0], [1] * len(right(nodes)[1]))
    )
    for name, call in {
        "value": lambda: J.value(x),
        "jvp": lambda: J.jvp(x, x),
        "vjp": lambda: J.vjp(x, x),
        "gradient": lambda: H.gradient(x),
        "hvp": lambda: H.hvp(x, x),
    }.items():
        with pytest.raises(VerificationError, match=name):
            call()


def test_a_constant_that_is_not_filled(monkeypatch):
    """The filling call is looked at as well as the one into a template."""
    monkeypatch.setattr("sparsesolve.engine.llvm.run.machine.fill_table", lambda work, *_: (
        [row for row, _ in work], np.zeros(2, dtype=np.int64)
    ))  # fmt: skip
    x = np.linspace(0.1, 0.9, 3000)
    with pytest.raises(VerificationError, match="got nan instead of"):
        ss.jacobian(residual, x)


def test_better_code_that_is_made_later_is_looked_at_too(monkeypatch):
    right = machine.generate
    x = np.linspace(0.1, 0.9, 300)
    J, H = ss.jacobian(far_from_equal, x), ss.hessian(energy, x)

    def wrong(signature, width):
        other = {"multiply": "add"}
        nodes = tuple(replace(node, op=other.get(node.op, node.op)) for node in signature.nodes)
        return right(replace(signature, nodes=nodes), width)

    def call_often(call):
        for _ in range(10**5):
            call(x)

    monkeypatch.setattr(machine, "generate", wrong)
    for call in (J.values, H.lower_values):
        with pytest.raises(VerificationError, match=r"entry \(\d, 0\) of the"):
            call_often(call)


# ----- what it says, and what it does not say -----


def test_the_report_says_how_much_was_compared():
    few, many = np.ones(5), np.ones(4000)
    assert "5 of 5 values equal" in ss.jacobian(np.sin, few).report()
    J = ss.jacobian(residual, many)
    (line,) = [line for line in J.report().splitlines() if line.startswith("machine code ")]
    compared, _, size = line.split()[2:5]
    assert 100 < int(compared) < 600
    assert int(size) == J.nnz
    assert "check machine code, s" in J.report()
    for J in (
        ss.jacobian(residual, many, check=False),
        ss.jacobian(np.sin, few, method="interpreted"),
    ):
        assert "machine code" not in J.report()
    problem = ss.Problem(energy, few)
    problem.gradient(few)
    assert "values equal the interpreter" in problem.derivatives.report()


def cancels(x):
    big = np.sum(np.exp(40 * x)) * 1e8
    return (big + x) - big


def chaotic(x):
    for _ in range(60):
        x = 3.9 * x * (1 - x)
    return x


def jumps(x):
    return np.floor(3 * (x + 0.1) * (1 / 3) * 10) * x


@pytest.mark.every(2)
@pytest.mark.parametrize("function", [cancels, chaotic, jumps])
@pytest.mark.parametrize("n", [3, 40, 1000])
def test_rounding_is_no_fault(function, n):
    for x in (np.linspace(0.2, 0.7, n), np.zeros(n), np.ones(n)):
        J = ss.jacobian(function, x, check=False)
        J._function.log.point = comparison.CheckPoint.near(x)
        J.value(x)
        products = getattr(J._nonzeros, "push", None)  # of loops that stay loops
        run = J._nonzeros.run if products is None else products.run
        comparison.compare(run, comparison.CheckPoint.near(x))


def test_a_function_that_fails_at_the_point_is_not_compared():
    calls = []

    def solve(x):
        calls.append(1)
        return np.linalg.solve(np.reshape(x[:4], (2, 2)), x[4:])

    x = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 2.0])
    J = ss.jacobian(solve, x + np.eye(6)[0], check=False)
    assert comparison.compare(J._nonzeros.run, comparison.CheckPoint(x, ())) == 0
    assert comparison.compare(J._nonzeros.run, comparison.CheckPoint(x + np.eye(6)[0], ())) == 12
    assert len(calls) == 1


def test_what_counts_as_different():
    inf, nan = np.inf, np.nan
    expected = np.array([1.0, 1.0, 0.0, 1e3, inf, inf, inf, nan, nan, 5.0, 5.0, -inf])
    came = np.array([1.0 + 1e-12, 1.1, 1e-12, 1e3, inf, 5.0, -inf, nan, 5.0, nan, inf, -inf])
    differ = comparison._differ(came, expected)
    np.testing.assert_array_equal(differ, [k in (1, 5, 6, 8, 9, 10) for k in range(12)])


@pytest.mark.slow
def test_a_product_of_two_sums_that_vanish_is_no_alarm():
    def squared(x):
        t = np.maximum(np.gradient(x * x, 0.5), 0.1)
        return np.mean(t / (2.5 + np.sin(t)) - np.mean(t / (2.5 + np.sin(t)))) ** 2

    for n in (31, 32, 33, 64, 100):
        for seed in range(6):
            x = np.round(np.random.default_rng(seed).uniform(-1.5, 1.5, n), 3)
            for method in ("auto", "colored"):
                assert ss.jacobian(squared, x, method=method)(x).shape == (1, n)


@pytest.mark.parametrize("size", [1.0, 1e20, 1e160, 1e300])
def test_far_out_the_tolerance_stays_bounded(size):
    x = np.full(3, size)
    point = comparison.CheckPoint.near(x)
    J = ss.jacobian(lambda x: np.tanh(x) + 1.0 / x, x)
    run = J._nonzeros.run

    class Wrong:
        program, size = run.program, run.size

        def sample(self):
            return run.sample()

        def __call__(self, *args, **options):
            return run(*args, **options) + 1e-6

    assert comparison.compare(run, point) == 3
    with pytest.raises(VerificationError):
        comparison.compare(Wrong(), point)


@pytest.fixture
def lowering_off(monkeypatch):
    """A product with a constant is lowered with another one."""
    right = Builder.map

    def wrong(self, op, *operands):
        if op == "multiply":
            operands = [a + 1.0 if isinstance(a, float) else a for a in operands]
        return right(self, op, *operands)

    monkeypatch.setattr(Builder, "map", wrong)


@pytest.mark.usefixtures("lowering_off")
@pytest.mark.parametrize("make", [ss.jacobian, ss.hessian, ss.gradient, ss.root])
@pytest.mark.parametrize("method", ["interpreted", "auto"])
def test_a_program_that_is_not_the_function(make, method):
    def function(x):
        return 3.0 * x if make in (ss.jacobian, ss.root) else np.sum(3.0 * x)

    options = {"method": method} if make is not ss.root else {}
    with pytest.raises(VerificationError, match="the program and the recorded function"):
        make(function, np.ones(4), **options)


@pytest.mark.usefixtures("lowering_off")
def test_each_function_of_a_problem_is_held_against_its_program():
    def right(x):
        return x[0] + x[-1]

    def wrong(x):
        return np.array([x[0], x[1]]) * 3.0

    problem = ss.Problem(
        right, np.ones(3), constraints=[ss.Constraint(right, 0.0), ss.Constraint(wrong, 0.0)]
    )
    with pytest.raises(VerificationError, match="in wrong, element 0"):
        problem.gradient(np.ones(3))
    ss.Problem(right, np.ones(3), constraints=[ss.Constraint(wrong, 0.0)], check=False).gradient(
        np.ones(3)
    )


def test_terms_that_mostly_cancel_to_zero_exactly_are_no_alarm():
    """log(sum(exp(h))) of one term is h: its slope is e / e - 1, whose rounding is rarely seen."""

    def softmax_of_one(w):
        h = data + np.maximum(data @ w[0:1].reshape(1, 1) + w[1:2], 0.0) @ w[0:1].reshape(1, 1)
        return np.sum(np.log(np.sum(np.exp(h), axis=1))) - np.sum(h[:, 0])

    for seed in (25, 88, 133):
        data = np.round(np.random.default_rng(seed).normal(size=(4, 1)), 2)
        H = ss.hessian(softmax_of_one, np.random.default_rng(seed + 1).normal(size=3) * 0.5)
        np.testing.assert_allclose(H.hvp(np.full(3, 0.3), np.ones(3)), 0.0, atol=1e-14)
