"""The list of all problems, by name.

Separate so that tests, benchmarks and ``python -m problems`` share one list. An entry names the
builder and the sizes at which it is built by default: small enough to solve in about a second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from . import (
    acopf,
    bratu,
    brusselator,
    bundle,
    classic,
    convolution,
    cops_collocation,
    cops_geometry,
    cops_surfaces,
    cops_trajectory,
    luksan_vlcek,
    nist,
    rosenbrock,
    stiff,
)
from .cases import Case

__all__ = ["KINDS", "PROBLEMS", "Entry", "find"]

KINDS = ("minimize", "root", "least-squares", "ode")


@dataclass(frozen=True, eq=False)
class Entry:
    """One problem.

    Parameters
    ----------
    name : str
        Unique name.
    kind : {"minimize", "root", "least-squares", "ode"}
        Which solver it is for; fixes the class of the built case.
    builder : callable
        Builds the case from its size parameters.
    sizes : mapping
        Default size parameters, small.
    source : str
        Where the problem comes from.
    convex : bool or None
        Whether it is convex; None where the question does not arise.
    tolerance : float, dimensionless
        Relative to ``max(1, |best|)`` (minimize, root), to ``best`` (least squares, unless 0) or to
        each component (ode): how closely the known value must be met.
    large : mapping
        Size parameters of a realistic run; empty where the problem has no size.
    """

    name: str
    kind: str
    builder: Callable[..., Case]
    sizes: Mapping[str, Any]
    source: str
    convex: bool | None
    tolerance: float
    large: Mapping[str, Any]

    def build(self, **sizes: Any) -> Case:
        """Build the case at the default sizes, or at those given."""
        return self.builder(**{**self.sizes, **sizes})


def _entry(
    name: str,
    kind: str,
    builder: Callable[..., Case],
    sizes: Mapping[str, Any],
    source: str,
    *,
    convex: bool | None = False,
    tolerance: float = 1e-6,
    large: Mapping[str, Any] | None = None,
) -> Entry:
    return Entry(name, kind, builder, sizes, source, convex, tolerance, large or {})


def _luksan_vlcek() -> list[Entry]:
    source = "Luksan, Vlcek (1999), report 767"
    odd = {"n": 99}, {"n": 9999}
    even = {"n": 100}, {"n": 10000}
    return [
        _entry(name, "minimize", builder, small, source, tolerance=1e-8, large=large)
        for name, builder, (small, large) in (
            ("lukvle1", luksan_vlcek.lukvle1, ({"n": 100}, {"n": 20000})),
            ("lukvle3", luksan_vlcek.lukvle3, even),
            ("lukvle4", luksan_vlcek.lukvle4, even),
            ("lukvle5", luksan_vlcek.lukvle5, even),
            ("lukvle6", luksan_vlcek.lukvle6, odd),
            ("lukvle7", luksan_vlcek.lukvle7, even),
        )
    ]


def _cops() -> list[Entry]:
    source = "Dolan, Moré, Munson (2004), COPS 3"
    surfaces = {"nx": 15, "ny": 15}, {"nx": 50, "ny": 50}
    problems: list[tuple[str, Callable[..., Case], tuple[dict[str, int], dict[str, int]], bool]] = [
        ("chain", cops_trajectory.chain, ({"intervals": 50}, {"intervals": 200}), False),
        ("rocket", cops_trajectory.rocket, ({"intervals": 50}, {"intervals": 400}), False),
        ("steering", cops_trajectory.steering, ({"intervals": 50}, {"intervals": 200}), False),
        ("robot-arm", cops_trajectory.robot_arm, ({"intervals": 50}, {"intervals": 200}), False),
        ("glider", cops_trajectory.glider, ({"intervals": 50}, {"intervals": 100}), False),
        ("catmix", cops_collocation.catmix, ({"intervals": 20}, {"intervals": 100}), False),
        ("marine", cops_collocation.marine, ({"intervals": 20}, {"intervals": 100}), False),
        ("pinene", cops_collocation.pinene, ({"intervals": 50}, {"intervals": 100}), False),
        ("camshape", cops_geometry.camshape, ({"n": 100}, {"n": 1000}), False),
        ("elec", cops_geometry.elec, ({"electrons": 12}, {"electrons": 50}), False),
        ("torsion", cops_surfaces.torsion, surfaces, True),
        ("bearing", cops_surfaces.bearing, surfaces, True),
        ("minsurf", cops_surfaces.minsurf, surfaces, True),
    ]
    return [
        _entry(name, "minimize", builder, small, source, convex=convex, tolerance=1e-5, large=large)
        for name, builder, (small, large), convex in problems
    ]


def _power() -> list[Entry]:
    cases = ("case9", "case14", "case30", "case30pwl", "case57", "case118", "case300")
    return [
        _entry(
            f"acopf-{case}",
            "minimize",
            acopf.acopf,
            {"case": case},
            "Zimmerman, Murillo-Sanchez, Thomas (2011), MATPOWER",
            tolerance=1e-6,
        )
        for case in cases
    ]


def _odes() -> list[Entry]:
    bari = "Mazzia, Magherini (2008), Bari test set"
    hairer = "Hairer, Wanner (1996), section IV.10"
    small = [
        _entry(name, "ode", builder, {}, bari, convex=None, tolerance=1e-6)
        for name, builder in (
            ("rober", stiff.rober),
            ("hires", stiff.hires),
            ("vdpol", stiff.vdpol),
            ("orego", stiff.orego),
        )
    ]
    lines = [
        _entry("medakzo", "ode", stiff.medakzo, {"points": 200}, bari, convex=None, tolerance=1e-5),
        _entry(
            "brusselator-1d",
            "ode",
            brusselator.brusselator_1d,
            {"points": 500},
            hairer,
            convex=None,
        ),
        _entry(
            "brusselator-2d",
            "ode",
            brusselator.brusselator_2d,
            {"side": 12},
            hairer,
            convex=None,
            large={"side": 64},
        ),
    ]
    return small + lines


def _fits() -> list[Entry]:
    certified = [
        _entry(
            f"nist-{name.lower()}",
            "least-squares",
            partial(nist.nist, name),
            {"start": 2},
            "NIST StRD",
            tolerance=1e-9,
        )
        for name in nist.NAMES
    ]
    sparse = [
        _entry(
            "chained-rosenbrock-least-squares",
            "least-squares",
            rosenbrock.chained_rosenbrock_least_squares,
            {"n": 100},
            "Toint (1978), Math. Comp. 32",
            tolerance=1e-12,
            large={"n": 1000},
        ),
        _entry(
            "bundle-adjustment",
            "least-squares",
            bundle.bundle_adjustment,
            {"cameras": 6, "points": 40},
            "synthetic; Agarwal and others (2010)",
            tolerance=1e-12,
            large={"cameras": 12, "points": 400},
        ),
        _entry(
            "image-filter",
            "least-squares",
            convolution.image_filter,
            {"side": 14, "width": 5},
            "Hill, Dalle, Montoison (2025)",
            convex=True,
            tolerance=1e-12,
            large={"side": 28, "width": 5},
        ),
    ]
    return certified + sparse


_ROOTS = [
    _entry(
        "bratu",
        "root",
        bratu.bratu,
        {"side": 40},
        "Moré (1990)",
        convex=None,
        tolerance=1e-10,
        large={"side": 316},
    ),
    _entry(
        "broyden-tridiagonal",
        "root",
        bratu.broyden_tridiagonal,
        {"n": 1000},
        "Moré, Garbow, Hillstrom (1981), problem 30",
        convex=None,
        tolerance=1e-10,
        large={"n": 100000},
    ),
]

_CLASSIC = [
    _entry("hs71", "minimize", classic.hs71, {}, "Hock, Schittkowski (1981), problem 71"),
    _entry(
        "chained-rosenbrock",
        "minimize",
        rosenbrock.chained_rosenbrock,
        {"n": 100},
        "Toint (1978), Math. Comp. 32",
        tolerance=1e-8,
        large={"n": 500},
    ),
]

PROBLEMS: tuple[Entry, ...] = (
    *_CLASSIC,
    *_luksan_vlcek(),
    *_cops(),
    *_power(),
    *_ROOTS,
    *_fits(),
    *_odes(),
)
"""Every problem, in order of kind."""


def find(name: str) -> Entry:
    """Return the entry of that name.

    Raises
    ------
    KeyError
        If there is none; the message lists the names.
    """
    for entry in PROBLEMS:
        if entry.name == name:
            return entry
    raise KeyError(f"no problem {name!r}; there are {', '.join(e.name for e in PROBLEMS)}")
