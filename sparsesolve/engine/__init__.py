"""The engines: `interpret` runs a program with NumPy, `compile` with machine code.

Separate from what makes programs, because both engines take any `Program` and must give the same
numbers. `compile` needs llvmlite and is imported only where it is used.

Both, on ``f(x) = x[1:] * sin(x[:-1])``:

>>> import numpy as np
>>> from sparsesolve.engine.interpreter.interpret import Interpreter
>>> from sparsesolve.engine.llvm.compile import compile_program
>>> from sparsesolve.ir.builder import Builder
>>> b = Builder((3,))
>>> program = b.build(b.map("multiply", b.x[1:], b.map("sin", b.x[:-1])))
>>> x = np.array([1.0, 2.0, 3.0])
>>> Interpreter(program)(x).round(6).tolist()
[1.682942, 2.727892]
>>> compile_program(program)(x).round(6).tolist()
[1.682942, 2.727892]
"""
