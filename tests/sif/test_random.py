"""Random problems written as SIF, against plain loops over their groups and elements."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from sif_cards import card, data, elements, formula, groups, problem

# name: (variables, internal variables as rows of a matrix, parameters, formula, the same in Python)
ELEMENTS = {
    "SQ": (["V"], {}, [], "V * V", lambda v, p: v[0] * v[0]),
    "PROD": (["A", "B"], {}, ["P"], "P * A * B", lambda v, p: p[0] * v[0] * v[1]),
    "WAVE": (
        ["A", "B", "C"],
        {"U": [1.0, -1.0, 0.0], "W": [0.0, 0.5, 2.0]},
        ["P", "Q"],
        "P * SIN( U ) + EXP( - W * W ) ** 2 - Q",
        lambda v, p: (
            p[0] * math.sin(v[0] - v[1]) + math.exp(-((0.5 * v[1] + 2 * v[2]) ** 2)) ** 2 - p[1]
        ),
    ),
    "KINK": (
        ["V"],
        {},
        ["P"],
        "Z",
        lambda v, p: math.log(v[0]) if v[0] > p[0] else v[0] - p[0],
    ),
}
GROUPS = {
    "": ([], "", lambda a, p: a),
    "L2": ([], "G * G", lambda a, p: a * a),
    "POW": (["P"], "P * COS( G ) - G ** 3", lambda a, p: p[0] * math.cos(a) - a**3),
}


@dataclass
class Group:
    kind: str
    type: str
    linear: dict[int, float]
    constant: float
    scale: float
    parameters: list[float]
    uses: list[tuple[int, float]] = field(default_factory=list)


@dataclass
class Random:
    """A problem, as text and as loops."""

    n: int
    elements: list[tuple[str, list[int], list[float]]]
    groups: list[Group]
    quadratic: list[tuple[int, int, float]]

    def values(self, x):
        objective, constraints = 0.0, []
        parts = [
            ELEMENTS[name][4]([x[j] for j in variables], parameters)
            for name, variables, parameters in self.elements
        ]
        for group in self.groups:
            inner = sum(a * x[j] for j, a in group.linear.items()) - group.constant
            inner += sum(w * parts[e] for e, w in group.uses)
            value = GROUPS[group.type][2](inner, group.parameters) / group.scale
            if group.kind == "N":
                objective += value
            else:
                constraints.append(value)
        for i, j, h in self.quadratic:
            objective += h * x[i] * x[j] * (0.5 if i == j else 1.0)
        return objective, np.array(constraints)

    def text(self):
        lines = ["VARIABLES", *(card("", f"X{j}") for j in range(self.n)), "GROUPS"]
        for k, g in enumerate(self.groups):
            lines.append(card(g.kind, f"G{k}"))
            lines += [card(g.kind, f"G{k}", f"X{j}", a) for j, a in g.linear.items()]
            lines += [card(g.kind, f"G{k}", "'SCALE'", g.scale)] * (g.scale != 1.0)
        lines.append("CONSTANTS")
        lines += [card("", "V", f"G{k}", g.constant) for k, g in enumerate(self.groups)]
        lines += ["BOUNDS", card("FR", "B", "'DEFAULT'"), "START POINT"]
        lines.append(card("", "S", "'DEFAULT'", 0.5))
        if self.quadratic:
            lines += ["QUADRATIC", *(card("", f"X{i}", f"X{j}", h) for i, j, h in self.quadratic)]
        lines.append("ELEMENT TYPE")
        for name, (variables, internals, parameters, _, _) in ELEMENTS.items():
            lines += [card("EV", name, v) for v in variables]
            lines += [card("IV", name, v) for v in internals]
            lines += [card("EP", name, v) for v in parameters]
        lines.append("ELEMENT USES")
        for e, (name, variables, parameters) in enumerate(self.elements):
            roles, _, names, _, _ = ELEMENTS[name]
            lines.append(card("T", f"E{e}", name))
            lines += [
                card("V", f"E{e}", r, "", f"X{j}") for r, j in zip(roles, variables, strict=True)
            ]
            lines += [card("P", f"E{e}", r, p) for r, p in zip(names, parameters, strict=True)]
        lines += [
            "GROUP TYPE",
            card("GV", "L2", "G"),
            card("GV", "POW", "G"),
            card("GP", "POW", "P"),
        ]
        lines.append("GROUP USES")
        for k, g in enumerate(self.groups):
            lines += [card("T", f"G{k}", g.type)] * bool(g.type)
            lines += [card("P", f"G{k}", "P", p) for p in g.parameters]
            lines += [card("E", f"G{k}", f"E{e}", w) for e, w in g.uses]
        return data(*lines) + self.formulas()

    def formulas(self):
        first = []
        for name, (variables, internals, _, text, _) in ELEMENTS.items():
            first.append(formula("T", name, ""))
            for internal, row in internals.items():
                first += [
                    card("R", internal, v, a) for v, a in zip(variables, row, strict=True) if a
                ]
            if name == "KINK":
                first += [formula("A", "L", "V .GT. P"), formula("I", "L", "LOG( V )", "Z")]
                first.append(formula("E", "L", "V - P", "Z"))
            first.append(formula("F", "", text))
        second = []
        for name in ("L2", "POW"):
            second += [formula("T", name, ""), formula("F", "", GROUPS[name][1])]
        before = ("TEMPORARIES", card("L", "L"), card("R", "Z"))
        return elements(*first, before=before) + groups(*second)


def draw(rng) -> Random:
    def number():
        return float(np.round(rng.uniform(-2.0, 2.0), 3))

    n = int(rng.integers(1, 7))
    chosen = []
    for _ in range(int(rng.integers(0, 9))):
        name = list(ELEMENTS)[rng.integers(len(ELEMENTS))]
        roles, _, names, _, _ = ELEMENTS[name]
        parameters = [abs(number()) if name == "KINK" else number() for _ in names]
        chosen.append((name, rng.integers(0, n, len(roles)).tolist(), parameters))
    made = []
    for _ in range(int(rng.integers(1, 8))):
        kind = list(GROUPS)[rng.integers(len(GROUPS))]
        linear = {int(j): number() for j in rng.integers(0, n, rng.integers(0, 4))}
        scale = 1.0 if rng.random() < 0.5 else round(0.5 + abs(number()), 3)
        group = Group("NELG"[rng.integers(4)], kind, linear, number(), scale, [])
        group.parameters = [number() for _ in GROUPS[kind][0]]
        if chosen:
            uses = rng.integers(0, len(chosen), rng.integers(0, 4))
            group.uses = [(int(e), number()) for e in uses]
        made.append(group)
    quadratic = []
    if rng.random() < 0.4:
        pairs = rng.integers(0, n, (3, 2))
        quadratic = [(int(i), int(j), number()) for i, j in pairs]
    return Random(n, chosen, made, quadratic)


@pytest.mark.every(8)
@pytest.mark.parametrize("seed", range(40))
def test_values_and_derivatives_are_those_of_plain_loops(tmp_path, seed):
    rng = np.random.default_rng(seed)
    made = draw(rng)
    posed = problem(tmp_path, made.text())
    x = rng.uniform(0.1, 2.0, made.n)
    f, c = made.values(x)
    has_objective = bool(made.quadratic) or any(g.kind == "N" for g in made.groups)
    assert (posed.objective is not None) == has_objective
    if has_objective:
        assert posed.objective_value(x) == pytest.approx(f, rel=1e-12, abs=1e-12)
    np.testing.assert_allclose(posed.constraint_values(x), c, rtol=1e-12, atol=1e-12)

    y = rng.uniform(-1.0, 1.0, posed.m)
    sigma = float(has_objective)

    def lagrangian(x):
        f, c = made.values(x)
        return f + y @ c

    gradient = (posed.gradient(x) if has_objective else 0.0) + posed.jacobian(x).T @ y
    H = posed.lagrangian_hessian(x, y, sigma).toarray()
    h = 1e-4
    steps = h * np.eye(made.n)
    slopes = [(lagrangian(x + s) - lagrangian(x - s)) / (2 * h) for s in steps]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-5, atol=1e-5)
    for i, s in enumerate(steps):
        for j, t in enumerate(steps):
            bend = lagrangian(x + s + t) - lagrangian(x + s - t)
            bend += lagrangian(x - s - t) - lagrangian(x - s + t)
            assert H[i, j] == pytest.approx(bend / (4 * h * h), rel=1e-3, abs=1e-3)
