"""How nonzeros are kept on disk: their pattern, their program or products, and the colors.

What runs is made ready again when it is read. It was held against the interpreter by the process
that made it, and is so again where its machine code is not what that process has left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sparsesolve.derivatives.fused import Fused
from sparsesolve.derivatives.nonzeros import Accumulated, Compressed, products_of
from sparsesolve.derivatives.prepare_log import PrepareLog
from sparsesolve.derivatives.stored import StoredKind, stored_as
from sparsesolve.derivatives.traced_function import executable
from sparsesolve.engine.interpreter.interpret import Interpreter
from sparsesolve.host.imports import importing
from sparsesolve.ir.packing import Unpackable
from sparsesolve.ir.program_tree import program_from_tree, program_tree
from sparsesolve.structure.pattern import Pattern

if TYPE_CHECKING:
    from sparsesolve.derivatives.products import Products

__all__: list[str] = []


def _pattern_tree(pattern: Pattern) -> list[Any]:
    return [pattern.shape, pattern.indptr, pattern.indices]


def _pattern(tree: list[Any]) -> Pattern:
    (m, n), indptr, indices = tree
    return Pattern.known((m, n), indptr, indices)


def _accumulated_tree(made: Accumulated) -> list[Any]:
    return [_pattern_tree(made.pattern), program_tree(made.run.program), made.matrix]


def _accumulated_again(tree: list[Any], log: PrepareLog) -> Accumulated:
    pattern, program, matrix = tree
    made = Fused(program_from_tree(program))
    return Accumulated.of(_pattern(pattern), made, matrix, log, known=True)


def _compressed_tree(made: Compressed) -> list[Any]:
    coloring = made.recovery.coloring
    counts, ways = [coloring.nforward, coloring.nreverse], [coloring.recovery, coloring.order]
    colored = [coloring.structure, coloring.colors, *counts, *ways]
    products = [_products_tree(one) for one in (made.push, made.pull)]
    return [_pattern_tree(coloring.pattern), colored, *products]


def _products_tree(products: Products | None) -> list[Any] | None:
    if products is None:
        return None
    if isinstance(products.run, Interpreter):  # which takes any number of seeds
        raise Unpackable("interpreted products")
    return [program_tree(products.run.program), products.width]


def _compressed_again(tree: list[Any], log: PrepareLog) -> Compressed:
    with importing():
        from sparsesolve.coloring import Coloring  # noqa: PLC0415 - only where there are colors
        from sparsesolve.coloring.recover import prepare_recovery  # noqa: PLC0415 - as above

    pattern, colored, push, pull = tree
    recovery = prepare_recovery(Coloring(_pattern(pattern), *colored))
    products = _products_again(push, log), _products_again(pull, log)
    symmetric = recovery.coloring.structure == "symmetric"
    own = recovery.lower_pattern if symmetric else recovery.pattern
    return Compressed(own, recovery, *products)


def _products_again(tree: list[Any] | None, log: PrepareLog) -> Products | None:
    if tree is None:
        return None
    run = executable(Fused(program_from_tree(tree[0])), log, known=True)
    if isinstance(run, Interpreter):
        raise Unpackable("interpreted products")
    return products_of(run, tree[1])


stored_as(Accumulated, StoredKind("nonzeros", _accumulated_tree, _accumulated_again))
stored_as(Compressed, StoredKind("colored", _compressed_tree, _compressed_again))
