"""SIF: problems of the CUTEst collection, read from their files into vectorized NumPy.

A stage of its own, above problems: it makes them, and no other stage knows where they came from.
"""

from __future__ import annotations

from sparsesolve.sif.check import Comparison, check
from sparsesolve.sif.load import find, load, parameters, read_model
from sparsesolve.sif.parameters import Parameter

__all__ = ["Comparison", "Parameter", "check", "find", "load", "parameters", "read_model"]
