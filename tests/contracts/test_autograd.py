"""What the tracer assumes of autograd's internals; a failure names what upstream changed."""

from __future__ import annotations

import inspect

import autograd.numpy as anp
import autograd.numpy.linalg as linalg
import numpy as np
import scipy.sparse
from autograd.builtins import SequenceBox, container_take
from autograd.core import primitive_jvps, primitive_vjps
from autograd.numpy import numpy_wrapper
from autograd.numpy.numpy_boxes import ArrayBox
from autograd.tracer import Box, Node, new_box, notrace_primitives, primitive, trace_stack


class Record(Node):
    __slots__ = ("call",)

    def __init__(self, value, fun, args, kwargs, parent_argnums, parents):
        self.call = (value, fun, args, kwargs, parent_argnums, parents)

    def initialize_root(self):
        self.call = None


def _one_call(function, value=2.0):
    with trace_stack.new_trace() as level:
        start = Record.new_root()
        return start, function(new_box(np.float64(value), level, start))


def test_node_is_called_with_the_whole_call():
    start, box = _one_call(lambda x: anp.add(3.0, x))
    value, fun, args, kwargs, argnums, parents = box._node.call
    assert (value, fun, args, kwargs) == (5.0, anp.add, (3.0, 2.0), {})
    assert (tuple(argnums), tuple(parents)) == ((1,), (start,))


def test_keyword_arguments_are_not_searched_for_boxes():
    with trace_stack.new_trace() as level:
        box = new_box(np.float64(2.0), level, Record.new_root())
        seen = []
        primitive(lambda x, y=None: seen.append(type(y)) or x)(box, y=box)
    assert seen == [ArrayBox]


def test_other_nodes_have_no_notrace_primitives():
    assert not notrace_primitives[Record]
    _, box = _one_call(lambda x: anp.sign(x))
    assert box._node.call[1] is anp.sign


def test_trace_stack_counts_levels():
    with trace_stack.new_trace() as outer, trace_stack.new_trace() as inner:
        assert inner == outer + 1


def test_boxes_are_found_by_exact_type():
    assert Box.type_mappings[np.ndarray] is ArrayBox
    assert ArrayBox in Box.types
    assert Box.type_mappings[tuple] is SequenceBox
    assert Box.__slots__ == ["_value", "_trace", "_node"]


def test_primitives_know_what_they_wrap():
    assert anp.sin.fun is np.sin
    assert anp.sin._is_autograd_primitive
    assert ArrayBox.__getitem__._is_autograd_primitive
    assert container_take._is_autograd_primitive


def test_names_that_the_wrapper_hides():
    assert numpy_wrapper._primitive_mean.fun is np.mean
    assert numpy_wrapper._primitive_var.fun is np.var
    assert numpy_wrapper._primitive_std.fun is np.std
    assert linalg._primitive_norm.fun is np.linalg.norm
    assert anp._original_where.fun is np.where


def test_list_functions():
    assert list(inspect.signature(anp.concatenate_args.fun).parameters) == ["axis", "args"]
    assert list(inspect.signature(anp.array_from_args.fun).parameters) == [
        "array_args",
        "array_kwargs",
        "args",
    ]


def test_rules_are_keyed_by_primitive():
    assert anp.sin in primitive_vjps
    assert anp.sin in primitive_jvps
    assert ArrayBox.__getitem__ in primitive_vjps


class Operand:
    __array_ufunc__ = None
    shape = (3,)
    ndim = 1

    def __array__(self, dtype=None, copy=None):
        whole = np.empty((), dtype=object)
        whole[()] = self
        return whole

    def __rmatmul__(self, other):
        return "ours"

    __rmul__ = __rmatmul__


def test_sparse_products_leave_unknown_operands_to_them():
    """A product with an operand that is an object array without dimensions is its own."""
    for kind in ("csr", "csc", "coo", "dia", "bsr", "lil", "dok"):
        array = scipy.sparse.eye_array(3).asformat(kind)
        assert array @ Operand() == "ours"
        assert scipy.sparse.eye(3).asformat(kind) * Operand() == "ours"


def test_numpy_does_not_dispatch_its_constructors():
    """If it did, the constructors would need no replacement during a trace."""

    class Dispatched:
        def __array_function__(self, func, types, args, kwargs):
            return "ours"

        def __array__(self, dtype=None, copy=None):
            return np.ones(2)

    assert np.array_equal(np.asarray(Dispatched()), np.ones(2))
    assert np.sum(Dispatched()) == "ours"
