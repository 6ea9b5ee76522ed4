"""The vocabulary of a tape: every `Instruction.op` that tracing can emit.

The families of `sparsesolve.numpy_ops` fill it: with each rule of lowering, with each scalar
operation, and with the primitives that are kept as calls. Everything NumPy offers beyond it is
either expressed in these words or refused. A user's own autograd primitive ``name`` is recorded as
``user.name``; ``autograd.scipy.stats`` as ``stats.norm.pdf`` and so on; both are opaque.
"""

from __future__ import annotations

__all__ = ["RECORDED"]

RECORDED: set[str] = set()
"""Names of the primitives that are recorded as they are."""
