"""What the processor is and can do, and which compiler is here, without loading LLVM.

Separate because machine code from the disk is chosen by it before anything is compiled. On Linux
the system says what the processor can do and what it lets programs use; elsewhere LLVM is asked.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
from functools import cache
from pathlib import Path

from sparsesolve.host.imports import importing

__all__ = ["compiler_name", "processor_flags", "processor_name"]

_TOLD = Path("/proc/cpuinfo")
_KIND = ("vendor_id", "cpu family", "model", "model name", "stepping")


@cache
def processor_flags() -> frozenset[str]:
    """Return what the processor can do, in LLVM's words: ``avx2``, ``avx512vbmi2``."""
    told = _told()
    if told:
        return frozenset(told["flags"].replace("avx512_", "avx512").split())
    with importing():
        import llvmlite.binding as llvm  # noqa: PLC0415  (slow to import)

    return frozenset(name for name, present in llvm.get_host_cpu_features().items() if present)


@cache
def processor_name() -> str:
    """Return all that code for this processor may depend on."""
    told = _told()
    if told:
        return "\n".join(told.get(name, "") for name in (*_KIND, "flags"))
    with importing():
        import llvmlite.binding as llvm  # noqa: PLC0415  (slow to import)

    parts = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    return "\n".join((llvm.get_process_triple(), *parts))


@cache
def compiler_name() -> str:
    """Return which llvmlite is installed, and the state of its library.

    Raises
    ------
    ImportError
        If none is.
    """
    found = importlib.util.find_spec("llvmlite")
    if found is None or found.origin is None:
        raise ImportError("No module named 'llvmlite'", name="llvmlite")
    folder = Path(found.origin).parent
    words = []
    with os.scandir(folder / "binding") as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name.startswith(("libllvmlite.", "llvmlite.")):
                state = entry.stat()
                words.append(f"{entry.name} {state.st_size} {state.st_mtime_ns}")
    return "\n".join(words)


@cache
def _told() -> dict[str, str]:
    """Read what Linux says of the first processor; nothing elsewhere."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return {}
    try:
        first = _TOLD.read_text(encoding="utf-8").split("\n\n", 1)[0]
    except OSError:
        return {}
    lines = (line.split(":", 1) for line in first.splitlines() if ":" in line)
    told = {name.strip(): value.strip() for name, value in lines}
    return told if told.get("flags") else {}
