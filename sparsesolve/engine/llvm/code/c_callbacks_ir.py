"""The LLVM IR of the callbacks of IPOPT's C interface.

Separate because it alone knows their arguments; one set of functions serves all problems. The last
argument is the address of a state (see `point_values_ir`). A callback looks for its point, runs the
program where there is no value yet, and copies the value. What is not finite, or has no machine
code, is left to the function ``python`` of its kind, which gets the same arguments. Now and then
``beat`` is called, so that Python can see to signals; once ``stop`` is set, all refuse.
"""

from __future__ import annotations

from sparsesolve.engine.llvm.code.point_values_ir import load_kind, load_state, word_of_kind

__all__ = ["CALLBACKS"]


def _callback(
    kind: str, arguments: str, before: str = "", got: str = "copy", *, last: str = ""
) -> str:
    """Write a callback: look for the value, copy it to ``%to``, or ask Python."""
    names = ", ".join(part.strip() for part in arguments.split(","))
    return f"""i32 ({arguments}) nounwind {{
entry:
{load_state(enter="ptr", evaluate="ptr", copy="ptr", n="i64", m="i64", newest="ptr", first="ptr")}
  %kind = getelementptr i64, ptr %state, i64 {word_of_kind(kind)}
{load_kind(python="ptr", size="i64", count="i64")}
  %bytes = mul i64 %kind.size, 8
  %point.bytes = mul i64 %state.n, 8
  %on = call i1 %state.enter(ptr %state)
  br i1 %on, label %begin, label %refuse
begin:
{before}  br label %evaluate
evaluate:
  %value = call ptr %state.evaluate(ptr %state, ptr %kind, ptr %x)
  %there = icmp ne ptr %value, null
  br i1 %there, label %{got}, label %python
{last}copy:
  %copied = call ptr %state.copy(ptr %to, ptr %value, i64 %bytes)
  br label %fine
fine:
  ret i32 1
python:
  %answer = call i32 %kind.python({names})
  ret i32 %answer
refuse:
  ret i32 0
}}
"""


_OBJECTIVE = _callback("function", "i32 %size, ptr %x, i32 %new, ptr %to, ptr %state")

_CONSTRAINTS = _callback(
    "constraints",
    "i32 %size, ptr %x, i32 %new, i32 %rows, ptr %to, ptr %state",
    before="  %some = icmp ne i32 %rows, 0\n  br i1 %some, label %any, label %fine\nany:\n",
)

_GRADIENT = _callback(
    "gradient",
    "i32 %size, ptr %x, i32 %new, ptr %to, ptr %state",
    before="  %newest.done = call ptr %state.copy(ptr %state.newest, ptr %x, i64 %point.bytes)\n",
    got="first",
    last="""first:
  %is.first = icmp eq i64 %kind.count, 0
  br i1 %is.first, label %keep, label %copy
keep:
  %kept = call ptr %state.copy(ptr %state.first, ptr %value, i64 %bytes)
  br label %copy
""",
)

_WANTED = """  %values = icmp ne ptr %to, null
  br i1 %values, label %wanted, label %python
wanted:
  %some = icmp ne i32 %entries, 0
  br i1 %some, label %any, label %fine
any:
"""

_JACOBIAN = _callback(
    "jacobian",
    "i32 %size, ptr %x, i32 %new, i32 %rows, i32 %entries, ptr %i, ptr %j, ptr %to, ptr %state",
    before=_WANTED,
)

_HESSIAN = f"""i32 (i32 %size, ptr %x, i32 %new, double %sigma, i32 %rows, ptr %multipliers,
 i32 %new.too, i32 %entries, ptr %i, ptr %j, ptr %to, ptr %state) nounwind {{
entry:
{load_state(enter="ptr", run="ptr", copy="ptr", m="i64")}
  %kind = getelementptr i64, ptr %state, i64 {word_of_kind("hessian")}

{load_kind(drive="ptr", python="ptr", weights="ptr", mirror="ptr")}
  %on = call i1 %state.enter(ptr %state)
  br i1 %on, label %begin, label %refuse
begin:
{_WANTED}  %native = icmp ne ptr %kind.drive, null
  br i1 %native, label %weigh, label %python
weigh:
  store double %sigma, ptr %kind.weights
  %rest = getelementptr i64, ptr %kind.weights, i64 1
  %bytes = mul i64 %state.m, 8
  %copied = call ptr %state.copy(ptr %rest, ptr %multipliers, i64 %bytes)
  %mirrors = icmp ne ptr %kind.mirror, null
  br i1 %mirrors, label %mirror, label %run
mirror:
  %all = add i64 %bytes, 8
  %done = call ptr %state.copy(ptr %kind.mirror, ptr %kind.weights, i64 %all)
  br label %run
run:
  %good = call i1 %state.run(ptr %state, ptr %kind, ptr %x, ptr %to)
  br i1 %good, label %fine, label %python
fine:
  ret i32 1
python:
  %answer = call i32 %kind.python(i32 %size, ptr %x, i32 %new, double %sigma, i32 %rows,
 ptr %multipliers, i32 %new.too, i32 %entries, ptr %i, ptr %j, ptr %to, ptr %state)
  ret i32 %answer
refuse:
  ret i32 0
}}
"""

_ITERATION = (
    "i32 %mode, i32 %iteration, double %objective, double %primal, double %dual, double %mu, "
    "double %step, double %regular, double %alpha.dual, double %alpha.primal, i32 %trials, "
    "ptr %state"
)

_INTERMEDIATE = f"""i32 ({_ITERATION}) nounwind {{
entry:
{load_state(enter="ptr", intermediate="ptr", note="ptr", iterations="i64", evaluate="ptr")}
{load_state(n="i64", m="i64", newest="ptr", worst="ptr", is_better="i64", best="ptr", copy="ptr")}
{load_state(lower="ptr", upper="ptr", row_lower="ptr", row_upper="ptr")}
{load_state(best_value="double", best_excess="double", feasible="double")}
  %on = call i1 %state.enter(ptr %state)
  br i1 %on, label %begin, label %refuse
begin:
  %asked = icmp ne ptr %state.intermediate, null
  br i1 %asked, label %python, label %own
own:
  %number = sext i32 %iteration to i64
  %later = icmp sgt i64 %number, %state.iterations
  %last = select i1 %later, i64 %number, i64 %state.iterations
  store i64 %last, ptr %state.iterations.p
  %f.kind = getelementptr i64, ptr %state, i64 {word_of_kind("function")}
  %c.kind = getelementptr i64, ptr %state, i64 {word_of_kind("constraints")}

  %f.p = call ptr %state.evaluate(ptr %state, ptr %f.kind, ptr %state.newest)
  %f.there = icmp ne ptr %f.p, null
  br i1 %f.there, label %bounds, label %fine
bounds:
  %f = load double, ptr %f.p
  %of.x = call double %state.worst(ptr %state.newest, ptr %state.lower, ptr %state.upper,
 i64 %state.n, double 0.0)
  %rows = icmp ne i64 %state.m, 0
  br i1 %rows, label %constrained, label %rank
constrained:
  %c = call ptr %state.evaluate(ptr %state, ptr %c.kind, ptr %state.newest)
  %c.there = icmp ne ptr %c, null
  br i1 %c.there, label %limits, label %fine
limits:
  %of.c = call double %state.worst(ptr %c, ptr %state.row_lower, ptr %state.row_upper,
 i64 %state.m, double %of.x)
  br label %rank
rank:
  %violation = phi double [ %of.x, %bounds ], [ %of.c, %limits ]
  %beyond = fsub double %violation, %state.feasible
  %is.beyond = fcmp ogt double %beyond, 0.0
  %excess = select i1 %is.beyond, double %beyond, double 0.0
  %less = fcmp olt double %excess, %state.best_excess
  %equal = fcmp oeq double %excess, %state.best_excess
  %lower.f = fcmp olt double %f, %state.best_value
  %second = and i1 %equal, %lower.f
  %better = or i1 %less, %second
  br i1 %better, label %keep, label %fine
keep:
  store double %f, ptr %state.best_value.p
  store double %excess, ptr %state.best_excess.p
  store i64 1, ptr %state.is_better.p
  %bytes = mul i64 %state.n, 8
  %copied = call ptr %state.copy(ptr %state.best, ptr %state.newest, i64 %bytes)
  br label %fine
fine:
  %noted = icmp ne ptr %state.note, null
  br i1 %noted, label %tell, label %done
tell:
  %told = call i32 %state.note({_ITERATION})
  ret i32 %told
done:
  ret i32 1
python:
  %answer = call i32 %state.intermediate({_ITERATION})
  ret i32 %answer
refuse:
  ret i32 0
}}
"""

CALLBACKS = {
    "objective": _OBJECTIVE,
    "constraints": _CONSTRAINTS,
    "gradient": _GRADIENT,
    "jacobian": _JACOBIAN,
    "hessian": _HESSIAN,
    "intermediate": _INTERMEDIATE,
}
"""Bodies of the callbacks, in the order of ``CreateIpoptProblem``, for `compile_functions`."""
