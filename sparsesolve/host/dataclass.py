"""`dataclass`: that of the standard library, but methods are made when they are first called.

Separate because of what it costs: the standard library writes six functions as text for each class
and compiles each by itself. For the hundred classes that a first Jacobian loads, that was half the
time of all imports of ours. Here what must be fast is compiled at its first call, and the rest is
closures. Fields, slots, `dataclasses.replace` and pickling are as ever. Public
classes stay with the standard library, since `help` shows the signature of ``__init__``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, TypeAlias

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls: type | None = None, /, **options: bool) -> Any:
        """Make a class of fields, as `dataclasses.dataclass` does.

        Parameters
        ----------
        cls : type, optional
            The class; without it, a decorator is returned.
        **options : bool
            ``eq``, ``frozen``, ``slots``, ``kw_only``, ``weakref_slot``.

        Examples
        --------
        >>> @dataclass(frozen=True, slots=True)
        ... class Point:
        ...     x: float
        ...     y: float = 0.0
        >>> Point(1.0), dataclasses.replace(Point(1.0), y=2.0) == Point(1.0, 2.0)
        (Point(x=1.0, y=0.0), True)
        """
        return _made(cls, **options) if cls is not None else lambda it: _made(it, **options)


def _made(cls: Any, *, eq: bool = True, frozen: bool = False, **others: bool) -> Any:
    """Let the standard library make the fields and slots, and add the methods."""
    cls.__doc__ = cls.__doc__ or cls.__name__  # or else it looks for the signature
    own = set(vars(cls))
    made: Any = dataclasses.dataclass(init=False, repr=False, eq=False, **others)(cls)
    fields = dataclasses.fields(made)
    texts = {"__init__": lambda: _init_text(made, fields, frozen=frozen)}
    methods: dict[str, Any] = {"__repr__": _repr(fields)}
    if eq:
        texts |= _comparing(fields)
        if not frozen:
            del texts["__hash__"]
            methods["__hash__"] = None
    if frozen:
        methods |= _frozen(made, {field.name for field in fields})
        if others.get("slots"):
            methods |= _state([field.name for field in fields])
    methods |= {name: _first_call(made, name, text) for name, text in texts.items()}
    for name, method in methods.items():
        if name not in own:
            setattr(made, name, method)
    return made


_Text: TypeAlias = Callable[[], tuple[str, dict[str, Any]]]


def _first_call(cls: Any, name: str, text: _Text) -> Callable[..., Any]:
    """Return what compiles a method and puts it into its own place when it is called."""

    def first(*args: Any, **given: Any) -> Any:
        written, named = text()
        exec(written, named)
        method = named[name]
        method.__qualname__ = f"{cls.__qualname__}.{name}"
        setattr(cls, name, method)
        return method(*args, **given)

    return first


def _init_text(cls: Any, fields: Any, *, frozen: bool) -> tuple[str, dict[str, Any]]:
    named: dict[str, Any] = {"_put": object.__setattr__, "_unset": dataclasses.MISSING}
    plain, by_name = ["self"], ["*"]
    body = []
    for field in fields:
        name, factory = field.name, field.default_factory is not dataclasses.MISSING
        default = "" if field.default is dataclasses.MISSING else f"_of_{name}"
        named[f"_of_{name}"] = field.default_factory if factory else field.default
        value = name if field.init else default
        if factory:
            default, made = "_unset", f"_of_{name}()"
            value = f"{made} if {name} is _unset else {name}" if field.init else made
        if field.init:
            into = by_name if field.kw_only else plain
            into.append(f"{name}={default}" if default else name)
        if value:
            body.append(f"_put(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    words = [*plain, *(by_name if len(by_name) > 1 else ())]
    lines = "".join(f"\n    {line}" for line in body or ["pass"])
    return f"def __init__({', '.join(words)}):{lines}\n", named


def _comparing(fields: Any) -> dict[str, _Text]:
    names = [field.name for field in fields if field.compare]
    ours, others = ("".join(f"{of}.{name}, " for name in names) for of in ("self", "other"))
    equal = f"({ours}) == ({others}) if other.__class__ is self.__class__ else NotImplemented"
    return {
        "__eq__": lambda: (f"def __eq__(self, other):\n    return {equal}\n", {}),
        "__hash__": lambda: (f"def __hash__(self):\n    return hash(({ours}))\n", {}),
    }


def _repr(fields: Any) -> Callable[[Any], str]:
    shown = [field.name for field in fields if field.repr]

    @recursive_repr()
    def written(self: Any) -> str:
        parts = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
        return f"{self.__class__.__qualname__}({parts})"

    return written


def _frozen(cls: Any, names: set[str]) -> dict[str, Callable[..., Any]]:
    def refuse(self: Any, name: str, what: str) -> None:
        if type(self) is cls or name in names:
            raise dataclasses.FrozenInstanceError(f"cannot {what} field {name!r}")

    def put(self: Any, name: str, value: Any) -> None:
        refuse(self, name, "assign to")
        super(cls, self).__setattr__(name, value)

    def delete(self: Any, name: str) -> None:
        refuse(self, name, "delete")
        super(cls, self).__delattr__(name)

    return {"__setattr__": put, "__delattr__": delete}


def _state(names: list[str]) -> dict[str, Callable[..., Any]]:
    """Return what pickle and copy use, since frozen slots cannot be assigned."""

    def read(self: Any) -> list[Any]:
        return [getattr(self, name) for name in names]

    def write(self: Any, state: Iterator[Any]) -> None:
        for name, value in zip(names, state, strict=True):
            object.__setattr__(self, name, value)

    return {"__getstate__": read, "__setstate__": write}
