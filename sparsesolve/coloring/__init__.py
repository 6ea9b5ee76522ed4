"""From a pattern to groups of columns or rows that share one evaluation.

Columns 0 and 2 of this pattern have no row in common, so one product gives both:

>>> pattern = [[1, 1, 0], [0, 1, 1]]
>>> found = color(pattern)
>>> found.colors.tolist(), found.ncolors
([0, 1, 0], 2)
>>> check(pattern, found)
''
>>> check(pattern, [0, 0, 1])
'entry (0, 0) cannot be read: in row 0, color 0 is that of columns 0, 1'
"""

from sparsesolve.coloring.bound import lower_bound
from sparsesolve.coloring.check import check
from sparsesolve.coloring.choose import SEARCHES, color
from sparsesolve.coloring.orders import ORDERS
from sparsesolve.coloring.value import (
    RECOVERIES,
    STRUCTURES,
    Coloring,
    Recovered,
    Structure,
    require_coloring,
)

__all__ = [
    "ORDERS",
    "RECOVERIES",
    "SEARCHES",
    "STRUCTURES",
    "Coloring",
    "Recovered",
    "Structure",
    "check",
    "color",
    "lower_bound",
    "require_coloring",
]
