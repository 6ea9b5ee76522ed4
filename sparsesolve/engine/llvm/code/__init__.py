"""From kernel signatures to LLVM IR.

The loop of ``x[1:] * x[:-1]`` multiplies once a point, and nothing else of it depends on the data:

>>> import sparsesolve.numpy_ops
>>> from sparsesolve.engine.llvm.code.codegen import generate
>>> from sparsesolve.engine.llvm.plan.planner import make_plan
>>> from sparsesolve.ir.builder import Builder
>>> b = Builder((3,))
>>> (task,) = make_plan(b.build(b.map("multiply", b.x[1:], b.x[:-1])), 1).tasks
>>> code = generate(task.signature, 1)
>>> [line.split()[2:] for line in code.body.splitlines() if "fmul" in line]
[['fmul', 'double', '%v20,', '%v22']]
"""
