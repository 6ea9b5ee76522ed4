"""What remains refused says so in one sentence: the line, the cause, and the change."""

from __future__ import annotations

import array
import ctypes
import decimal
import fractions
import io
import json
import math
import pickle
import struct

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize
import scipy.sparse
import scipy.spatial

import sparsesolve as ss
from sparsesolve.errors import TraceError, UnsupportedOperation

X = np.array([0.3, 0.5, 0.9, 0.7])
BUFFER = np.zeros(4, dtype=int)
CACHE = {}


def _into_buffer(x):
    BUFFER[:2] = x[:2]
    return BUFFER


HELD = (np.zeros(4),)


def _into_item(x):
    HELD[0][1:3] = x[:2]
    return HELD[0]


def _into_integers(x):
    counts = np.zeros(4, dtype=int)
    counts[0] = x[0]
    return counts


# name: the function, what the message says of the cause, and of the change
WITH_LINE = {
    # arrays that exist before the call, or are of integers
    "a global buffer of integers": (_into_buffer, "assignment|Python float|array", r"np\.zeros"),
    "an item of a tuple": (_into_item, "conversion to an array", r"np\.zeros"),
    "its item, in place": (lambda x: HELD[0].__iadd__(x), "into a plain array", r"np\.zeros_like"),
    "its item as output": (lambda x: np.sin(x, out=HELD[0]), "out=", r"np\.zeros_like"),
    "integers": (_into_integers, "integers|int64", "dtype=float"),
    # keys
    "a key of a dict": (lambda x: x * {0.3: 1.0}.get(x[0], 2.0), "as keys", r"np\.where"),
    "a set": (lambda x: x * len(set(x)), "as keys", r"np\.where"),
    "a hash": (lambda x: x * hash(x[0]), "as keys", r"np\.where"),
    # other numbers, and other kinds of them
    "float32": (lambda x: x.astype(np.float32), "conversion to float32", "float64"),
    "np.float32": (lambda x: x * np.float32(x[0]), "conversion to an array", r"float\(\)"),
    "np.bool": (lambda x: x * np.bool_(x[0]), "kind bool", r"float\(\)"),
    "complex64": (lambda x: x.astype(np.complex64), "conversion to complex64", "float64"),
    "a dtype": (lambda x: np.sum(x, dtype=np.float32), "float32", "Leave it out"),
    "Decimal": (lambda x: x * float(decimal.Decimal(x[0])), "Decimal", "NumPy's functions"),
    "Fraction": (lambda x: x * float(fractions.Fraction(x[0])), "as_integer_ratio", "NumPy's"),
    "ctypes": (lambda x: x * ctypes.c_double(x[0]).value, "Python float", r"float\(\)"),
    "an array of Python": (lambda x: np.array(array.array("d", x)), "float", r"float\(\)"),
    # bytes and text
    "bytes": (lambda x: np.frombuffer(x.tobytes()), r"`\.tobytes`", "NumPy's functions"),
    "struct": (lambda x: x * len(struct.pack("d", x[0])), "Python float", r"float\(\)"),
    "pickle": (lambda x: pickle.loads(pickle.dumps(x)), "does not", "NumPy's functions"),
    "json": (lambda x: np.array(json.loads(json.dumps(x.tolist()))), "does not", "NumPy's"),
    "memoryview": (lambda x: x * memoryview(x)[0], "does not", "NumPy's functions"),
    "savetxt": (lambda x: np.savetxt(io.StringIO(), x) or x, "savetxt", "other NumPy functions"),
    "view": (lambda x: x.view(np.int64), r"`\.view`", "NumPy's functions"),
    "byteswap": (lambda x: x.byteswap(), r"`\.byteswap`", "NumPy's functions"),
    "getfield": (lambda x: x.getfield(np.int8), r"`\.getfield`", "NumPy's functions"),
    "flags": (lambda x: x * x.flags.owndata, r"`\.flags`", "NumPy's functions"),
    "an address": (lambda x: x * x.ctypes.data, r"`\.ctypes`", "NumPy's functions"),
    "dumps": (lambda x: x * len(x.dumps()), r"`\.dumps`", "NumPy's functions"),
    "resize": (lambda x: x.resize((2, 2)), r"`\.resize`", "NumPy's functions"),
    # NumPy
    "eigvals": (lambda x: np.linalg.eigvals(np.eye(25) * x[0]).real, "may be complex", "eigh"),
    "frexp": (lambda x: np.frexp(x)[0], "`frexp`", "other NumPy functions"),
    "nextafter": (lambda x: np.nextafter(x, 1.0), "`nextafter`", "other NumPy functions"),
    "a loop by nditer": (
        lambda x: sum(v for v in np.nditer(x)),
        "take traced",
        "NumPy's functions",
    ),
    "where without out": (lambda x: np.sqrt(x, where=x > 0.4), "without `out=`", "np.where"),
    "traced quantile": (lambda x: np.quantile(x, x[0]), "traced `q`", "constant `q`"),
    "weighted covariance": (lambda x: np.cov(x, aweights=[1, 2, 1, 1]), "weights", "np.average"),
    "a masked array": (lambda x: np.ma.array(x).anom().filled(0.0), r"`\.anom`", r"np\.where"),
    "a histogram": (lambda x: np.histogram(x)[0], "order", r"np\.where"),
    "polyfit with all": (lambda x: np.polyfit(X, x, 1, full=True)[0], "full", "Leave it out"),
    "spacing": (lambda x: np.spacing(x) * x, "`spacing`", "other NumPy functions"),
    "math.frexp": (lambda x: x * math.frexp(x[0])[0], "Python float", r"float\(\)"),
    "math.nextafter": (lambda x: x * math.nextafter(x[0], 1.0), "Python float", r"float\(\)"),
    "triangles": (lambda x: scipy.spatial.Delaunay(x.reshape(2, 2)), "Delaunay", "constant points"),
    "save": (lambda x: np.save(io.BytesIO(), x) or x, "`save`", "other NumPy functions"),
    "a hull": (lambda x: scipy.spatial.ConvexHull(x.reshape(2, 2)).volume, "ConvexHull", "det"),
    "poly of a matrix": (lambda x: np.poly(np.outer(x, x)), "matrix", "eigenvalues"),
    # SciPy
    "a sum with a matrix": (
        lambda x: scipy.sparse.csr_matrix(np.eye(4)) > x,
        "sparse|does not|object|branch",
        "A @ x|np|dense",
    ),
    "a solver of ours": (
        lambda x: ss.root(lambda y: y**3 + y - x, np.zeros(4)).x,
        "another trace",
        r"scipy\.optimize",
    ),
    "an integral": (
        lambda x: x * scipy.integrate.dblquad(lambda s, t: s * t * x[0], 0, 1, 0, 1)[0],
        "quad|float",
        "float|quad|np",
    ),
}


@pytest.mark.every(2)
@pytest.mark.slow_cases("a set", "a hash")  # they look at all objects there are
@pytest.mark.parametrize("name", WITH_LINE)
@pytest.mark.filterwarnings("ignore")
def test_line_cause_and_change(name):
    function, cause, change = WITH_LINE[name]
    BUFFER[:] = 0.0
    CACHE.clear()
    with pytest.raises(TraceError, match="expected") as caught:
        ss.jacobian(function, X)
    message = str(caught.value)
    first = function.__code__.co_firstlineno
    lines = [int(part.split(".")[0].split()[0].rstrip(":,;)(")) for part in _after_file(message)]
    assert lines, message
    assert first <= lines[0] <= first + 4
    assert len(message) < 500
    with pytest.raises(TraceError, match=cause):
        ss.jacobian(function, X)
    with pytest.raises(TraceError, match=change):
        ss.jacobian(function, X)


def _after_file(message):
    return message.split(f"{__file__}:")[1:]


def test_there_are_fifty():
    assert len(WITH_LINE) >= 50


WITHOUT_LINE = {
    "None": (lambda x: None, "got None", "Return its value"),
    "text": (lambda x: "a", "got str", "Return the value"),
    "a dict": (lambda x: {"a": x}, "got dict", "Return the value"),
    "complex values": (lambda x: x * 1j, "complex ones", r"\.real"),
    "a ragged value": (lambda x: [x[:2], x], "one shape", r"np\.concatenate"),
    "a sparse value": (lambda x: scipy.sparse.eye_array(4) * 2.0, "a sparse one", "toarray"),
}


@pytest.mark.parametrize("name", WITHOUT_LINE)
def test_what_is_returned(name):
    function, cause, change = WITHOUT_LINE[name]
    for text in (cause, change):
        with pytest.raises(TraceError, match=text):
            ss.jacobian(function, X)


def test_a_line_of_python_itself_is_no_users_line():
    with pytest.raises(UnsupportedOperation) as caught:
        ss.jacobian(lambda x: x * float(fractions.Fraction(x[0])), X)
    assert "fractions.py" not in str(caught.value)
