"""From LLVM IR to addresses of machine code, once per process and, where it pays, once per machine.

Separate because it is the only module that drives llvmlite, and the only one that touches a disk.

Functions are known by their text: two kernels with the same body are one function, whatever
program they belong to. All functions that are missing are compiled together as one module. Its
object code is kept under ``$XDG_CACHE_HOME/sparsesolve`` (default ``~/.cache``), named by a hash of
the text, the processor and the versions; a file that is damaged is compiled anew. The environment
variable ``SPARSESOLVE_CACHE=0`` turns the files off.

No optimisation pass is run: the IR comes vectorised and hoisted (see `codegen`). ``effort`` is the
level of LLVM's code generator, 0 for kernels too small to matter.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm

__all__ = ["CacheFolder", "compile_functions"]

_LOCK = threading.Lock()
_DIGEST = hashlib.sha256
_MOST_FILES = 2000


def compile_functions(
    bodies: Mapping[str, int], declarations: frozenset[str]
) -> tuple[dict[str, int], bool]:
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
    addresses : dict of str to int
        Address of each body.
    compiled : bool
        Whether LLVM had to generate anything, rather than all of it being known.
    """
    with _LOCK:
        compiled = False
        for effort in (0, 2):
            missing = [
                body
                for body, wanted in bodies.items()
                if wanted == effort and _known(body, effort) is None
            ]
            if missing:
                compiled = _compile(sorted(missing), declarations, effort) or compiled
        found = {body: _known(body, effort) for body, effort in bodies.items()}
    return {body: address for body, address in found.items() if address is not None}, compiled


def _known(body: str, effort: int) -> int | None:
    """Look for a function made with this effort or more."""
    best = _FUNCTIONS.get((body, 2))
    return best if best is not None or effort == 2 else _FUNCTIONS.get((body, 0))


def _compile(bodies: list[str], declarations: frozenset[str], effort: int) -> bool:
    names = [f"k{_DIGEST(body.encode()).hexdigest()[:24]}" for body in bodies]
    used = sorted(line for line in declarations if _is_used(line, bodies))
    text = "\n".join(used) + "".join(
        f"\ndefine {_headed(name, body)}" for name, body in zip(names, bodies, strict=True)
    )
    folder = CacheFolder.default()
    key = _DIGEST(f"{_machine()}\n{effort}\n{text}".encode()).hexdigest()
    found = folder.read(key)
    machine_code = _generate(text, effort) if found is None else found
    engine = _load(machine_code, effort)
    if found is None:
        folder.write(key, machine_code)
    for name, body in zip(names, bodies, strict=True):
        _FUNCTIONS[body, effort] = engine.get_function_address(name)
    return found is None


def _headed(name: str, body: str) -> str:
    """Put a name into a body, which may begin with a type of result."""
    kind, rest = body.split("(", 1)
    return f"{kind.strip() or 'void'} @{name}({rest}"


def _is_used(declaration: str, bodies: list[str]) -> bool:
    name = declaration[declaration.index("@") : declaration.index("(")]
    return any(f"{name}(" in body for body in bodies)


def _generate(text: str, effort: int) -> bytes:
    target = _target(effort)
    header = f'target triple = "{llvm.get_process_triple()}"\n'
    header += f'target datalayout = "{target.target_data}"\n'
    module = llvm.parse_assembly(header + text)
    code: bytes = target.emit_object(module)
    return code


def _load(machine_code: bytes, effort: int) -> Any:
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _target(effort))
    engine.add_object_file(llvm.object_file.ObjectFileRef.from_data(machine_code))
    engine.finalize_object()
    _ENGINES.append(engine)
    return engine


@cache
def _target(effort: int) -> Any:
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
def _machine() -> str:
    """Everything but the text that machine code depends on."""
    parts = (
        llvm.get_process_triple(),
        llvm.get_host_cpu_name(),
        llvm.get_host_cpu_features().flatten(),
        llvmlite.__version__,
        ".".join(map(str, llvm.llvm_version_info)),
    )
    return "\n".join(parts)


_FUNCTIONS: dict[tuple[str, int], int] = {}
_ENGINES: list[Any] = []  # machine code lives as long as the process


class CacheFolder:
    """Files of machine code, each with a checksum in front.

    Parameters
    ----------
    folder : Path or None
        Where they are; None keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    @classmethod
    def default(cls) -> CacheFolder:
        """Return the folder that the environment asks for."""
        if os.environ.get("SPARSESOLVE_CACHE", "1") in ("0", ""):
            return cls(None)
        root = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        return cls(Path(root) / "sparsesolve")

    def read(self, key: str) -> bytes | None:
        """Return what is kept under `key`, or None if nothing sound is."""
        if self.folder is None:
            return None
        try:
            data = (self.folder / f"{key}.o").read_bytes()
        except OSError:
            return None
        checksum, payload = data[:32], data[32:]
        return payload if payload and _DIGEST(payload).digest() == checksum else None

    def write(self, key: str, payload: bytes) -> None:
        """Keep `payload` under `key`; a folder that cannot be written is no error."""
        if self.folder is None:
            return
        with contextlib.suppress(OSError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._prune()
            handle, name = tempfile.mkstemp(dir=self.folder)
            with os.fdopen(handle, "wb") as file:
                file.write(_DIGEST(payload).digest() + payload)
            os.replace(name, self.folder / f"{key}.o")  # readers see all of it or nothing

    def _prune(self) -> None:
        """Keep the number of files bounded: beyond it, the older half goes."""
        assert self.folder is not None
        if len(os.listdir(self.folder)) > _MOST_FILES:
            files = sorted(self.folder.iterdir(), key=lambda file: file.stat().st_mtime)
            for file in files[: len(files) // 2]:
                file.unlink(missing_ok=True)
