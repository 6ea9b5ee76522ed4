"""From LLVM IR to addresses, and running them: tables, threads, calls.

What runs is found again by its text: a second program of the same form compiles nothing.

>>> import sparsesolve.numpy_ops
>>> from sparsesolve.engine.llvm.compile import compile_program
>>> from sparsesolve.ir.builder import Builder
>>> for n in (30, 40):
...     b = Builder((n,))
...     run = compile_program(b.build(b.map("multiply", b.x[1:], b.x[:-1])))
>>> run.statistics.kernels, run.statistics.functions, run.statistics.from_cache
(1, 1, True)
"""
