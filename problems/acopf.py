"""AC optimal power flow in polar form, from MATPOWER case files.

It has its own data format: `read_case` reads the text files of ``problems/data``
(or any MATPOWER file of version 2), `network` turns the four tables into index arrays and
coefficients, and `acopf` builds the problem. A case dictionary of PYPOWER has the same tables and
is accepted as it is.

Data layout. The variables are ``x = (Va, Vm, Pg, Qg, y)``: angles in radian, voltages and powers
per unit, and one cost in $/h for each generator with a piecewise linear cost. Branch flows are
gathers of these; bus balances are products with two constant incidence matrices.

Zimmerman, Murillo-Sanchez, Thomas (2011), "MATPOWER: steady-state operations, planning, and
analysis tools for power systems research and education", IEEE Trans. Power Systems 26(1).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from .cases import Block, MinimizeCase, Vector

__all__ = ["BEST", "Network", "acopf", "network", "read_case"]

DATA = Path(__file__).parent / "data"

BEST = {
    "case9": 5296.686204,
    "case14": 8081.526258,
    "case30": 576.892337,
    "case30pwl": 5835.066580,
    "case57": 41737.786293,
    "case118": 129660.685012,
    "case300": 719725.076610,
}
"""Cost in $/h of PYPOWER 5.1.21's own optimal power flow, tolerances 1e-8.

PYPOWER fails on case30pwl, which has no polynomial cost; that value is its answer once its
``polycost`` returns an empty array for no generators.
"""

REFERENCE, ISOLATED = 3, 4
PIECEWISE_LINEAR, POLYNOMIAL = 1, 2
UNLIMITED = 1e10

Table = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Network:
    """The in-service part of a case, per unit, buses numbered from 0.

    Parameters
    ----------
    base : float, MVA
        Power base.
    demand_p, demand_q, shunt_g, shunt_b : ndarray, shape (nb,)
        Load and shunt admittance of each bus.
    v_min, v_max, angle : ndarray, shape (nb,)
        Voltage limits, and the angle of the case file in radian.
    reference : ndarray of int
        Buses whose angle is fixed.
    start, end : ndarray of int, shape (nl,)
        From and to bus of each branch.
    admittance : ndarray, shape (8, nl)
        Rows ``gff, bff, gft, bft, gtf, btf, gtt, btt`` of the branch two-port.
    rate : ndarray, shape (nl,)
        Limit of apparent power; inf where there is none.
    angle_min, angle_max : ndarray, shape (nl,)
        Limits of the angle difference in radian; infinite where there are none.
    generator_bus : ndarray of int, shape (ng,)
        Bus of each generator.
    power_min, power_max : ndarray, shape (2 ng,)
        Limits of active, then reactive generation.
    cost : ndarray
        Rows of `gencost` for active generation, and for reactive generation where given.
    """

    base: float
    demand_p: Vector
    demand_q: Vector
    shunt_g: Vector
    shunt_b: Vector
    v_min: Vector
    v_max: Vector
    angle: Vector
    reference: Indices
    start: Indices
    end: Indices
    admittance: Table
    rate: Vector
    angle_min: Vector
    angle_max: Vector
    generator_bus: Indices
    power_min: Vector
    power_max: Vector
    cost: Table

    @property
    def buses(self) -> int:
        """Number of buses."""
        return self.demand_p.size

    @property
    def generators(self) -> int:
        """Number of generators."""
        return self.generator_bus.size


def read_case(source: str | Path) -> dict[str, Any]:
    """Read a MATPOWER case file of version 2.

    Parameters
    ----------
    source : str or Path
        A file, or the name of one in ``problems/data`` without ending (``"case118"``).

    Returns
    -------
    dict
        ``baseMVA`` and the tables ``bus``, ``gen``, ``branch``, ``gencost``.

    Raises
    ------
    ValueError
        If one of the five entries is missing, or rows of a table differ in length.
    """
    path = Path(source) if Path(source).suffix == ".m" else DATA / f"{source}.m"
    text = re.sub(r"%.*", "", path.read_text(encoding="utf-8"))
    base = re.search(r"mpc\.baseMVA\s*=\s*([^;]+);", text)
    if base is None:
        raise ValueError(f"{path} must set mpc.baseMVA. Give a MATPOWER file of version 2.")
    case: dict[str, Any] = {"baseMVA": float(base.group(1))}
    for name in ("bus", "gen", "branch", "gencost"):
        table = re.search(rf"mpc\.{name}\s*=\s*\[(.*?)\]", text, re.DOTALL)
        if table is None:
            raise ValueError(f"{path} must set mpc.{name}. Give a MATPOWER file of version 2.")
        rows = [row.replace(",", " ").split() for row in re.split(r"[;\n]", table.group(1))]
        case[name] = np.array([[float(v) for v in row] for row in rows if row])
    return case


def network(case: Mapping[str, Any]) -> Network:
    """Drop what is out of service, number the buses from 0, and go to per unit.

    Parameters
    ----------
    case : mapping
        ``baseMVA``, ``bus``, ``gen``, ``branch``, ``gencost`` as in a MATPOWER or PYPOWER case.

    Raises
    ------
    ValueError
        If a generator has a capability curve, a dispatchable load or an unknown cost model.
    """
    base = float(case["baseMVA"])
    bus, gen, branch = (np.asarray(case[k], dtype=float) for k in ("bus", "gen", "branch"))
    bus = bus[bus[:, 1] != ISOLATED]
    number = np.full(int(max(bus[:, 0].max(), branch[:, :2].max(), gen[:, 0].max())) + 1, -1)
    number[bus[:, 0].astype(int)] = np.arange(len(bus))

    on = (gen[:, 7] > 0) & (number[gen[:, 0].astype(int)] >= 0)
    cost = np.asarray(case["gencost"], dtype=float)
    cost = cost[np.tile(on, len(cost) // len(gen))]
    gen = gen[on]
    _check_generators(gen, cost)
    ends = number[branch[:, :2].astype(int)]
    keep = (branch[:, 10] > 0) & (ends >= 0).all(axis=1)
    branch, ends = branch[keep], ends[keep]

    limited = (branch[:, 5] != 0) & (branch[:, 5] < UNLIMITED)
    low, high = branch[:, 11], branch[:, 12]
    return Network(
        base=base,
        demand_p=bus[:, 2] / base,
        demand_q=bus[:, 3] / base,
        shunt_g=bus[:, 4] / base,
        shunt_b=bus[:, 5] / base,
        v_min=bus[:, 12],
        v_max=bus[:, 11],
        angle=np.radians(bus[:, 8]),
        reference=np.flatnonzero(bus[:, 1] == REFERENCE),
        start=ends[:, 0],
        end=ends[:, 1],
        admittance=_two_port(branch),
        rate=np.where(limited, branch[:, 5] / base, np.inf),
        angle_min=np.where((low != 0) & (low > -360), np.radians(low), -np.inf),
        angle_max=np.where((high != 0) & (high < 360), np.radians(high), np.inf),
        generator_bus=number[gen[:, 0].astype(int)],
        power_min=np.concatenate([gen[:, 9], gen[:, 4]]) / base,
        power_max=np.concatenate([gen[:, 8], gen[:, 3]]) / base,
        cost=cost,
    )


def _check_generators(gen: Table, cost: Table) -> None:
    """Refuse what MATPOWER models by constraints that are not built here."""
    if gen.shape[1] > 10 and gen[:, 10:16].any():
        raise ValueError("capability curves (columns Pc1 .. Qc2max of `gen`) are not supported.")
    if ((gen[:, 9] < 0) & (gen[:, 8] == 0)).any():
        raise ValueError("dispatchable loads (Pmin < 0 and Pmax = 0 in `gen`) are not supported.")
    if not np.isin(cost[:, 0], (PIECEWISE_LINEAR, POLYNOMIAL)).all():
        raise ValueError(f"cost models must be 1 or 2, got {np.unique(cost[:, 0]).tolist()}.")


def _two_port(branch: Table) -> Table:
    """Real and imaginary parts of the four admittances of each branch."""
    series = 1 / (branch[:, 2] + 1j * branch[:, 3])
    ratio = np.where(branch[:, 8] == 0, 1.0, branch[:, 8])
    tap = ratio * np.exp(1j * np.radians(branch[:, 9]))
    y_tt = series + 0.5j * branch[:, 4]
    parts = (y_tt / ratio**2, -series / np.conj(tap), -series / tap, y_tt)
    return np.array([part for y in parts for part in (y.real, y.imag)])


def acopf(case: str | Path | Mapping[str, Any] = "case9") -> MinimizeCase:
    """AC optimal power flow in polar coordinates.

    Minimize the generation cost subject to the active and reactive power balance of every bus,
    apparent power limits at both ends of every limited branch (squared), limits of angle
    differences, voltages and generation, and the fixed angle of the reference bus.

    Parameters
    ----------
    case : str, Path or mapping
        Name of a case in ``problems/data``, a MATPOWER file, or a PYPOWER case dictionary.

    Notes
    -----
    n = 2 (buses + generators) + piecewise linear costs; m = 2 buses + 2 limited branches + limited
    angle differences + segments of piecewise linear costs. Start: reference angle everywhere, the
    middle between finite bounds elsewhere. Nonconvex. Best values in `BEST`, from PYPOWER.
    Formulation of MATPOWER 4 and PYPOWER 5 (Zimmerman and others 2011). Deviation: capability
    curves and dispatchable loads are refused.
    """
    data = read_case(case) if isinstance(case, (str, Path)) else case
    net = network(data)
    nb, ng = net.buses, net.generators
    linear = _Segments.of(net)
    sizes = (nb, nb, 2 * ng, linear.count)
    lower = np.concatenate([np.full(nb, -np.inf), net.v_min, net.power_min])
    upper = np.concatenate([np.full(nb, np.inf), net.v_max, net.power_max])
    lower[net.reference] = upper[net.reference] = net.angle[net.reference]
    middle = (np.clip(lower, -UNLIMITED, UNLIMITED) + np.clip(upper, -UNLIMITED, UNLIMITED)) / 2
    x0 = np.concatenate([np.full(nb, net.angle[net.reference[0]]), middle[nb:]])
    start_cost = linear.values(x0[2 * nb :])
    bounds = (
        np.concatenate([lower, np.full(linear.count, -np.inf)]),
        np.concatenate([upper, np.full(linear.count, np.inf)]),
    )
    return MinimizeCase(
        objective=_cost(net, linear),
        x0=np.concatenate([x0, start_cost]),
        bounds=bounds,
        constraints=(_balance(net), *_flow_limits(net), *_angle_limits(net), *linear.blocks(sizes)),
        best=BEST.get(str(case)) if isinstance(case, (str, Path)) else None,
    )


def _flows(net: Network, x: Vector, side: int) -> tuple[Vector, Vector]:
    """Active and reactive power into every branch at its from (0) or to (1) end."""
    nb = net.buses
    near, far = (net.start, net.end) if side == 0 else (net.end, net.start)
    own_g, own_b = net.admittance[[0, 1]] if side == 0 else net.admittance[[6, 7]]
    cross_g, cross_b = net.admittance[[2, 3]] if side == 0 else net.admittance[[4, 5]]
    va, vm = x[:nb], x[nb : 2 * nb]
    theta = va[near] - va[far]
    product = vm[near] * vm[far]
    square = vm[near] ** 2
    cosine, sine = product * np.cos(theta), product * np.sin(theta)
    active = own_g * square + cross_g * cosine + cross_b * sine
    reactive = -own_b * square + cross_g * sine - cross_b * cosine
    return active, reactive


def _balance(net: Network) -> Block:
    """Power balance of every bus: branch flows, shunts and load less generation are zero."""
    nb, ng, nl = net.buses, net.generators, net.start.size
    rows = np.concatenate([net.start, net.end, net.generator_bus])
    signs = np.concatenate([np.ones(2 * nl), -np.ones(ng)])
    incidence = sp.csr_array((signs, (rows, np.arange(rows.size))), shape=(nb, rows.size))

    def balance(x: Vector) -> Vector:
        p_from, q_from = _flows(net, x, 0)
        p_to, q_to = _flows(net, x, 1)
        square = x[nb : 2 * nb] ** 2
        p = incidence @ np.concatenate([p_from, p_to, x[2 * nb : 2 * nb + ng]])
        q = incidence @ np.concatenate([q_from, q_to, x[2 * nb + ng : 2 * nb + 2 * ng]])
        active = p + net.shunt_g * square + net.demand_p
        reactive = q - net.shunt_b * square + net.demand_q
        return np.concatenate([active, reactive])

    return Block(balance, 0.0, 0.0, "power balance")


def _flow_limits(net: Network) -> tuple[Block, ...]:
    """Squared apparent power at both ends of the branches that have a limit."""
    limited = np.flatnonzero(np.isfinite(net.rate))
    if limited.size == 0:
        return ()

    def squares(x: Vector) -> Vector:
        p_from, q_from = _flows(net, x, 0)
        p_to, q_to = _flows(net, x, 1)
        both = [(p_from**2 + q_from**2)[limited], (p_to**2 + q_to**2)[limited]]
        return np.concatenate(both)

    return (Block(squares, -np.inf, np.tile(net.rate[limited] ** 2, 2), "flow limits"),)


def _angle_limits(net: Network) -> tuple[Block, ...]:
    """Differences of the angles at the ends of the branches that limit them."""
    limited = np.flatnonzero(np.isfinite(net.angle_min) | np.isfinite(net.angle_max))
    if limited.size == 0:
        return ()
    start, end = net.start[limited], net.end[limited]

    def differences(x: Vector) -> Vector:
        return x[start] - x[end]

    return (
        Block(differences, net.angle_min[limited], net.angle_max[limited], "angle differences"),
    )


def _cost(net: Network, linear: _Segments) -> Any:
    """Polynomial costs of generation in MW, plus the variables of piecewise linear costs."""
    polynomial = np.flatnonzero(net.cost[:, 0] == POLYNOMIAL)
    degree = int(net.cost[polynomial, 3].max(initial=1))
    coefficients = np.zeros((degree, polynomial.size))
    for k, row in enumerate(net.cost[polynomial]):
        terms = int(row[3])
        coefficients[degree - terms :, k] = row[4 : 4 + terms]
    powers = 2 * net.buses + polynomial
    costs = 2 * net.buses + 2 * net.generators

    def objective(x: Vector) -> Vector:
        total = np.sum(x[costs:]) if linear.count else 0.0
        if polynomial.size == 0:
            return total
        power = net.base * x[powers]
        value = coefficients[0]
        for row in coefficients[1:]:
            value = value * power + row
        return total + np.sum(value)

    return objective


@dataclass(frozen=True, eq=False)
class _Segments:
    """Piecewise linear costs: segment k says ``y[owner] >= slope * power + offset``, in $/h."""

    count: int
    owner: Indices
    power: Indices
    slope: Vector
    offset: Vector

    @classmethod
    def of(cls, net: Network) -> _Segments:
        owner, power, slope, offset = [], [], [], []
        rows = np.flatnonzero(net.cost[:, 0] == PIECEWISE_LINEAR)
        for k, row in enumerate(rows):
            points = net.cost[row, 4 : 4 + 2 * int(net.cost[row, 3])].reshape(-1, 2)
            slopes = np.diff(points[:, 1]) / np.diff(points[:, 0])
            if (np.diff(slopes) < 0).any():
                raise ValueError("piecewise linear costs must be convex (slopes not decreasing).")
            owner.append(np.full(slopes.size, k))
            power.append(np.full(slopes.size, row))
            slope.append(slopes * net.base)
            offset.append(points[:-1, 1] - slopes * points[:-1, 0])
        empty = [np.empty(0)]
        return cls(
            rows.size,
            np.concatenate(owner + empty).astype(np.int64),
            np.concatenate(power + empty).astype(np.int64),
            np.concatenate(slope + empty),
            np.concatenate(offset + empty),
        )

    def values(self, powers: Vector) -> Vector:
        """Costs at given generation."""
        lines = self.slope * powers[self.power] + self.offset
        return np.array([lines[self.owner == k].max() for k in range(self.count)])

    def blocks(self, sizes: tuple[int, ...]) -> tuple[Block, ...]:
        """Return the segments as constraints."""
        if self.count == 0:
            return ()
        first_power, first_cost = sizes[0] + sizes[1], sum(sizes[:3])
        power, owner = first_power + self.power, first_cost + self.owner

        def gaps(x: Vector) -> Vector:
            return x[owner] - self.slope * x[power]

        return (Block(gaps, self.offset, np.inf, "piecewise linear costs"),)
