"""Classes, scripts with globals, partial functions, records: functions by how they are called."""

# ruff: noqa: B905, F401  (as people write)
from __future__ import annotations

import abc
import copy
import enum
import functools
import math
import numbers
import types
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

STYLES = {}


def style(x0, *args, name=""):
    """Note a function of (x, *args) with its example."""

    def note(f):
        STYLES[name or f.__name__] = (f, (np.array(x0, float), *args), 0)
        return f

    return note


class Mode(enum.Enum):
    LINEAR = 1
    CUBIC = 3


class Rates(NamedTuple):
    on: float
    off: float = 0.3


@dataclass
class Tank:
    area: float
    k: float = 0.5
    names: list = field(default_factory=list)

    @property
    def slope(self):
        return self.k / self.area

    def flow(self, h):
        return self.k * np.sqrt(h)


@dataclass(frozen=True)
class Grid:
    n: int
    h: float
    x: np.ndarray


class Reactor:
    def __init__(self, k, n=2):
        self.params = {"k": k, "n": n}
        self.calls = 0
        self.S = np.array([[-1.0, 1.0], [1.0, -1.0]])

    def rates(self, c):
        p = self.params
        return np.array([p["k"] * c[0] ** p["n"], 0.1 * c[1]])

    def __call__(self, c):
        return self.S @ self.rates(c)

    def method(self, c, scale):
        return scale * self(c)

    @staticmethod
    def static(c):
        return np.array([c[0] * c[1], c[0] - c[1]])

    @classmethod
    def made(cls, c):
        return cls(0.7)(c)


class Base(abc.ABC):
    @abc.abstractmethod
    def f(self, x): ...

    def total(self, x):
        return np.sum(self.f(x)) + self.offset


class Child(Base):
    offset = 1.0

    def f(self, x):
        return np.exp(-x) * len(self)

    def __len__(self):
        return 3


class Polynomial:
    def __init__(self, c):
        self.c = c

    def __call__(self, x):
        return sum(ck * x**k for k, ck in enumerate(self.c))

    def __add__(self, other):
        return Polynomial([a + b for a, b in zip(self.c, other.c)])


class Dual:
    """A user's number class around traced values."""

    def __init__(self, v):
        self.v = v

    def __mul__(self, o):
        return Dual(self.v * (o.v if isinstance(o, Dual) else o))

    __rmul__ = __mul__

    def __add__(self, o):
        return Dual(self.v + (o.v if isinstance(o, Dual) else o))


class State:
    """Unpacks a vector into named attributes."""

    NAMES = ("x", "y", "z")

    def __init__(self, v):
        for name, value in zip(self.NAMES, v):
            setattr(self, name, value)

    def vector(self):
        return np.array([getattr(self, n) for n in self.NAMES])


class Vec(np.ndarray):
    pass


tank, reactor = Tank(2.0, names=["a"]), Reactor(0.5)
style([0.5, 0.8], name="callable object")(reactor)
style([0.5, 0.8], 2.0, name="bound method")(reactor.method)
style([0.5, 0.8], name="static method")(Reactor.static)
style([0.5, 0.8], name="class method")(Reactor.made)
style([0.5, 0.8], name="inherited method")(Child().total)
style([0.5, 0.8], name="partial")(functools.partial(lambda a, x, b: a * x**b, 2.0, b=3))
style([0.5, 0.8], name="partial of a method")(functools.partial(reactor.method, scale=3.0))
style([0.5, 0.8], name="NumPy's function")(np.sin)
style([0.5, 0.8], name="polynomial object")(Polynomial([1.0, 2.0, 3.0]) + Polynomial([0, 1, 0]))


@style([0.5, 0.8], Tank(2.0))
def dataclass_argument(h, tank):
    return [tank.flow(h[0]) * tank.slope, h[1] - tank.area]


@style(np.linspace(0.1, 0.9, 5), Grid(5, 0.2, np.linspace(0, 1, 5)))
def dataclass_with_sizes(u, g):
    r = np.zeros(g.n)
    r[1:-1] = np.diff(u, n=2) / g.h**2 - g.x[1:-1]
    r[0], r[-1] = u[0], u[-1] - 1
    return r


@style([0.5, 0.8], Rates(0.2))
def typed_namedtuple(x, r):
    return r.on * x - r.off * x**2 + r[0] + len(r)


@style([0.5, 0.8], types.SimpleNamespace(k=2.0, inner=types.SimpleNamespace(n=3)))
def simple_namespace(x, p):
    return p.k * x**p.inner.n


@style([0.5, 0.8], Mode.CUBIC)
def enumeration(x, mode):
    return x**3 if mode is Mode.CUBIC else x


@style([0.5, 0.8], {"a": {"b": [1.0, 2.0], "n": 2}, "on": True, "name": "x"})
def nested_dict(x, p):
    return x ** p["a"]["n"] * p["a"]["b"][1] if p["on"] and p["name"] == "x" else x


@style([0.5, 0.8, 0.2], [[0, 1], [2]])
def ragged_indices(x, groups):
    return np.array([np.sum(x[g]) ** 2 for g in groups])


@style([0.5, 0.8, 0.2], [np.array([0, 1]), np.array([2, 0, 1])])
def list_of_index_arrays(x, groups):
    return np.array([x[g].prod() for g in groups])


@style([0.5, 0.8, 0.2], {1, 2})
def set_of_indices(x, active):
    return np.array([xi**2 if i in active else xi for i, xi in enumerate(x)])


@style([0.5, 0.8, 0.2], range(1, 3))
def range_argument(x, r):
    return x[r] * np.array(r)


@style([0.5, 0.8, 0.2], "abc", b"xy", None, ...)
def odd_arguments(x, s, b, none, dots):
    return x[dots] * len(s) * len(b) if none is None else x


@style([0.5, 0.8, 0.2], np.float32(2.5), np.int16(2), np.bool_(True))
def numpy_scalars(x, a, n, flag):
    return a * x**n + x[n] if flag else x


@style([0.5, 0.8, 0.2], np.array([True, False, True]))
def mask_argument(x, mask):
    r = x.copy()
    r[mask] = 2 * x[mask] ** 2
    r[~mask] = 0.5
    return r


@style(
    [0.5, 0.8, 0.2], np.array(["u", "v"]), np.array([("a", 1.5)], dtype=[("n", "U1"), ("v", "f8")])
)
def string_arrays(x, names, table):
    return x * table["v"][0] * (list(names).index("v") + 1)


@style([0.5, 0.8, 0.2], 2 + 1j, np.array([1j, 2.0, 3.0]))
def complex_arguments(x, z, w):
    return (x * z * w).real + np.abs(z) + z.imag * x


@style([0.5, 0.8, 0.2])
def finite_checks(x):
    assert np.isfinite(x).all(), "not finite"
    if np.any(~np.isfinite(x)) or math.isnan(x[0]) or np.isinf(x).any():
        return np.full(3, 1e10)
    return x**2


@style([0.5, 0.8, 0.2])
def complex_constants(x):
    z = x * np.exp(1j * 0.3) + 2j
    return np.real(z * np.conj(z)) + z.imag


@style([0.5, 0.8, 0.2])
def generator_of_rows(x):
    def rows():
        for i in range(2):
            yield x[i] * x[i + 1]
        yield x[0]

    return np.fromiter(rows(), dtype=float)


@style([0.5, 0.8, 0.2])
def generator_listed(x):
    return np.array(list(v**2 for v in x))


@style([0.5, 0.8, 0.2])
def unpacking(x):
    first, *rest = x
    a, b = rest
    return (*rest, first * a, b)


@style([0.5, 0.8, 0.2])
def starred_call(x):
    def f(a, b, c=1.0, *more, **named):
        return a * b + c * named.get("scale", 1)

    return [f(*x), f(*x[:2]), f(*x, scale=2), f(**dict(zip("abc", x)))]


@style([0.5, 0.8, 0.2])
def state_object(x):
    s = State(x)
    s.x, s.y = s.y * s.z, s.x + math.sin(s.y)
    return s.vector()


@style([0.5, 0.8, 0.2])
def own_numbers(x):
    a, b, c = map(Dual, x)
    return [(2 * a * b + c * 3).v, (a + b * c).v]


@style([0.5, 0.8, 0.2])
def dictionary_of_values(x):
    d = dict(zip(["x", "y", "z"], x))
    d.update(w=d["x"] * d["y"])
    d["z"] += d.pop("w")
    return np.array([v for k, v in sorted(d.items(), key=lambda kv: kv[0])])


@style([0.5, 0.8, 0.2])
def type_checks(x):
    ok = isinstance(x, np.ndarray) and x.dtype == float and not np.iscomplexobj(x)
    v = x[0]
    number = isinstance(v, (float, int)) and isinstance(v, numbers.Real) and np.isscalar(v)
    number = number and isinstance(v, numbers.Number) and type(v) in (float, np.float64)
    return x * 2 if ok and number and np.ndim(v) == 0 and not callable(v) else x


@style([0.5, 0.8, 0.2])
def hasattr_checks(x):
    n = len(x) if hasattr(x, "__len__") else 1
    it = 2 if hasattr(x, "__iter__") and not hasattr(x[0], "__iter__") else 1
    return x * n * it * (3 if hasattr(x, "shape") and getattr(x, "ndim", 0) == 1 else 1)


@style([0.5, 0.8, 0.2])
def conversions(x):
    a = np.float64(x[0]) + np.double(x[1]) + float(x[2]) + x[0].item()
    b = np.asarray(x, dtype=float).astype(np.float64).copy() + np.array(x, copy=True)
    c = np.asarray(x, "float64") + np.array(x, dtype="d") + np.asfarray(x) if False else b
    return b * a + np.array(list(x)) + np.array(tuple(x)) + c + np.array([*x])


@style([0.5, 0.8, 0.2])
def matrix_of_lists(x):
    a = [[0.0] * 3 for _ in range(3)]
    for i in range(3):
        for j in range(3):
            a[i][j] = x[i] * x[j] if i <= j else 0
    return np.array(a) @ x + np.sum(np.array(a)[1], axis=0)


@style([0.5, 0.8, 0.2])
def deep_copies(x):
    y = copy.deepcopy(x)
    z = copy.copy(y)
    y[0] = z[1] * 2
    s = State(x)
    t = copy.deepcopy(s)
    t.x = 3 * t.y
    return np.concatenate((y, z, t.vector()))


@style([0.5, 0.8, 0.2])
def closures_with_defaults(x):
    fs = [lambda v, k=k: v ** (k + 1) for k in range(3)]
    return np.array([f(v) for f, v in zip(fs, x)])


@style([0.5, 0.8, 0.2])
def memo(x):
    cache = {}

    def fib(k):
        if k not in cache:
            cache[k] = x[k] if k < 2 else fib(k - 1) * 0.5 + fib(k - 2) * x[2]
        return cache[k]

    return fib(7)


COUNTER = {"n": 0}
SCALE = 2.0
TABLE = np.linspace(1, 2, 3)


@style([0.5, 0.8, 0.2])
def script_with_globals(x):
    global SCALE
    r = SCALE * x * TABLE
    COUNTER["n"] += 1
    return r - 1


@style([0.5, 0.8, 0.2])
def contexts(x):
    with np.errstate(divide="ignore"), np.printoptions(precision=3):
        try:
            r = 1 / x
        except ZeroDivisionError:
            r = x
        finally:
            r = r + 1
    return r


@style([0.5, 0.8, 0.2])
def match_statement(x):
    match (len(x), "sum"):
        case (3, "sum"):
            return x.sum()
        case _:
            return x


@style([0.5, 0.8, 0.2])
def walrus_and_conditionals(x):
    r = [y for v in x if (y := v * 2) is not None]
    return np.array(r or [0.0])


@style([0.5, 0.8, 0.2])
def string_keys(x):
    out = {}
    for i, v in enumerate(x):
        out[f"x{i}"] = v**2
    return np.array([out["x0"], out["x2"], out["x1"]])


def _decorated(f):
    @functools.wraps(f)
    def wrapper(*args, **kwargs):
        return np.asarray(f(*args, **kwargs))

    return wrapper


@style([0.5, 0.8, 0.2])
@_decorated
def decorated(x):
    return [x[0] * x[1], x[2]]


@style([0.5, 0.8, 0.2])
def returns_column(x):
    return np.array([[x[0] * x[1]], [x[2]]])


@style([0.5, 0.8, 0.2])
def returns_mixed_list(x):
    return [x[0], 1, 2.5, np.float64(3), x[1] * x[2], True]


@style([0.5, 0.8, 0.2])
def returns_integers(x):
    return 3


@style(0.7)
def scalar_argument(x):
    return [math.exp(x), x**2, x * np.array([1.0, 2.0])[1]]


@style([[0.5, 0.8], [0.2, 0.4]])
def matrix_argument(X):
    return X @ X.T - np.trace(X) * np.eye(2)


@style(np.linspace(0.1, 0.9, 6))
def named_slices(z):
    layout = {"pos": slice(0, 2), "vel": slice(2, 4), "aux": [4, 5]}
    s = {k: z[v] for k, v in layout.items()}
    return np.concatenate([s["vel"], -s["pos"] * s["aux"], s["aux"] ** 2])
