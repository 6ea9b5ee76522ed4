"""The engine that runs a program with NumPy: the readable reference.

A kernel is a few calls of NumPy:

>>> import numpy as np
>>> from sparsesolve.engine.interpreter.interpret import Interpreter
>>> from sparsesolve.ir.builder import Builder
>>> b = Builder((3,))
>>> run = Interpreter(b.build(b.map("multiply", b.x[1:], b.map("sin", b.x[:-1]))))
>>> run(np.array([1.0, 2.0, 3.0])).round(6).tolist()
[1.682942, 2.727892]
"""
