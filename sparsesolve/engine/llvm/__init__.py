"""The engine that runs a program as machine code: plan, then code, then run.

>>> from sparsesolve.engine.llvm.compile import compile_program
>>> from sparsesolve.ir.builder import Builder
>>> b = Builder((3,))
>>> run = compile_program(b.build(b.map("multiply", b.x[1:], b.map("sin", b.x[:-1]))))
>>> print(run.source())
for i < 2:
    rest <- sin(unit s[0+1i])
for i < 2:
    out <- multiply(unit s[1+1i], unit s[3+1i])
"""
