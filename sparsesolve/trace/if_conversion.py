"""Code of a user's function in which both sides of an ``if`` can be evaluated.

Separate because it reads Python, and knows nothing of traces. A loop that asks something of every
cell has as many paths as there are answers; where the sides of a branch only compute numbers, they
are one expression with a choice. Converted are conditional expressions; an ``if`` whose sides
assign to names and elements; and functions that only compute and return. All else stays.

What an ``if`` assigns to becomes the parameters and the results of two inner functions::

    if c:                      def yes(r_i):
        r[i] = a                   r_i = a
    else:              ->          return (r_i,)
        r[i] = b               ...
                               r[i], = branch(c, yes, no, (known(lambda: r[i]),))

(Allen, Kennedy, Porterfield, Warren (1983), "Conversion of control dependence to data dependence".)
"""

from __future__ import annotations

import ast
import inspect
import textwrap
import types
import warnings
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from sparsesolve.trace import merging

__all__ = ["converted"]

_MADE: weakref.WeakKeyDictionary[types.CodeType, types.CodeType | None]
_MADE = weakref.WeakKeyDictionary()
_HELPERS: dict[str, Callable[..., Any]] = {
    f"sparsesolve {name}": getattr(merging, name)
    for name in ("branch", "choose", "both", "either", "negated", "known")
}
_YIELDING = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_CHANGING = frozenset(
    """
    append pop extend add update remove insert clear write sort fill setdefault popitem put itemset
    send next print input open setattr exec eval
    """.split()  # noqa: SIM905  (a list would be three times as long)
)


def converted(function: types.FunctionType) -> types.CodeType | None:
    """Return code for a function that evaluates both sides of branches; None where none is there.

    Parameters
    ----------
    function : function
        A function of the user; lambdas, generators and functions without source stay.
    """
    code = function.__code__
    if code not in _MADE:
        try:
            _MADE[code] = _converted(function)
        except (OSError, TypeError, SyntaxError, ValueError, IndexError):  # no source, or other
            _MADE[code] = None
    return _MADE[code]


def _converted(function: types.FunctionType) -> types.CodeType | None:
    code = function.__code__
    lines, first = inspect.getsourcelines(code)
    tree = ast.parse(textwrap.dedent("".join(lines)))
    own = tree.body[0]
    if not isinstance(own, ast.FunctionDef) or not _is_ordinary(own, code):
        return None
    ast.increment_lineno(tree, first - 1)
    own.decorator_list = []
    own.returns = None
    changer = _Changer()
    own.body = changer.block(own.body, last=True)
    if not changer.changed:
        return None
    outer = ast.parse(f"def outer({', '.join(code.co_freevars)}):\n    pass").body[0]
    assert isinstance(outer, ast.FunctionDef)
    outer.body = [own]
    module = ast.fix_missing_locations(ast.Module([outer], []))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a text is called: it stands for a function
        whole = compile(module, code.co_filename, "exec", dont_inherit=True)
    made = _inner(_inner(whole, "outer"), own.name)
    if made.co_freevars != code.co_freevars:
        return None
    return _filled(made)


def _is_ordinary(own: ast.FunctionDef, code: types.CodeType) -> bool:
    """Whether a function means the same outside of its class, and its names are its own."""
    if code.co_flags & _YIELDING or "__class__" in code.co_freevars:
        return False
    for part in ast.walk(own):
        if isinstance(part, (ast.Global, ast.Nonlocal)):
            return False
        name = getattr(part, "attr", getattr(part, "id", ""))
        if isinstance(name, str) and name.startswith("__") and not name.endswith("__"):
            return False
    return True


def _inner(code: types.CodeType, name: str) -> types.CodeType:
    return next(c for c in code.co_consts if isinstance(c, types.CodeType) and c.co_name == name)


def _filled(code: types.CodeType) -> types.CodeType:
    """Put functions in the place of the texts that stand for them."""
    constants: list[Any] = []
    for held in code.co_consts:
        if isinstance(held, types.CodeType):
            constants.append(_filled(held))
        else:
            constants.append(_HELPERS.get(held, held) if isinstance(held, str) else held)
    return code.replace(co_consts=tuple(constants))


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Constant(f"sparsesolve {name}"), list(arguments), [])


def _later(expression: ast.expr) -> ast.Lambda:
    nothing = ast.arguments([], [], None, [], [], None, [])
    return ast.Lambda(nothing, expression)


class _Changer(ast.NodeTransformer):
    """Converts what can be; counts how much that was."""

    def __init__(self) -> None:
        self.changed = 0

    def block(self, statements: Sequence[ast.stmt], *, last: bool = False) -> list[ast.stmt]:
        """Convert statements; the `last` of a function may return."""
        made: list[ast.stmt] = []
        for k, statement in enumerate(statements):
            rest = list(statements[k + 1 :])
            if isinstance(statement, ast.If):
                returned = self._returning(statement, rest) if last else None
                if returned is not None:
                    return [*made, *returned]
                found = self._assigning(statement)
                if found is not None:
                    made += found
                    continue
            made.append(self.visit(statement))
        return made

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for name in ("body", "orelse", "finalbody"):
            inner = getattr(node, name, None)
            if isinstance(inner, list):
                setattr(node, name, self.block(inner))
        return super().generic_visit(node) if not isinstance(node, ast.stmt) else self._parts(node)

    def _parts(self, node: ast.stmt) -> ast.stmt:
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.expr):
                setattr(node, name, self.visit(value))
            elif isinstance(value, list) and name not in ("body", "orelse", "finalbody"):
                setattr(node, name, [self.visit(v) if isinstance(v, ast.AST) else v for v in value])
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        return node  # an inner function is reached by itself, if at all

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        """Convert ``a if c else b``."""
        if not _is_pure([node]):
            return node
        self.changed += 1
        sides = [_later(self.visit(side)) for side in (node.body, node.orelse)]
        return ast.copy_location(_call("choose", self._condition(node.test), *sides), node)

    def _condition(self, test: ast.expr) -> ast.expr:
        """Convert a condition, of which only the truth counts."""
        if isinstance(test, ast.BoolOp):
            name = "both" if isinstance(test.op, ast.And) else "either"
            made = self._condition(test.values[-1])
            for value in reversed(test.values[:-1]):
                made = _call(name, _later(self._condition(value)), _later(made))
            return made
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            return _call("negated", self._condition(test.operand))
        if isinstance(test, ast.Compare) and len(test.ops) > 1 and _is_pure([test]):
            ends = [test.left, *test.comparators]
            pairs = [ast.Compare(ends[k], [op], [ends[k + 1]]) for k, op in enumerate(test.ops)]
            return self._condition(ast.BoolOp(ast.And(), list(pairs)))
        made = self.visit(test)
        assert isinstance(made, ast.expr)
        return made

    def _assigning(self, node: ast.If) -> list[ast.stmt] | None:
        """Convert an ``if`` whose sides assign; None where they do more than that."""
        targets = _Targets()
        if not (targets.collect(node.body) and targets.collect(node.orelse)):
            return None
        if not targets.places or not targets.are_apart(node) or not _is_pure([node.test]):
            return None
        self.changed += 1
        names = list(targets.places)
        sides = []
        for label, side in (("yes", node.body), ("no", node.orelse)):
            body = [targets.renamed(statement) for statement in side]
            result = ast.Return(ast.Tuple([ast.Name(n, ast.Load()) for n in names], ast.Load()))
            sides.append(_function(f"{label}_{node.lineno}", names, [*self.block(body), result]))
        before = [_call("known", _later(_loaded(place))) for place in targets.places.values()]
        functions: list[ast.expr] = [ast.Name(side.name, ast.Load()) for side in sides]
        found = _call(
            "branch", self._condition(node.test), *functions, ast.Tuple(list(before), ast.Load())
        )
        stored = ast.Tuple(list(targets.places.values()), ast.Store())
        assign = ast.Assign([stored], found)
        return [ast.copy_location(s, node) for s in (*sides, assign)]

    def _returning(self, node: ast.If, rest: list[ast.stmt]) -> list[ast.stmt] | None:
        """Convert the end of a function that only computes and returns."""
        no = [*node.orelse, *rest]
        names: set[str] = set()
        if not (_only_returns(node.body, names) and _only_returns(no, names)):
            return None
        self.changed += 1
        order = sorted(names)
        sides = [
            _function(f"{label}_{node.lineno}", order, self.block(side, last=True))
            for label, side in (("yes", node.body), ("no", no))
        ]
        values = [_call("known", _later(ast.Name(n, ast.Load()))) for n in order]
        calls = [
            _later(ast.Call(ast.Name(side.name, ast.Load()), list(values), [])) for side in sides
        ]
        result = ast.Return(_call("choose", self._condition(node.test), *calls))
        return [ast.copy_location(s, node) for s in (*sides, result)]


class _Targets:
    """What the sides of an ``if`` assign to: names, and elements under names of ours."""

    def __init__(self) -> None:
        self.places: dict[str, ast.expr] = {}
        self._names: dict[str, str] = {}

    def collect(self, statements: Sequence[ast.stmt]) -> bool:
        """Note the targets of statements; False where one is more than an assignment."""
        return all(map(self._note, statements))

    def _note(self, statement: ast.stmt) -> bool:
        if isinstance(statement, ast.Pass):
            return True
        if isinstance(statement, ast.If):
            inside = self.collect(statement.body) and self.collect(statement.orelse)
            return inside and _is_pure([statement.test])
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target = statement.targets[0]
        elif isinstance(statement, ast.AugAssign):
            target = statement.target
        else:
            return False
        if not _is_pure([statement.value]):
            return False
        if isinstance(target, ast.Name):
            self.places[target.id] = target
            return True
        if isinstance(target, ast.Subscript) and _is_plain_element(target):
            text = ast.unparse(target)
            if text not in self._names:
                self._names[text] = f"element_{len(self._names)}"
                self.places[self._names[text]] = target
            return True
        return False

    def are_apart(self, node: ast.If) -> bool:
        """Whether no element can be another one, and none depends on what is assigned."""
        bases: dict[str, list[ast.Subscript]] = {}
        for place in self.places.values():
            if isinstance(place, ast.Subscript):
                bases.setdefault(ast.unparse(place.value), []).append(place)
                used = {n.id for n in ast.walk(place) if isinstance(n, ast.Name)}
                if used & set(self.places):
                    return False
        alone = max(len(node.body), len(node.orelse)) == 1 and not _nested(node)
        return all(len(s) == 1 and (alone or not _reads(node, s[0])) for s in bases.values())

    def renamed(self, statement: ast.stmt) -> ast.stmt:
        """Return a statement with names in place of the elements."""
        names = self._names

        class Renaming(ast.NodeTransformer):
            def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
                name = names.get(ast.unparse(node))
                if name is not None:
                    return ast.copy_location(ast.Name(name, node.ctx), node)
                self.generic_visit(node)
                return node

        made = Renaming().visit(statement)
        assert isinstance(made, ast.stmt)
        return made


def _nested(node: ast.If) -> bool:
    return any(isinstance(statement, ast.If) for statement in (*node.body, *node.orelse))


def _reads(node: ast.If, element: ast.Subscript) -> bool:
    """Whether an ``if`` reads an array of which it assigns one element, but for that element."""
    base = ast.unparse(element.value).split("[")[0]
    own = sum(ast.unparse(p) == ast.unparse(element) for p in ast.walk(node))
    loads = [p for p in ast.walk(node) if isinstance(p, ast.Name) and p.id == base]
    return len(loads) > own


def _function(name: str, parameters: Sequence[str], body: list[ast.stmt]) -> ast.FunctionDef:
    arguments = ast.arguments([], [ast.arg(p) for p in parameters], None, [], [], None, [])
    return ast.FunctionDef(name=name, args=arguments, body=body, decorator_list=[])


def _loaded(place: ast.expr) -> ast.expr:
    text = ast.parse(ast.unparse(place), mode="eval")
    return text.body


def _is_plain_element(target: ast.Subscript) -> bool:
    """Whether a target is an element of a named array, at places that are names and numbers."""
    kinds = (ast.Name, ast.Constant, ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Tuple, ast.Load)
    more = (ast.Store, ast.Subscript, ast.UnaryOp, ast.USub, ast.Mod)
    base = target.value
    while isinstance(base, ast.Subscript):
        base = base.value
    return isinstance(base, ast.Name) and all(
        isinstance(n, (*kinds, *more)) for n in ast.walk(target)
    )


def _only_returns(statements: Sequence[ast.stmt], names: set[str]) -> bool:
    """Whether statements assign to names and end by returning a value, on every way."""
    for k, statement in enumerate(statements):
        if isinstance(statement, ast.Return):
            return statement.value is not None and _is_pure([statement.value])
        if isinstance(statement, ast.If):
            if not _is_pure([statement.test]):
                return False
            rest = statements[k + 1 :]
            sides = ([*statement.body, *rest], [*statement.orelse, *rest])
            return all(_only_returns(side, names) for side in sides)
        target = statement.targets[0] if isinstance(statement, ast.Assign) else None
        if not isinstance(statement, ast.Assign) or not isinstance(target, ast.Name):
            return False
        if len(statement.targets) > 1 or not _is_pure([statement.value]):
            return False
        names.add(target.id)
    return False


def _is_pure(nodes: Sequence[ast.AST]) -> bool:
    """Whether expressions only compute, as far as their text tells."""
    for node in nodes:
        for part in ast.walk(node):
            if isinstance(part, (ast.NamedExpr, ast.Yield, ast.YieldFrom, ast.Await, ast.Lambda)):
                return False
            if isinstance(part, ast.Call):
                called = getattr(part.func, "id", getattr(part.func, "attr", ""))
                if called in _CHANGING:
                    return False
    return True
