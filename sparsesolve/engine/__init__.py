"""The engines: `interpret` runs a program with NumPy, `compile` with machine code.

Separate from what makes programs, because both engines take any `Program` and must give the same
numbers. `compile` needs llvmlite and is imported only where it is used.
"""
