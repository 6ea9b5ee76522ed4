"""SIF: problems of the CUTEst collection, read from their files into vectorized NumPy.

A stage of its own, above problems: it makes them, and no other stage knows where they came from.

A group of type L2 is the square of ``2 x - 4``; what is read becomes a NumPy function:

>>> import pathlib, tempfile
>>> text = '''NAME          TINY
... VARIABLES
...     X
... GROUPS
...  N  G         X         2.0
... CONSTANTS
...     TINY      G         4.0
... BOUNDS
...  FR TINY      X
... GROUP TYPE
...  GV L2        T
... GROUP USES
...  T  G         L2
... ENDATA
... GROUPS        TINY
... INDIVIDUALS
...  T  L2
...  F                      T * T
...  G                      T + T
...  H                      2.0
... ENDATA
... '''
>>> with tempfile.TemporaryDirectory() as folder:
...     path = pathlib.Path(folder, "TINY.SIF")
...     _ = path.write_text(text)
...     problem = load(path)
>>> problem.objective_value([5.0]), problem.gradient([5.0]).tolist()
(36.0, [24.0])
"""

from __future__ import annotations

from sparsesolve.sif.check import Comparison, check
from sparsesolve.sif.load import find, load, parameters, read_model
from sparsesolve.sif.parameters import Parameter

__all__ = ["Comparison", "Parameter", "check", "find", "load", "parameters", "read_model"]
