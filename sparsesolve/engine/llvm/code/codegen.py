"""From a `KernelSignature` to LLVM IR: the loops, loads and stores around an expression.

It is the only place that writes loops. The IR is written as text, already in
vectors and with everything that does not change hoisted out of the loop, so that no optimisation
pass is needed: compiling a kernel costs a few milliseconds, most of it instruction selection.

A loop over ``i`` does `width` elements at a time; the last vector starts early enough to end with
the domain, so some elements are computed twice, with the same result. What has fewer elements than
a vector is done one by one, but calls the same vector functions: an element's value never depends
on where in a domain it stands.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import count

from sparsesolve.engine.llvm.code.function_text import FunctionText
from sparsesolve.engine.llvm.code.llvm_ops import Emitter, native_operations
from sparsesolve.engine.llvm.code.vectormath import Native, native
from sparsesolve.engine.llvm.plan.kernel_signature import BASES, RUN_WORDS, KernelSignature
from sparsesolve.host.dataclass import dataclass

__all__ = ["DRIVER", "CannotCompile", "Code", "find_natives", "generate"]

DRIVER = """(ptr %table, ptr %bases) nounwind {
entry:
  br label %loop
loop:
  %at = phi ptr [%table, %entry], [%next, %work]
  %code = load ptr, ptr %at
  %end = icmp eq ptr %code, null
  br i1 %end, label %done, label %work
work:
  %words.p = getelementptr i64, ptr %at, i64 1
  %words = load ptr, ptr %words.p
  %low.p = getelementptr i64, ptr %at, i64 2
  %low = load i64, ptr %low.p
  %high.p = getelementptr i64, ptr %at, i64 3
  %high = load i64, ptr %high.p
  call void %code(ptr %words, ptr %bases, i64 %low, i64 %high)
  %next = getelementptr i64, ptr %at, i64 4
  br label %loop
done:
  ret void
}
"""


class CannotCompile(Exception):
    """A program uses something that has no machine code; the interpreter can run it."""


@dataclass(frozen=True, slots=True)
class Code:
    """The body of a generated function, and the declarations it needs.

    Parameters
    ----------
    body : str
        ``(arguments) { ... }``, to be put behind ``define void @name``.
    declarations : frozenset of str
        One line each.
    """

    body: str
    declarations: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Access:
    """Names of the hoisted values that a load or store uses."""

    kind: str
    base: str = ""
    stride: str = ""
    array: str = ""


@lru_cache(maxsize=4096)
def generate(signature: KernelSignature, width: int) -> Code:
    """Write the function of a signature for vectors of `width` lanes.

    Raises
    ------
    CannotCompile
        If an operation has no native function here.
    """
    return _Function(signature, width).write()


def find_natives(signature: KernelSignature, width: int) -> list[Native]:
    """Return the native functions of a signature, in the order of its words."""
    found: list[Native] = []
    for op in native_operations(signature.nodes):
        function = native(op, width)
        if function is None:
            raise CannotCompile(f"the operation `{op}` has no native function on this platform")
        found.append(function)
    return found


class _Function(FunctionText):
    """One function being written."""

    def __init__(self, signature: KernelSignature, width: int) -> None:
        super().__init__()
        self.signature = signature
        self.width = width
        self.declared: set[str] = set()
        self.loads: list[_Access] = []
        self.stores: list[_Access] = []
        self.natives: dict[str, tuple[str, Native]] = {}
        self.invariant: dict[int, str] = {}  # nodes that do not change in the loop

    def emitter(self, width: int) -> Emitter:
        return Emitter(self.lines, self.fresh, width, self.natives, self.declared)

    # ----- the whole function -----

    def write(self) -> Code:
        self.label("entry")
        self._hoist()
        write = {
            "map": self._map,
            "tiny": self._tiny,
            "runs": self._runs,
            "tiny-runs": self._runs,
            "rows": self._rows,
            "long-rows": self._rows,
        }
        write[self.signature.mode]()
        body = "\n".join(self.lines)
        signature = "(ptr %words, ptr %bases, i64 %low, i64 %high) nounwind"
        if self.width > 4:  # or else LLVM passes such vectors in two halves
            signature += f' "min-legal-vector-width"="{64 * self.width}"'
            signature += f' "prefer-vector-width"="{64 * self.width}"'
        return Code(f"{signature} {{\n{body}\n}}\n", frozenset(self.declared))

    def _hoist(self) -> None:
        """Read all words, and compute what is the same for every ``i``."""
        signature = self.signature
        scalars: dict[int, str] = {}
        for k, kind in enumerate(signature.loads):
            access = self._hoisted_load(kind)
            self.loads.append(access)
            if kind == "scalar":
                scalars[k] = self.load("double", access.base)
        values = [self.word("double") for _ in range(signature.n_values)]
        operations = native_operations(signature.nodes)
        functions = find_natives(signature, self.width)
        for op, function in zip(operations, functions, strict=True):
            self.natives[op] = (self.word("ptr"), function)
        self.stores.extend(self._hoisted_store(kind) for _, kind in signature.stores)
        single = self.emitter(1)
        for number, node in enumerate(signature.nodes):
            if node.op == "const":
                self.invariant[number] = single.constant(node.value)
            elif node.op == "value":
                self.invariant[number] = values[node.args[0]]
            elif node.op == "load":
                if node.args[0] in scalars:
                    self.invariant[number] = scalars[node.args[0]]
            elif all(a in self.invariant for a in node.args):
                operands = [self.invariant[a] for a in node.args]
                self.invariant[number] = single.apply(node.op, *operands)

    def _hoisted_load(self, kind: str) -> _Access:
        if kind.startswith("run-"):
            return _Access(kind)
        if kind == "mixed":
            return _Access(kind, array=self.word("ptr"))
        base = self.any_base(self.word())
        if kind == "index":
            return _Access(kind, base, array=self.word("ptr"))
        base = self.element("double", base, self.word())
        return _Access(kind, base, stride=self.word() if kind == "strided" else "")

    def _hoisted_store(self, kind: str) -> _Access:
        if kind.startswith("run-") or kind == "out-next":
            return _Access(kind)
        base = self.base("rest" if kind == "rest" else "out")
        if kind in ("out-index", "out-partial"):
            return _Access(kind, base, array=self.word("ptr"))
        base = self.element("double", base, self.word())
        if kind == "out-strided":
            return _Access("strided", base, stride=self.word())
        return _Access("first" if kind == "out-first" else "unit", base)

    # ----- one element or one vector of the domain -----

    def _values(self, emitter: Emitter, i: str, wanted: tuple[int, ...]) -> list[str]:
        """Evaluate the expression at ``i .. i + width - 1``."""
        spread: dict[int, str] = {}
        values: dict[int, str] = {}

        def operand(number: int) -> str:
            if number in values:
                return values[number]
            if number not in spread:
                spread[number] = self._invariant_operand(emitter, number)
            return spread[number]

        for number, node in enumerate(self.signature.nodes):
            if number in self.invariant:
                continue
            if node.op == "load":
                values[number] = self._read(emitter, self.loads[node.args[0]], i)
            else:
                values[number] = emitter.apply(node.op, *(operand(a) for a in node.args))
        return [operand(number) for number in wanted]

    def _invariant_operand(self, emitter: Emitter, number: int) -> str:
        if self.signature.nodes[number].op == "const":
            return emitter.constant(self.signature.nodes[number].value)
        return emitter.splat(self.invariant[number])

    def _positions(self, access: _Access, i: str, width: int) -> list[str]:
        """Slot numbers of each lane, relative to the base."""
        if access.kind in ("strided", "run-strided"):
            first = self.emit(f"mul i64 {i}, {access.stride}")
            positions = [first]
            for _ in range(width - 1):
                positions.append(self.emit(f"add i64 {positions[-1]}, {access.stride}"))
            return positions
        start = self.element("i32", access.array, i)
        elements = [self.element("i32", start, lane) if lane else start for lane in range(width)]
        return [self.emit(f"sext i32 {self.load('i32', e)} to i64") for e in elements]

    def _read(self, emitter: Emitter, access: _Access, i: str) -> str:
        if access.kind in ("unit", "run-unit"):
            pointer = self.element("double", access.base, i)
            return self.emit(f"load {emitter.type}, ptr {pointer}, align 8")
        elements: list[str] = []
        for position in self._positions(access, i, emitter.width):
            base = access.base
            if access.kind == "mixed":
                inside = self.emit(f"icmp slt i64 {position}, %n")
                base = self.emit(f"select i1 {inside}, ptr %base.x, ptr %base.rest")
            elements.append(self.load("double", self.element("double", base, position)))
        return emitter.gather(elements)

    def _write(self, emitter: Emitter, access: _Access, i: str, value: str) -> None:
        if access.kind in ("unit", "run-unit"):
            pointer = self.element("double", access.base, i)
            self.line(f"store {emitter.type} {value}, ptr {pointer}, align 8")
            return
        positions = self._positions(access, i, emitter.width)
        for position, element in zip(positions, emitter.lanes(value), strict=True):
            pointer = self.element("double", access.base, position)
            if access.kind == "out-partial":
                inside = self.emit(f"icmp sge i64 {position}, 0")
                pointer = self.emit(f"select i1 {inside}, ptr {pointer}, ptr %nowhere")
            self.line(f"store double {element}, ptr {pointer}")

    def _body(self, width: int, i: str) -> None:
        emitter = self.emitter(width)
        wanted = tuple(number for number, _ in self.signature.stores)
        values = self._values(emitter, i, wanted)
        groups: list[tuple[_Access, list[str]]] = []
        for access, value in zip(self.stores, values, strict=True):
            if access.kind == "out-next":
                groups[-1][1].append(value)
            else:
                groups.append((access, [value]))
        for access, group in groups:
            if access.kind == "first":
                self._write_in_turn(emitter, access, i, group)
            else:
                self._write(emitter, access, i, group[0])

    def _write_in_turn(self, emitter: Emitter, access: _Access, i: str, values: list[str]) -> None:
        """Write values that take turns in the result as whole vectors."""
        first = self.emit(f"mul i64 {i}, {len(values)}")
        start = self.element("double", access.base, first)
        for number, vector in enumerate(emitter.interleave(values)):
            pointer = self.element("double", start, number * emitter.width)
            self.line(f"store {emitter.type} {vector}, ptr {pointer}, align 8")

    # ----- loops -----

    def _single_loop(self, name: str, low: str, high: str, before: str, after: str) -> None:
        """Go through ``low .. high - 1``, at least one, element by element."""
        self.label(name)
        i = self._counter(name, low, before, name)
        self._body(1, i)
        self._advance(name, i, 1, high, after)

    def _vector_loop(self, name: str, low: str, high: str, before: str, after: str) -> None:
        """Go through ``low .. high - 1``, at least one vector; the last one may overlap."""
        self.label(name)
        i = f"%{name}.i"
        self.line(f"{i} = phi i64 [ {low}, %{before} ], [ %{name}.next, %{name} ]")
        self._body(self.width, i)
        ahead = self.emit(f"add i64 {i}, {self.width}")
        last = self.emit(f"sub i64 {high}, {self.width}")
        fits = self.emit(f"icmp slt i64 {ahead}, {last}")
        self.line(f"%{name}.next = select i1 {fits}, i64 {ahead}, i64 {last}")
        more = self.emit(f"icmp slt i64 {i}, {last}")
        self.line(f"br i1 {more}, label %{name}, label %{after}")

    def _counter(self, name: str, low: str, before: str, back: str) -> str:
        self.line(f"%{name}.i = phi i64 [ {low}, %{before} ], [ %{name}.next, %{back} ]")
        return f"%{name}.i"

    def _advance(self, name: str, i: str, step: int, high: str, after: str) -> None:
        self.line(f"%{name}.next = add i64 {i}, {step}")
        more = self.emit(f"icmp slt i64 %{name}.next, {high}")
        self.line(f"br i1 {more}, label %{name}, label %{after}")

    def _enter(self) -> None:
        """Fetch the bases that single accesses need, and leave the entry block."""
        kinds = {access.kind for access in (*self.loads, *self.stores)}
        if "mixed" in kinds:
            self.line("%base.x.p = getelementptr i64, ptr %bases, i64 0")
            self.line("%base.x = load ptr, ptr %base.x.p")
            self.line(f"%base.rest.p = getelementptr i64, ptr %bases, i64 {BASES['rest']}")
            self.line("%base.rest = load ptr, ptr %base.rest.p")
            self.line("%n = load i64, ptr %words")
        if "out-partial" in kinds:
            self.line(f"%nowhere.p = getelementptr i64, ptr %bases, i64 {BASES['nowhere']}")
            self.line("%nowhere = load ptr, ptr %nowhere.p")

    def _finish(self) -> None:
        self.label("done")
        self.line("ret void")

    def _map(self) -> None:
        self._enter()
        self.line("br label %loop")
        self._vector_loop("loop", "%low", "%high", "entry", "done")
        self._finish()

    def _tiny(self) -> None:
        self._enter()
        self.line("br label %loop")
        self._single_loop("loop", "%low", "%high", "entry", "done")
        self._finish()

    def _runs(self) -> None:
        table = self.word("ptr")
        columns = 2 + sum(RUN_WORDS.get(access.kind, 0) for access in (*self.loads, *self.stores))
        self._enter()
        self.line("br label %runs")
        self.label("runs")
        run = self._counter("runs", "%low", "entry", "runs.end")
        row = self.element("i64", table, self.emit(f"mul i64 {run}, {columns}"))
        low = self.load("i64", row)
        high = self.load("i64", self.element("i64", row, 1))
        column = count(2)
        self.loads = [self._bind_run(access, row, column.__next__) for access in self.loads]
        self.stores = [self._bind_run(access, row, column.__next__) for access in self.stores]
        if self.signature.mode == "runs":
            size = self.emit(f"sub i64 {high}, {low}")
            wide = self.emit(f"icmp sge i64 {size}, {self.width}")
            self.line(f"br i1 {wide}, label %vectors, label %singles")
            self._vector_loop("vectors", low, high, "runs", "runs.end")
        else:
            self.line("br label %singles")
        self._single_loop("singles", low, high, "runs", "runs.end")
        self.label("runs.end")
        self._advance("runs", run, 1, "%high", "done")
        self._finish()

    def _bind_run(self, access: _Access, row: str, column: Callable[[], int]) -> _Access:
        if access.kind not in RUN_WORDS:
            return access
        base = self.any_base(self.load("i64", self.element("i64", row, column())))
        base = self.element("double", base, self.load("i64", self.element("i64", row, column())))
        if access.kind == "run-unit":
            return _Access(access.kind, base)
        stride = self.load("i64", self.element("i64", row, column()))
        return _Access(access.kind, base, stride=stride)

    def _rows(self) -> None:
        edges = self.word("ptr")
        wanted = tuple(dict.fromkeys(number for number, _ in self.signature.stores))
        self._enter()
        self.line("br label %rows")
        self.label("rows")
        row = self._counter("rows", "%low", "entry", "rows.end")
        edge = self.element("i64", edges, row)
        low = self.load("i64", edge)
        high = self.load("i64", self.element("i64", edge, 1))
        totals, start, before = ["0.0"] * len(wanted), low, "rows"
        if self.signature.mode == "long-rows":
            totals, start, before = self._vector_sums(low, high, wanted)
        self.line("br label %rest")
        sums = self._sum_loop("rest", start, high, before, totals, wanted)
        single = self.emitter(1)
        for (number, _), access in zip(self.signature.stores, self.stores, strict=True):
            self._write(single, access, row, sums[wanted.index(number)])
        self.line("br label %rows.end")
        self.label("rows.end")
        self._advance("rows", row, 1, "%high", "done")
        self._finish()

    def _vector_sums(
        self, low: str, high: str, wanted: tuple[int, ...]
    ) -> tuple[list[str], str, str]:
        """Sum whole vectors; return the sums over their lanes, and where the rest begins."""
        whole = self.emit(f"sub i64 {high}, {low}")
        whole = self.emit(f"and i64 {whole}, {-self.width}")
        stop = self.emit(f"add i64 {low}, {whole}")
        self.line("br label %vectors")
        zero = ["zeroinitializer"] * len(wanted)
        sums = self._sum_loop("vectors", low, stop, "rows", zero, wanted, self.width)
        kind = f"<{self.width} x double>"
        name = f"@llvm.vector.reduce.fadd.v{self.width}f64"
        self.declared.add(f"declare double {name}(double, {kind})")
        totals = [self.emit(f"call double {name}(double 0.0, {kind} {s})") for s in sums]
        return totals, stop, "vectors.end"

    def _sum_loop(
        self,
        name: str,
        low: str,
        high: str,
        before: str,
        totals: list[str],
        wanted: tuple[int, ...],
        width: int = 1,
    ) -> list[str]:
        """Add up the expression over ``low .. high - 1``, which may be empty."""
        emitter = self.emitter(width)
        self.label(name)
        self.line(f"%{name}.i = phi i64 [ {low}, %{before} ], [ %{name}.next, %{name}.body ]")
        for k, total in enumerate(totals):
            self.line(
                f"%{name}.sum{k} = phi {emitter.type} "
                f"[ {total}, %{before} ], [ %{name}.added{k}, %{name}.body ]"
            )
        more = self.emit(f"icmp slt i64 %{name}.i, {high}")
        self.line(f"br i1 {more}, label %{name}.body, label %{name}.end")
        self.label(f"{name}.body")
        values = self._values(emitter, f"%{name}.i", wanted)
        for k, value in enumerate(values):
            self.line(f"%{name}.added{k} = fadd {emitter.type} %{name}.sum{k}, {value}")
        self.line(f"%{name}.next = add i64 %{name}.i, {width}")
        self.line(f"br label %{name}")
        self.label(f"{name}.end")
        return [f"%{name}.sum{k}" for k in range(len(totals))]
