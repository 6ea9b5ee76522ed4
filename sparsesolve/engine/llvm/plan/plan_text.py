"""A plan in a form that people read.

Nothing that runs needs it. Nodes that are used more than once get a name, so the
text is as long as the kernel, not as its formula written out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sparsesolve.engine.llvm.plan.planner import Plan
from sparsesolve.engine.llvm.plan.tasks import Copy, Task

__all__ = ["plan_lines"]


def plan_lines(plan: Plan) -> Iterator[str]:
    """Write every task: a heading, the named nodes, and what is stored where."""
    for stage in plan.stages:
        for task in stage.tasks:
            yield _heading(task)
            yield from _body(task)
        if stage.call is not None:
            call = stage.call
            yield f"call {call.name} with {len(call.operands)} operands for {call.length} results"
    if plan.is_constant.any():
        yield f"constant: {int(plan.is_constant.sum())} of {plan.program.m} results"


def _heading(task: Task) -> str:
    kernel = task.computes
    summed = "" if kernel.segments is None else f" summed to {kernel.rows} rows"
    pieces = f" in {task.high} affine pieces" if task.signature.mode == "runs" else ""
    return f"for i < {kernel.length}{summed}{pieces}:"


def _body(task: Task) -> Iterator[str]:
    kernel = task.computes
    uses = Counter(a for node in kernel.nodes if node.op != "load" for a in node.args)
    texts: list[str] = []
    for number, node in enumerate(kernel.nodes):
        texts.append(_formula(task, number, texts))
        if uses[number] > 1 and node.op not in ("load", "const"):
            yield f"    t{number} = {texts[number]}"
            texts[number] = f"t{number}"
    for number, kind in task.signature.stores:
        yield f"    {kind} <- {texts[number]}"


def _formula(task: Task, number: int, texts: list[str]) -> str:
    kernel = task.computes
    node = kernel.nodes[number]
    if node.op == "const":
        return f"{node.value:g}"
    if node.op == "load":
        kind = task.signature.loads[node.args[0]]
        if isinstance(kernel, Copy):
            return f"{kind} out[{kernel.sources}]"
        return f"{kind} s[{kernel.loads[node.args[0]]}]"
    return f"{node.op}({', '.join(texts[a] for a in node.args)})"
