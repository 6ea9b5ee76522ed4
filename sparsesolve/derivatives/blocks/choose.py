"""Whether a derivative is made of blocks: where that pays.

It is a matter of cost, and blocks are right wherever they are used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sparsesolve.derivatives.prepare_log import PrepareLog
from sparsesolve.differentiate import TooManyTerms
from sparsesolve.differentiate.biases import has_layers, with_biases
from sparsesolve.differentiate.cuts import pays, wide_sums, widely_read_sums
from sparsesolve.differentiate.waists import with_waists
from sparsesolve.host.dataclass import dataclass
from sparsesolve.host.imports import importing
from sparsesolve.ir.program import Program, Slots

if TYPE_CHECKING:
    from sparsesolve.derivatives.blocks.blocked import Blocked, Plain

__all__ = ["Offer", "blocked_hessian", "blocked_jacobian"]


@dataclass(frozen=True, slots=True)
class Offer:
    """A derivative made of blocks, which is compared with its entries once it is taken.

    Parameters
    ----------
    taken : callable
        Returns it.
    pays : bool
        Whether its own terms alone are more than a list is good for. Otherwise it is better than a
        list that is long for another reason.
    """

    taken: Callable[[], Blocked]
    pays: bool


def blocked_jacobian(program: Program, log: PrepareLog, plain: Plain) -> Offer | None:
    """Prepare a Jacobian as blocks, where it has any that may be better than a list.

    Parameters
    ----------
    program : Program
        A fused function.
    log : PrepareLog
        Gets the times.
    plain : callable
        The other way to the values, where they are not finite.
    """
    with log.stage("detect"):
        program = _with_wide_sums(program)
        cuts = widely_read_sums(program)
    if not cuts.size:
        return None
    with importing():  # most programs have no blocks
        from sparsesolve.derivatives.blocks.classes import Unstructured  # noqa: PLC0415
        from sparsesolve.derivatives.blocks.extended import Extended  # noqa: PLC0415
        from sparsesolve.derivatives.blocks.jacobian import BlockedJacobian  # noqa: PLC0415

    try:
        found = BlockedJacobian(Extended(program, cuts, log), plain)
    except (TooManyTerms, Unstructured):
        return None
    return _offered(found, found.terms(), cuts, log)


def blocked_hessian(
    program: Program, log: PrepareLog, plain: Plain, *, weighted: bool = False
) -> Offer | None:
    """Prepare a Hessian as blocks, where it has any that may be better than a list.

    Parameters
    ----------
    program : Program
        A fused function.
    log : PrepareLog
        Gets the times.
    plain : callable
        The other way to the values, where they are not finite.
    weighted : bool, default False
        Whether weights of the outputs come as the last parameter; otherwise they are ones.
    """
    with log.stage("detect"):
        program = _with_wide_sums(program)
        cuts = wide_sums(program)
    if not cuts.size:
        return None
    with importing():
        from sparsesolve.derivatives.blocks.classes import Unstructured  # noqa: PLC0415
        from sparsesolve.derivatives.blocks.extended import Extended  # noqa: PLC0415
        from sparsesolve.derivatives.blocks.hessian import BlockedHessian  # noqa: PLC0415

    try:
        found = BlockedHessian(Extended(program, cuts, log), plain, log, weighted=weighted)
    except (TooManyTerms, Unstructured):
        return None
    return _offered(found, found.terms(), cuts, log)


def _with_wide_sums(program: Program) -> Program:
    """Give sums inside expressions, and those of layers with their biases, slots of their own."""
    program = with_waists(program)
    return with_biases(program) if has_layers(program) else program


def _offered(found: Blocked, terms: float, cuts: Slots, log: PrepareLog) -> Offer | None:
    def taken() -> Blocked:
        from sparsesolve.derivatives.blocks.assembly import hold_assembly  # noqa: PLC0415 - as above

        hold_assembly(found, log)
        log.note(f"{cuts.size} wide sums are multiplied as blocks, not term by term")
        return found

    return Offer(taken, pays=pays(terms, float(found.nnz))) if terms else None
