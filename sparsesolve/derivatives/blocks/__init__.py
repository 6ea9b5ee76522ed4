"""Jacobians and Hessians of functions with wide sums, by products of blocks.

Separate from `nonzeros`, which lists the terms of the chain rule: here wide sums u are cut out
(`differentiate/cuts`), what is left is sparse and runs as any program does, and the rest is linear
algebra on blocks, by BLAS. With ``U = du/dx`` (`sensitivities`)

- ``J = y_x + y_u U``,
- ``H = Z' W Z``, where ``Z = [I; U]`` and W holds the second derivatives with respect to (x, u) of
  ``weights . y + lambda . S``, with the multipliers lambda of u's definitions.

So a least-squares function has ``A' D A``, and one sum that couples all unknowns a matrix of rank
one. Where a value is not finite, all values are computed again by products with unit vectors, which
multiply no infinite slope with what was not chosen.

Examples
--------
>>> import numpy as np
>>> from sparsesolve.derivatives.hessian import hessian
>>> matrix = np.random.default_rng(0).normal(size=(200, 100))
>>> H = hessian(lambda x: np.sum(np.tanh(matrix @ x) ** 2), np.ones(100))
>>> print(H.report().splitlines()[-1].split(maxsplit=1)[1])
200 wide sums are multiplied as blocks, not term by term
"""
