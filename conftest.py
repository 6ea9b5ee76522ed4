"""What tests and doctests of single stages trace, lower and run: the functions of NumPy."""

import sparsesolve.numpy_ops  # noqa: F401
