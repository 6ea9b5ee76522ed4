"""`KernelSignature`: what machine code of a kernel depends on, and how its words are laid out.

Separate because `tasks` fills the words and `codegen` reads them: the layout must have one home.
A signature holds no sizes, addresses or slot numbers, so kernels of different problems share
code, and code kept on disk fits any size of a problem.

Data layout. A generated function is ``f(words, bases, low, high)``. `words` is a vector of int64:

====================  ====================================================================
0                     n, the number of slots of x
each load             words of its kind, `LOAD_WORDS`
each value            a float64 constant, as bits
each native function  its address
each store            words of its kind, `STORE_WORDS`
the mode              "rows": address of the segments; "runs": address of the table of pieces
====================  ====================================================================

`bases` is a vector of addresses, numbered as in `BASES`; slot ``s`` of a base is at
``address + 8 * s`` (the addresses are shifted so that slot numbers of the program serve as they
are). In the modes "runs" the domain is cut where an index array is not affine; the table has a row
(low, high, words of each run load, words of each run store) for each piece.
"""

from __future__ import annotations

from typing import TypeAlias

from sparsesolve.host.dataclass import dataclass
from sparsesolve.ir.program import Node

__all__ = ["BASES", "LOAD_WORDS", "RUN_WORDS", "STORE_WORDS", "KernelSignature"]

BASES = {"x": 0, "rest": 1, "out": 2, "absolute": 3, "nowhere": 4, "parameters": 5}

LOAD_WORDS = {
    "scalar": 2,  # base, slot
    "unit": 2,  # base, first slot
    "strided": 3,  # base, first slot, stride
    "index": 2,  # base, address of int32 slots
    "mixed": 1,  # address of int32 slots; below n in x, others in rest
    "run-unit": 0,
    "run-strided": 0,
}
STORE_WORDS = {
    "rest": 1,  # first slot
    "out": 1,  # first position
    "out-strided": 2,  # first position, stride
    "out-first": 1,  # first position; this store and those that follow it take turns
    "out-next": 0,
    "out-index": 1,  # address of int32 positions
    "out-partial": 1,  # the same, where -1 means nowhere
    "run-unit": 0,
    "run-strided": 0,
}
RUN_WORDS = {"run-unit": 2, "run-strided": 3}  # base, slot of i = 0 (, stride), in the table

Store: TypeAlias = tuple[int, str]


@dataclass(frozen=True, slots=True)
class KernelSignature:
    """What the code of a kernel depends on.

    Parameters
    ----------
    mode : {"map", "tiny", "runs", "tiny-runs", "rows", "long-rows"}
        The loop: over vectors, over single elements, over pieces in vectors or in elements, or
        over sums of elements or of vectors.
    nodes : tuple of Node
        The expression. A node with op ``"value"`` is a constant among the words.
    loads : tuple of str
        Kind of each load, a key of `LOAD_WORDS`.
    stores : tuple of (int, str)
        Node and kind of each store, the kind a key of `STORE_WORDS`.
    """

    mode: str
    nodes: tuple[Node, ...]
    loads: tuple[str, ...]
    stores: tuple[Store, ...]

    @property
    def n_values(self) -> int:
        """Number of constants among the words."""
        return sum(node.op == "value" for node in self.nodes)
