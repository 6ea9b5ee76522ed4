"""From LLVM IR to addresses of machine code, once per process and, where it pays, once per machine.

It is the only module that drives LLVM, and the only one that touches a disk. LLVM is loaded when
there is something to generate, or object code that `object_code` does not know.

Functions are known by their text: two kernels with the same body are one function, whatever
program they belong to. All functions that are missing are compiled together as one module, which
lives as long as anybody holds one of its functions; the modules used last are held here as well, so
that a structure that comes again soon is not compiled again. Object code is kept under
``$XDG_CACHE_HOME/sparsesolve`` (default ``~/.cache``), named by a hash of the text, the processor
and the versions; a file that is damaged is compiled anew (see `host.cache_folder`). The environment
variable ``SPARSESOLVE_CACHE=0`` turns the files off.

No optimisation pass is run: the IR comes vectorised and hoisted (see `codegen`). ``effort`` is the
level of LLVM's code generator, 0 for kernels too small to matter.
"""

from __future__ import annotations

import hashlib
import weakref
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from sparsesolve.engine.llvm.code.processor import compiler_name, processor_name
from sparsesolve.engine.llvm.code.vectormath import LLVM_LOCK
from sparsesolve.engine.llvm.run.object_code import ObjectCode, UnknownObject, reads_objects
from sparsesolve.host.cache_folder import CacheFolder
from sparsesolve.host.dataclass import dataclass
from sparsesolve.host.imports import importing
from sparsesolve.host.interrupts import interrupts_held

compiler_name()  # or else ImportError, as if LLVM were imported here

__all__ = ["NativeFunction", "compile_functions", "machine_name"]

_DIGEST = hashlib.sha256
_MOST_RECENT = 256  # modules held without a user: each takes four maps of the process's memory


_UNUSED: list[Any] = []


class _Module:
    """Functions in memory, freed with this object."""

    def __init__(self, code: ObjectCode | _Engine, names: Mapping[str, str]) -> None:
        self.code = code
        self.addresses = {body: code[name] for body, name in names.items()}

    def __del__(self, unused: list[Any] = _UNUSED) -> None:
        unused.append(self.code)  # freed by the next that compiles, which holds the lock


@dataclass(frozen=True, slots=True)
class NativeFunction:
    """A compiled function: its code stays in memory as long as this object does."""

    address: int
    module: _Module


def compile_functions(
    bodies: Mapping[str, int], declarations: frozenset[str]
) -> tuple[dict[str, NativeFunction], bool]:
    """Compile what is not compiled yet.

    Parameters
    ----------
    bodies : mapping of str to int
        Body of each function, ``(arguments) { ... }``, and the effort to spend on it. The type of
        its result may stand in front.
    declarations : frozenset of str
        Declarations that any of them needs.

    Returns
    -------
    functions : dict of str to NativeFunction
        The function of each body; whoever uses an address holds on to its function.
    compiled : bool
        Whether LLVM had to generate anything, rather than all of it being known.
    """
    with LLVM_LOCK, interrupts_held():
        while _UNUSED:
            _UNUSED.pop().close()
        compiled = False
        made = []  # nobody else holds the new modules yet
        for effort in (0, 2):
            missing = [
                body
                for body, wanted in bodies.items()
                if wanted == effort and _known(body, effort) is None
            ]
            if missing:
                module, generated = _compile(sorted(missing), declarations, effort)
                made.append(module)
                compiled = compiled or generated
        found = {body: _known(body, effort) for body, effort in bodies.items()}
        modules = {body: module for body, module in found.items() if module is not None}
        _remember(modules.values())
    return {b: NativeFunction(m.addresses[b], m) for b, m in modules.items()}, compiled


def _remember(modules: Iterable[_Module]) -> None:
    """Hold the modules that were used last."""
    for module in dict.fromkeys(modules):
        _RECENT[module] = None
        _RECENT.move_to_end(module)
    while len(_RECENT) > _MOST_RECENT:
        _RECENT.popitem(last=False)


def _known(body: str, effort: int) -> _Module | None:
    """Look for a module that has a function, made with this effort or more."""
    best = _MODULES.get((body, 2))
    return best if best is not None or effort == 2 else _MODULES.get((body, 0))


def _compile(bodies: list[str], declarations: frozenset[str], effort: int) -> tuple[_Module, bool]:
    """Make one module; tell whether LLVM had to generate it."""
    names = [f"k{_DIGEST(body.encode()).hexdigest()[:24]}" for body in bodies]
    used = sorted(line for line in declarations if _is_used(line, bodies))
    text = "\n".join(used) + "".join(
        f"\ndefine {_headed(name, body)}" for name, body in zip(names, bodies, strict=True)
    )
    folder = CacheFolder.default()
    key = _DIGEST(f"{machine_name()}\n{effort}\n{text}".encode()).hexdigest()
    found = folder.read(key)
    machine_code = _generate(text, effort) if found is None else bytes(found)
    module = _load(machine_code, dict(zip(bodies, names, strict=True)))
    if found is None:
        folder.write(key, machine_code)
    _MODULES.update({(body, effort): module for body in bodies})
    return module, found is None


def _headed(name: str, body: str) -> str:
    """Put a name into a body, which may begin with a type of result."""
    kind, rest = body.split("(", 1)
    return f"{kind.strip() or 'void'} @{name}({rest}"


def _is_used(declaration: str, bodies: list[str]) -> bool:
    name = declaration[declaration.index("@") : declaration.index("(")]
    return any(f"{name}(" in body for body in bodies)


def _generate(text: str, effort: int) -> bytes:
    target = _target(effort)
    header = f'target triple = "{target.triple}"\n'  # on Windows its own, for ELF
    header += f'target datalayout = "{target.target_data}"\n'
    module = _llvm().parse_assembly(header + text)
    code: bytes = target.emit_object(module)
    return code


def _load(machine_code: bytes, names: Mapping[str, str]) -> _Module:
    """Bring object code into memory."""
    if reads_objects():
        try:
            return _Module(ObjectCode(machine_code, names.values()), names)
        except UnknownObject:
            pass
    return _Module(_Engine(machine_code), names)


class _Engine:
    """Object code in an engine of LLVM's older linker, which numba uses everywhere."""

    def __init__(self, machine_code: bytes) -> None:
        llvm = _llvm()
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _new_target(0))
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(machine_code))
        self._engine.finalize_object()

    def __getitem__(self, name: str) -> int:
        return int(self._engine.get_function_address(name))

    def close(self) -> None:
        """Free the code."""
        self._engine.close()


def _llvm() -> Any:
    with importing():
        import llvmlite.binding as llvm  # noqa: PLC0415 - slow to import

    return llvm


@cache
def _target(effort: int) -> Any:
    return _new_target(effort)


def _new_target(effort: int) -> Any:
    llvm = _llvm()
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_triple(llvm.get_process_triple())
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=effort,
        jit=True,
    )


@cache
def machine_name() -> str:
    """Return everything but the text that machine code depends on: processor and versions."""
    return f"{processor_name()}\n{compiler_name()}"


_MODULES: weakref.WeakValueDictionary[tuple[str, int], _Module] = weakref.WeakValueDictionary()
_RECENT: OrderedDict[_Module, None] = OrderedDict()
