"""Pictures of patterns, colorings, problems and solves: as text, and with matplotlib.

Separate because matplotlib is optional (extra ``plot``) and is imported only when a figure is
drawn.

>>> from sparsesolve.coloring import color
>>> from sparsesolve.structure.pattern import Pattern
>>> print(coloring_text(color(Pattern.from_offsets((2, 3), (0, 1)), order="natural")))
2 colors for 2 x 3, 4 entries (columns, direct)
0 1 ·
· 1 0
"""

from sparsesolve.picture.curves import CurvePanel, plot_curves
from sparsesolve.picture.iterations import plot_iterations
from sparsesolve.picture.matrices import Panel, coloring_text, plot_coloring, plot_equation
from sparsesolve.picture.patterns import spy

__all__ = [
    "CurvePanel",
    "Panel",
    "coloring_text",
    "plot_coloring",
    "plot_curves",
    "plot_equation",
    "plot_iterations",
    "spy",
]
