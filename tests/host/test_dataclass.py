"""The lighter `dataclass` behaves as that of the standard library."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import pytest

from sparsesolve.host.dataclass import dataclass

OPTIONS = (
    {},
    {"frozen": True},
    {"frozen": True, "slots": True},
    {"frozen": True, "eq": False},
    {"slots": True},
    {"slots": True, "frozen": True, "eq": False, "kw_only": True},
    {"slots": True, "frozen": True, "weakref_slot": True},
)


class Plain:
    """Fields of every kind."""

    a: int
    b: tuple[int, ...] = ()
    c: list[int] = dataclasses.field(default_factory=list)
    d: int = dataclasses.field(default=7, init=False)
    e: int = dataclasses.field(default=8, repr=False, compare=False)


class Checked:
    """Looks at its field."""

    a: int

    def __post_init__(self) -> None:
        if self.a < 0:
            raise ValueError("negative")


class Own:
    """Has methods of its own."""

    a: int

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 5

    def __repr__(self) -> str:
        return "own"


def twin(cls: type, options: dict[str, bool], make) -> type:
    body = {k: v for k, v in vars(cls).items() if k not in ("__dict__", "__weakref__")}
    return make(**options)(type(cls.__name__, (), body))


def told(call):
    """Result of a call, or the error and its words."""
    try:
        return call()
    except Exception as error:
        return type(error), str(error).replace(" arguments", " argument")


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_it_does_what_the_standard_one_does(options) -> None:
    def seen(make):
        cls = twin(Plain, options, make)
        given = {"a": 1} | ({"b": (2,)} if options.get("kw_only") else {})
        one = told(lambda: cls(**given))
        same, other = cls(**given), cls(a=2, c=[3])
        yield repr(one), one == same, one == other, one == (1, (2,), [], 7)
        yield (
            cls.__match_args__,
            [f.name for f in dataclasses.fields(one)],
            dataclasses.astuple(one),
        )
        yield (
            told(lambda: hash(other) == hash(other)),
            told(lambda: cls()),
            told(lambda: repr(cls(1, 2))),
        )
        yield told(lambda: setattr(one, "a", 3)), told(lambda: delattr(same, "b")), repr(one)
        yield repr(dataclasses.replace(other, b=(9,))), repr(copy.copy(other)), other.c is same.c
        yield hasattr(cls, "__slots__"), hasattr(cls, "__weakref__")

    assert list(seen(dataclass)) == list(seen(dataclasses.dataclass))


@pytest.mark.parametrize("cls", [Checked, Own])
def test_own_methods_are_kept(cls) -> None:
    def seen(make):
        made = twin(cls, {"frozen": True, "slots": True}, make)
        yield repr(made(1)), made(1) == made(2), hash(made(1)), told(lambda: made(-1))

    ours, theirs = next(seen(dataclass)), next(seen(dataclasses.dataclass))
    assert str(ours) == str(theirs)


@dataclass(frozen=True, slots=True)
class Kept:
    """At the top of a module, so that it can be pickled."""

    a: int
    b: float = 0.5


def test_it_is_pickled() -> None:
    assert pickle.loads(pickle.dumps(Kept(3, 4.0))) == Kept(3, 4.0)
    assert {Kept(1): "x"}[Kept(1)] == "x"


def test_methods_are_compiled_once() -> None:
    made = twin(Plain, {"frozen": True}, dataclass)
    first = made.__init__
    made(1)
    second = made.__init__
    made(2)
    assert first is not second is made.__init__
