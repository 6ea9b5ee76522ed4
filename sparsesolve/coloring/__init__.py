"""From a pattern to groups of columns or rows that share one evaluation."""

from sparsesolve.coloring.bound import lower_bound
from sparsesolve.coloring.choose import SEARCHES, color
from sparsesolve.coloring.orders import ORDERS
from sparsesolve.coloring.value import RECOVERIES, STRUCTURES, Coloring, Recovered, Structure

__all__ = [
    "ORDERS",
    "RECOVERIES",
    "SEARCHES",
    "STRUCTURES",
    "Coloring",
    "Recovered",
    "Structure",
    "color",
    "lower_bound",
]
