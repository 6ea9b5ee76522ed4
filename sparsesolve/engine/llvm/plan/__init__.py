"""From a program to tasks over slots and results, before any code is written.

The plan of ``x[1:] * x[:-1]``: one task, whose loads advance by one slot, and whose results go
where the caller wants them.

>>> from sparsesolve.engine.llvm.plan.plan_text import plan_lines
>>> from sparsesolve.engine.llvm.plan.planner import make_plan
>>> from sparsesolve.ir.builder import Builder
>>> b = Builder((3,))
>>> for line in plan_lines(make_plan(b.build(b.map("multiply", b.x[1:], b.x[:-1])), 1)):
...     print(line)
for i < 2:
    out <- multiply(unit s[1+1i], unit s[0+1i])
"""
