"""The LLVM IR of values at a point, each computed once: what callbacks written in C share.

Separate because it knows the words of a state, and nothing of programs or of a solver's arguments.
A *state* is an int64 array: the words of `STATE`, then those of `KIND` for each of `KINDS`. Two
points are kept, as a line search returns to the one before.
"""

from __future__ import annotations

from sparsesolve.engine.llvm.plan.kernel_signature import BASES

__all__ = ["HELPERS", "KIND", "KINDS", "STATE", "load_kind", "load_state", "word_of_kind"]

KINDS = ("function", "gradient", "constraints", "jacobian", "hessian")

_HELPERS = ("now", "run", "find", "evaluate", "enter", "worst")

STATE = (
    "n", "m", "stop", "clock", "clock_id", "beat", "last_beat", "copy", "current", "point0",
    "point1", "newest", "first", "intermediate", "note", "iterations", "is_better", "best",
    "best_value", "best_excess", "lower", "upper", "row_lower", "row_upper", "feasible", *_HELPERS,
)  # fmt: skip
"""Sizes; whether to refuse; ``clock_gettime``, or 0, and what it is to be asked; what to call now
and then, and when it was; ``memmove``; the point in use, and both; the point of the last gradient,
the first gradient; what to call at an iteration in place of all
else, or 0, and what after it; the last iteration; whether there is a best
point, the point, its objective and what it violates beyond ``feasible``; the bounds; that limit;
the addresses of `HELPERS`."""

KIND = (
    "drive", "table", "bases", "size", "count", "nanoseconds", "python",
    "known0", "value0", "known1", "value1", "weights", "mirror",
)  # fmt: skip
"""The driver, or 0, and its arguments; elements of the result; runs, and the time they took; what
to call instead; for either point whether the value is known (1) or not finite (2), and the value;
for the Hessian, where its weights are copied to."""

_BEAT = 50_000_000  # nanoseconds


def word_of_kind(name: str) -> int:
    """Return the place of a kind among the words of a state."""
    return len(STATE) + KINDS.index(name) * len(KIND)


def _at(vector: str, index: int | str, name: str) -> str:
    return f"  %{name} = getelementptr i64, ptr %{vector}, i64 {index}\n"


def _load(vector: str, names: tuple[str, ...], **kinds: str) -> str:
    """Load words into ``%vector.name``, whose places are ``%vector.name.p``."""
    return "".join(
        _at(vector, names.index(name), f"{vector}.{name}.p")
        + f"  %{vector}.{name} = load {kind}, ptr %{vector}.{name}.p\n"
        for name, kind in kinds.items()
    )


def load_state(**kinds: str) -> str:
    """Load words of the state, of these types, into ``%state.name``."""
    return _load("state", STATE, **kinds)


def load_kind(**kinds: str) -> str:
    """Load words of a kind, of these types, into ``%kind.name``."""
    return _load("kind", KIND, **kinds)


_NOW = f"""i64 (ptr %state) nounwind {{
entry:
{load_state(clock="ptr", clock_id="i64")}  %there = icmp ne ptr %state.clock, null
  br i1 %there, label %look, label %none
none:
  ret i64 0
look:
  %time = alloca [2 x i64]
  %id = trunc i64 %state.clock_id to i32
  %done = call i32 %state.clock(i32 %id, ptr %time)
  %seconds = load i64, ptr %time
{_at("time", 1, "rest.p")}  %rest = load i64, ptr %rest.p
  %whole = mul i64 %seconds, 1000000000
  %sum = add i64 %whole, %rest
  ret i64 %sum
}}
"""

_RUN = f"""i1 (ptr %state, ptr %kind, ptr %x, ptr %out) nounwind {{
entry:
{load_state(now="ptr")}{load_kind(drive="ptr", table="ptr", bases="ptr")}
{load_kind(size="i64", count="i64", nanoseconds="i64")}
  %begin = call i64 %state.now(ptr %state)
{_at("kind.bases", BASES["x"], "x.p")}{_at("kind.bases", BASES["out"], "out.p")}
  store ptr %x, ptr %x.p
  store ptr %out, ptr %out.p
  call void %kind.drive(ptr %kind.table, ptr %kind.bases)
  %wide = and i64 %kind.size, -8
  br label %vectors
vectors:
  %i = phi i64 [ 0, %entry ], [ %i.next, %vector ]
  %sum = phi <8 x double> [ zeroinitializer, %entry ], [ %sum.next, %vector ]
  %i.more = icmp slt i64 %i, %wide
  br i1 %i.more, label %vector, label %gather
vector:
  %v.p = getelementptr double, ptr %out, i64 %i
  %v = load <8 x double>, ptr %v.p, align 8
  %v.zero = fmul <8 x double> %v, zeroinitializer
  %sum.next = fadd <8 x double> %sum, %v.zero
  %i.next = add i64 %i, 8
  br label %vectors
gather:
  %same = fcmp oeq <8 x double> %sum, zeroinitializer
  %same.bits = bitcast <8 x i1> %same to i8
  %vectors.fine = icmp eq i8 %same.bits, -1
  br label %rest
rest:
  %j = phi i64 [ %wide, %gather ], [ %j.next, %one ]
  %fine = phi i1 [ %vectors.fine, %gather ], [ %fine.next, %one ]
  %j.more = icmp slt i64 %j, %kind.size
  br i1 %j.more, label %one, label %checked
one:
  %w.p = getelementptr double, ptr %out, i64 %j
  %w = load double, ptr %w.p
  %w.zero = fmul double %w, 0.0
  %w.fine = fcmp oeq double %w.zero, 0.0
  %fine.next = and i1 %fine, %w.fine
  %j.next = add i64 %j, 1
  br label %rest
checked:
  %end = call i64 %state.now(ptr %state)
  %spent = sub i64 %end, %begin
  %total = add i64 %kind.nanoseconds, %spent
  store i64 %total, ptr %kind.nanoseconds.p
  %one.more = zext i1 %fine to i64
  %counted = add i64 %kind.count, %one.more
  store i64 %counted, ptr %kind.count.p
  ret i1 %fine
}}
"""


def _same_point(label: str, point: str, yes: str, no: str) -> str:
    """Compare ``%x`` with a point bit by bit, from block `label` on."""
    p = label
    return f"""{p}:
  br label %{p}.wide
{p}.wide:
  %{p}.i = phi i64 [ 0, %{p} ], [ %{p}.i.next, %{p}.same ]
  %{p}.more = icmp slt i64 %{p}.i, %wide
  br i1 %{p}.more, label %{p}.look, label %{p}.rest
{p}.look:
  %{p}.a.p = getelementptr i64, ptr %x, i64 %{p}.i
  %{p}.b.p = getelementptr i64, ptr {point}, i64 %{p}.i
  %{p}.a = load <8 x i64>, ptr %{p}.a.p, align 8
  %{p}.b = load <8 x i64>, ptr %{p}.b.p, align 8
  %{p}.ne = icmp ne <8 x i64> %{p}.a, %{p}.b
  %{p}.bits = bitcast <8 x i1> %{p}.ne to i8
  %{p}.differs = icmp ne i8 %{p}.bits, 0
  br i1 %{p}.differs, label %{no}, label %{p}.same
{p}.same:
  %{p}.i.next = add i64 %{p}.i, 8
  br label %{p}.wide
{p}.rest:
  %{p}.j = phi i64 [ %wide, %{p}.wide ], [ %{p}.j.next, %{p}.equal ]
  %{p}.j.more = icmp slt i64 %{p}.j, %state.n
  br i1 %{p}.j.more, label %{p}.one, label %{yes}
{p}.one:
  %{p}.c.p = getelementptr i64, ptr %x, i64 %{p}.j
  %{p}.d.p = getelementptr i64, ptr {point}, i64 %{p}.j
  %{p}.c = load i64, ptr %{p}.c.p
  %{p}.d = load i64, ptr %{p}.d.p
  %{p}.j.ne = icmp ne i64 %{p}.c, %{p}.d
  br i1 %{p}.j.ne, label %{no}, label %{p}.equal
{p}.equal:
  %{p}.j.next = add i64 %{p}.j, 1
  br label %{p}.rest
"""


def _forgotten(slot: str) -> str:
    """Mark the values of a point as unknown."""
    lines = ""
    for name in KINDS[:-1]:
        first = word_of_kind(name) + KIND.index("known0")
        lines += f"  %{name}.word = add i64 {first}, {slot}\n"
        lines += _at("state", f"%{name}.word", f"{name}.p") + f"  store i64 0, ptr %{name}.p\n"
    return lines


_FIND = f"""i64 (ptr %state, ptr %x) nounwind {{
entry:
{load_state(n="i64", copy="ptr", current="i64", point0="ptr", point1="ptr")}
  %wide = and i64 %state.n, -8
  %bytes = mul i64 %state.n, 8
  %is.first = icmp eq i64 %state.current, 0
  %here = select i1 %is.first, ptr %state.point0, ptr %state.point1
  %there = select i1 %is.first, ptr %state.point1, ptr %state.point0
  %other = sub i64 1, %state.current
  br label %newer
{_same_point("newer", "%here", "stay", "older")}
{_same_point("older", "%there", "swap", "fresh")}
stay:
  ret i64 %state.current
fresh:
  %done = call ptr %state.copy(ptr %there, ptr %x, i64 %bytes)
  %slot = mul i64 %other, 2
{_forgotten("%slot")}  br label %swap
swap:
  store i64 %other, ptr %state.current.p
  ret i64 %other
}}
"""

_EVALUATE = f"""ptr (ptr %state, ptr %kind, ptr %x) nounwind {{
entry:
{load_state(find="ptr", run="ptr")}{load_kind(drive="ptr")}
  %native = icmp ne ptr %kind.drive, null
  br i1 %native, label %look, label %none
look:
  %slot = call i64 %state.find(ptr %state, ptr %x)
  %twice = mul i64 %slot, 2
  %known.at = add i64 %twice, {KIND.index("known0")}
  %value.at = add i64 %twice, {KIND.index("value0")}
{_at("kind", "%known.at", "known.p")}{_at("kind", "%value.at", "value.p")}
  %known = load i64, ptr %known.p
  %value = load ptr, ptr %value.p
  switch i64 %known, label %none [ i64 0, label %run
                                   i64 1, label %return ]
run:
  %fine = call i1 %state.run(ptr %state, ptr %kind, ptr %x, ptr %value)
  %mark = select i1 %fine, i64 1, i64 2
  store i64 %mark, ptr %known.p
  br i1 %fine, label %return, label %none
return:
  ret ptr %value
none:
  ret ptr null
}}
"""

_ENTER = f"""i1 (ptr %state) nounwind {{
entry:
{load_state(stop="i64", beat="ptr", last_beat="i64", now="ptr")}
  %go = icmp eq i64 %state.stop, 0
  br i1 %go, label %look, label %no
look:
  %beats = icmp ne ptr %state.beat, null
  br i1 %beats, label %time, label %yes
time:
  %now = call i64 %state.now(ptr %state)
  %since = sub i64 %now, %state.last_beat
  %late = icmp sge i64 %since, {_BEAT}
  %timeless = icmp eq i64 %now, 0
  %due = or i1 %late, %timeless
  br i1 %due, label %beat, label %yes
beat:
  store i64 %now, ptr %state.last_beat.p
  %answer = call i32 %state.beat()
  %on = icmp ne i32 %answer, 0
  ret i1 %on
yes:
  ret i1 true
no:
  ret i1 false
}}
"""

_WORST = """double (ptr %values, ptr %low, ptr %high, i64 %size, double %before) nounwind {
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %i.next, %one ]
  %worst = phi double [ %before, %entry ], [ %worst.next, %one ]
  %more = icmp slt i64 %i, %size
  br i1 %more, label %one, label %done
one:
  %v.p = getelementptr double, ptr %values, i64 %i
  %low.p = getelementptr double, ptr %low, i64 %i
  %high.p = getelementptr double, ptr %high, i64 %i
  %v = load double, ptr %v.p
  %a = load double, ptr %low.p
  %b = load double, ptr %high.p
  %below = fsub double %a, %v
  %above = fsub double %v, %b
  %is.below = fcmp ogt double %below, %worst
  %one.worst = select i1 %is.below, double %below, double %worst
  %is.above = fcmp ogt double %above, %one.worst
  %worst.next = select i1 %is.above, double %above, double %one.worst
  %i.next = add i64 %i, 1
  br label %loop
done:
  ret double %worst
}
"""

HELPERS = dict(zip(_HELPERS, (_NOW, _RUN, _FIND, _EVALUATE, _ENTER, _WORST), strict=True))
"""Bodies of the functions that callbacks share, for `compile_functions`."""
