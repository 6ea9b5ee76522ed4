"""The LLVM IR of an entry: what the builtin of `fastcall` does before and after the loops.

Separate because it knows the layout of Python objects and of the words that `fastcall` writes, and
nothing of programs. It is one function for all programs and keeps no state of its own.

Data layout. The builtin is bound to an int64 array, the *record*: the words of `RECORD`, then those
of `ROW` for each argument but the last. The *frame* that it points to has the words of `FRAME`.
"""

from __future__ import annotations

from sparsesolve.engine.llvm.plan.kernel_signature import BASES

__all__ = ["ENTRY", "FIELDS", "FRAME", "HEAD", "RECORD", "ROW"]

HEAD = object.__basicsize__
"""Bytes of an object before what its type adds; the last eight are the address of the type."""

FIELDS = {"data": 0, "ndim": 8, "shape": 16, "dtype": 40, "flags": 48}
"""Offsets of the fields of an array behind the head; a float has its value there."""

RECORD = ("frame", "count", "size", "table", "first", "known", "verdict", "answer", "entry")
"""Address of the frame, arguments with the result, elements of the result, what the driver gets.
Then what is asked first: the record of another builtin, or 0; how many arguments it takes; its
result, an array, and where that holds its number; and the address of this function."""

ROW = ("fixed", "numeric", "ndim", "size", "shape", "copy", "point", "shift")
"""The object that is expected, or 0; whether a float will do; dimensions, elements and address of
the shape; where values are copied to, or 0; where their address less a shift is written, or 0."""

FRAME = (
    "bases", "busy", "left", "long", "drive",
    "none", "array", "float64", "float", "scalar",
    "incref", "decref", "save", "restore", "copy",
)  # fmt: skip
"""Of a program: the bases; whether another thread is at it; address of the count of runs
until Python must look at it; whether other threads may run meanwhile; the driver. Then objects,
types and functions."""

_IN_ORDER_AND_ALIGNED, _WRITEABLE = 0x101, 0x400


def _word(name: str, vector: str, index: int, kind: str = "ptr") -> str:
    return (
        f"  %{name}.p = getelementptr i64, ptr %{vector}, i64 {index}\n"
        f"  %{name} = load {kind}, ptr %{name}.p\n"
    )


def _words(vector: str, names: tuple[str, ...], **kinds: str) -> str:
    return "".join(
        _word(f"{vector}.{name}", vector, names.index(name), kind) for name, kind in kinds.items()
    )


def _field(name: str, thing: str, offset: int, kind: str = "ptr") -> str:
    return (
        f"  %{name}.p = getelementptr i8, ptr %{thing}, i64 {offset}\n"
        f"  %{name} = load {kind}, ptr %{name}.p\n"
    )


def _array_fields(thing: str, names: tuple[str, ...]) -> str:
    kinds = {"ndim": "i32", "flags": "i32"}
    return "".join(
        _field(f"{thing}.{name}", thing, HEAD + FIELDS[name], kinds.get(name, "ptr"))
        for name in names
    )


def _is_array(thing: str, flags: int) -> str:
    """Go to ``<thing>.array`` with all fields read if it is a float64 array with these flags."""
    return (
        f"{_array_fields(thing, ('data', 'ndim', 'shape', 'dtype', 'flags'))}"
        f"  %{thing}.kind = icmp eq ptr %{thing}.dtype, %frame.float64\n"
        f"  %{thing}.set = and i32 %{thing}.flags, {flags}\n"
        f"  %{thing}.fit = icmp eq i32 %{thing}.set, {flags}\n"
        f"  %{thing}.good = and i1 %{thing}.kind, %{thing}.fit\n"
        f"  br i1 %{thing}.good, label %{thing}.array, label %refuse\n"
        f"{thing}.array:\n"
    )


_BEGIN = f"""ptr (ptr %self, ptr %args, i64 %count) nounwind {{
entry:
{_field("record", "self", HEAD + FIELDS["data"])}
{_words("record", RECORD, frame="ptr", count="i64", size="i64", table="ptr")}
  %frame = getelementptr i8, ptr %record.frame, i64 0
{_words("frame", FRAME, none="ptr", array="ptr", float64="ptr", left="ptr")}
{_words("frame", FRAME, float="ptr", scalar="ptr", incref="ptr", copy="ptr", bases="ptr")}
  %last = sub i64 %count, 1
  %counted = icmp eq i64 %count, %record.count
  br i1 %counted, label %whole, label %refuse
whole:
{_words("record", RECORD, first="ptr")}
  %asks = icmp ne ptr %record.first, null
  br i1 %asks, label %ask, label %begin
ask:
{_words("record", RECORD, known="i64", verdict="ptr", answer="ptr", entry="ptr")}
{_words("frame", FRAME, decref="ptr")}
  %given = alloca ptr, i64 %record.known
  %asked.last = sub i64 %record.known, 1
  %asked.bytes = mul i64 %asked.last, 8
  call ptr %frame.copy(ptr %given, ptr %args, i64 %asked.bytes)
  %asked.out = getelementptr ptr, ptr %given, i64 %asked.last
  store ptr %record.verdict, ptr %asked.out
  %said = call ptr %record.entry(ptr %record.first, ptr %given, i64 %record.known)
  call void %frame.decref(ptr %said)
  %spoke = icmp eq ptr %said, %record.verdict
  %number.said = load double, ptr %record.answer
  %true.said = fcmp oeq double %number.said, 1.0
  %agreed = and i1 %spoke, %true.said
  br i1 %agreed, label %begin, label %refuse
begin:
{_words("frame", FRAME, busy="i64")}
  %idle = icmp eq i64 %frame.busy, 0
  %left.before = load i64, ptr %frame.left
  %due = icmp sgt i64 %left.before, 0
  %ready = and i1 %idle, %due
  br i1 %ready, label %result, label %refuse
result:
  %out.a = getelementptr ptr, ptr %args, i64 %last
  %out = load ptr, ptr %out.a
{_field("out.type", "out", HEAD - 8)}
  %out.is = icmp eq ptr %out.type, %frame.array
  br i1 %out.is, label %out.fields, label %refuse
out.fields:
{_is_array("out", _IN_ORDER_AND_ALIGNED | _WRITEABLE)}
  %out.flat = icmp eq i32 %out.ndim, 1
  br i1 %out.flat, label %out.length, label %refuse
out.length:
  %out.size = load i64, ptr %out.shape
  %out.right = icmp eq i64 %out.size, %record.size
  %out.bytes = mul i64 %record.size, 8
  %out.end = getelementptr i8, ptr %out.data, i64 %out.bytes
  %rows = getelementptr i64, ptr %record, i64 {len(RECORD)}
  br i1 %out.right, label %next, label %refuse
"""

_ARGUMENT = f"""next:
  %k = phi i64 [ 0, %out.length ], [ %k.next, %done ]
  %row = phi ptr [ %rows, %out.length ], [ %row.next, %done ]
  %k.more = icmp slt i64 %k, %last
  br i1 %k.more, label %look, label %run
look:
{_words("row", ROW, fixed="ptr", numeric="i64", ndim="i64", size="i64", shape="ptr")}
{_words("row", ROW, copy="ptr", point="ptr", shift="i64")}
  %arg.a = getelementptr ptr, ptr %args, i64 %k
  %arg = load ptr, ptr %arg.a
  %is.fixed = icmp ne ptr %row.fixed, null
  br i1 %is.fixed, label %same, label %value
same:
  %is.same = icmp eq ptr %row.fixed, %arg
  br i1 %is.same, label %done, label %refuse
value:
{_field("arg.type", "arg", HEAD - 8)}
  %arg.is = icmp eq ptr %arg.type, %frame.array
  br i1 %arg.is, label %arg.fields, label %number
number:
  %is.float = icmp eq ptr %arg.type, %frame.float
  %is.scalar = icmp eq ptr %arg.type, %frame.scalar
  %is.number = or i1 %is.float, %is.scalar
  %wants.number = icmp ne i64 %row.numeric, 0
  %takes = and i1 %is.number, %wants.number
  %number.data = getelementptr i8, ptr %arg, i64 {HEAD}
  br i1 %takes, label %found, label %refuse
arg.fields:
{_is_array("arg", _IN_ORDER_AND_ALIGNED)}
  %arg.dims = sext i32 %arg.ndim to i64
  %arg.flat = icmp eq i64 %arg.dims, %row.ndim
  br i1 %arg.flat, label %dims, label %refuse
dims:
  %d = phi i64 [ 0, %arg.array ], [ %d.next, %dim ]
  %d.more = icmp slt i64 %d, %row.ndim
  br i1 %d.more, label %dim, label %apart
dim:
  %dim.got.p = getelementptr i64, ptr %arg.shape, i64 %d
  %dim.got = load i64, ptr %dim.got.p
  %dim.want.p = getelementptr i64, ptr %row.shape, i64 %d
  %dim.want = load i64, ptr %dim.want.p
  %dim.same = icmp eq i64 %dim.got, %dim.want
  %d.next = add i64 %d, 1
  br i1 %dim.same, label %dims, label %refuse
apart:
  %arg.bytes = mul i64 %row.size, 8
  %arg.end = getelementptr i8, ptr %arg.data, i64 %arg.bytes
  %before = icmp ule ptr %arg.end, %out.data
  %behind = icmp ule ptr %out.end, %arg.data
  %is.apart = or i1 %before, %behind
  br i1 %is.apart, label %found, label %refuse
found:
  %data = phi ptr [ %number.data, %number ], [ %arg.data, %apart ]
  %copies = icmp ne ptr %row.copy, null
  br i1 %copies, label %copy, label %copied
copy:
  %copy.bytes = mul i64 %row.size, 8
  call ptr %frame.copy(ptr %row.copy, ptr %data, i64 %copy.bytes)
  br label %copied
copied:
  %points = icmp ne ptr %row.point, null
  br i1 %points, label %point, label %done
point:
  %minus = sub i64 0, %row.shift
  %shifted = getelementptr i8, ptr %data, i64 %minus
  store ptr %shifted, ptr %row.point
  br label %done
done:
  %k.next = add i64 %k, 1
  %row.next = getelementptr i64, ptr %row, i64 {len(ROW)}
  br label %next
"""

_RUN = f"""run:
  %bases.out = getelementptr i64, ptr %frame.bases, i64 {BASES["out"]}
  store ptr %out.data, ptr %bases.out
  %left = sub i64 %left.before, 1
  store i64 %left, ptr %frame.left
{_words("frame", FRAME, long="i64", drive="ptr", save="ptr", restore="ptr")}
  %is.long = icmp ne i64 %frame.long, 0
  br i1 %is.long, label %release, label %drive
release:
  store i64 1, ptr %frame.busy.p
  %state = call ptr %frame.save()
  br label %drive
drive:
  %thread = phi ptr [ null, %run ], [ %state, %release ]
  call void %frame.drive(ptr %record.table, ptr %frame.bases)
  br i1 %is.long, label %acquire, label %return
acquire:
  call void %frame.restore(ptr %thread)
  store i64 0, ptr %frame.busy.p
  br label %return
return:
  call void %frame.incref(ptr %out)
  ret ptr %out
refuse:
  call void %frame.incref(ptr %frame.none)
  ret ptr %frame.none
}}
"""

ENTRY = _BEGIN + _ARGUMENT + _RUN
"""The body of the function, for `compile_functions`."""
