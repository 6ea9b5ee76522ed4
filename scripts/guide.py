"""Write docs/guide.md and its pictures: from a function to its sparse Jacobian.

Run ``python scripts/guide.py`` after a change; a test compares the page with what this writes.
Every number and every picture comes from the package itself.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import sparsesolve as ss
from sparsesolve.coloring.seeds import forward_seeds
from sparsesolve.picture import Panel, plot_equation

DOCS = Path(__file__).resolve().parents[1] / "docs"
PICTURES = DOCS / "guide"

POINT = np.array([0.0, 1.0, 3.0, 2.0, 4.0, 5.0, 4.0, 6.0])
DIRECTION = np.array([1.0, 0.0, 0.0, 2.0, 0.0, 1.0, 0.0, 0.0])
WEIGHTS = np.array([1.0, 0.0, 0.0, 2.0, 0.0, 1.0])


def residual(x: Any) -> Any:
    """Return a diffusion with a cubic law, and a source."""
    steps = x[1:] - x[:-1]
    flux = steps**3
    return flux[1:] - flux[:-1] + x[1:-1] ** 2


def energy(x: Any) -> Any:
    """Return a scalar whose Hessian is tridiagonal."""
    return np.sum((x[1:] - x[:-1]) ** 4) / 12


def arrow(x: Any) -> Any:
    """Return values of which the first needs all of x, and all need x[0]."""
    return np.concatenate((np.sum(x**2).reshape(1), x[1:] * x[0]))


# ----- The linear maps of the example ----------------------------------------------------------


def factors() -> dict[str, Any]:
    """Return the local Jacobians of `residual` at `POINT`, each from the package."""
    steps = np.diff(POINT)
    maps = {
        "A1": ss.jacobian(lambda x: x[1:] - x[:-1], POINT)(POINT),
        "A2": ss.jacobian(lambda s: s**3, steps)(steps),
        "A3": ss.jacobian(lambda f: f[1:] - f[:-1], steps)(steps),
        "C": ss.jacobian(lambda x: x[1:-1] ** 2, POINT)(POINT),
        "J": ss.jacobian(residual, POINT)(POINT),
    }
    return {name: matrix.toarray() for name, matrix in maps.items()}


def picture_chain() -> Any:
    """Draw J as a product and a sum of linear maps."""
    m = factors()
    return plot_equation(
        [
            Panel(m["J"], "J"), "=",
            Panel(m["A3"], "A3: differences of flux"),
            Panel(m["A2"], "A2: slope of the cube"),
            Panel(m["A1"], "A1: differences of x"), "+",
            Panel(m["C"], "C: the source"),
        ]
    )  # fmt: skip


def column(vector: Any) -> Any:
    """Return a vector as a matrix of one column."""
    return np.asarray(vector).reshape(-1, 1)


def picture_forward() -> Any:
    """Draw how a direction goes through the maps from the right."""
    m = factors()
    first = m["A1"] @ DIRECTION
    second = m["A2"] @ first
    third = m["A3"] @ second
    tone = np.zeros((8, 1), dtype=int)
    return plot_equation(
        [
            Panel(column(DIRECTION), "v", tone), "→",
            Panel(column(first), "A1 v", tone[:7]), "→",
            Panel(column(second), "A2 A1 v", tone[:7]), "→",
            Panel(column(third), "A3 A2 A1 v", tone[:6]), "+",
            Panel(column(m["C"] @ DIRECTION), "C v", tone[:6]), "=",
            Panel(column(m["J"] @ DIRECTION), "J v", tone[:6]),
        ]
    )  # fmt: skip


def picture_reverse() -> Any:
    """Draw how weights go through the transposed maps from the left."""
    m = factors()
    third = m["A3"].T @ WEIGHTS
    second = m["A2"].T @ third
    first = m["A1"].T @ second
    tone = np.ones((8, 1), dtype=int)
    return plot_equation(
        [
            Panel(column(WEIGHTS), "w", tone[:6]), "→",
            Panel(column(third), "A3ᵀ w", tone[:7]), "→",
            Panel(column(second), "A2ᵀ A3ᵀ w", tone[:7]), "→",
            Panel(column(first), "A1ᵀ A2ᵀ A3ᵀ w", tone), "+",
            Panel(column(m["C"].T @ WEIGHTS), "Cᵀ w", tone), "=",
            Panel(column(m["J"].T @ WEIGHTS), "Jᵀ w", tone),
        ]
    )  # fmt: skip


# ----- Structure -------------------------------------------------------------------------------

STAGES: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("steps", lambda x: x[1:] - x[:-1]),
    ("flux", lambda x: (x[1:] - x[:-1]) ** 3),
    ("residual", residual),
)


def index_sets() -> str:
    """Return a table of the elements of x that each element of each value needs."""
    lines = ["| i | " + " | ".join(f"`{name}[i]`" for name, _ in STAGES) + " |"]
    lines.append("|---|" + "---|" * len(STAGES))
    patterns = [ss.jacobian_pattern(function, POINT) for _, function in STAGES]
    for i in range(max(p.shape[0] for p in patterns)):
        sets = [
            "{" + ", ".join(map(str, np.flatnonzero(p.to_dense()[i]))) + "}"
            if i < p.shape[0]
            else ""
            for p in patterns
        ]
        lines.append(f"| {i} | {' | '.join(sets)} |")
    return "\n".join(lines)


def picture_pattern() -> Any:
    """Draw the same sets as rows of boolean matrices."""
    parts: list[Panel | str] = []
    for name, function in STAGES:
        parts += ["→"] * bool(parts)
        parts.append(Panel(ss.jacobian_pattern(function, POINT).to_dense(), f"{name} of x"))
    return plot_equation(parts)


# ----- Coloring, compression, recovery ---------------------------------------------------------


def coloring() -> ss.Coloring:
    """Color the columns of the example."""
    return ss.color(ss.jacobian_pattern(residual, POINT), order="natural")


def entry_colors(found: ss.Coloring) -> Any:
    """Return the color of its column for each entry of a matrix."""
    return np.broadcast_to(found.column_colors, found.pattern.shape)


def picture_coloring() -> Any:
    """Draw columns in their colors, and the compressed matrix."""
    return ss.plot_coloring(coloring(), matrix=factors()["J"]).figure


def picture_compressed() -> Any:
    """Draw J times the seeds."""
    found, J = coloring(), factors()["J"]
    seeds = forward_seeds(found)
    owner = np.arange(found.ncolors)
    return plot_equation(
        [
            Panel(J, "J", entry_colors(found)), "·",
            Panel(seeds, "S", np.broadcast_to(owner, seeds.shape)), "=",
            Panel(J @ seeds, "J S", np.broadcast_to(owner, (J.shape[0], owner.size))),
        ]
    )  # fmt: skip


def picture_recovery() -> Any:
    """Draw where each number of the products belongs."""
    found, J = coloring(), factors()["J"]
    forward, _ = ss.compress(found, J)
    owner = np.broadcast_to(np.arange(found.ncolors), forward.shape)
    back = ss.decompress(found, forward).toarray()
    return plot_equation([Panel(forward, "J S", owner), "→", Panel(back, "J", entry_colors(found))])


def hessian_coloring(recovery: Any) -> ss.Coloring:
    """Color the Hessian of the energy."""
    pattern = ss.hessian_pattern(energy, POINT)
    return ss.color(pattern, structure="symmetric", order="natural", recovery=recovery)


def picture_hessian() -> Any:
    """Draw a tridiagonal Hessian in two colors."""
    H = ss.hessian(energy, POINT)(POINT).toarray()
    return ss.plot_coloring(hessian_coloring("substitution"), matrix=H).figure


def picture_arrow() -> Any:
    """Draw a dense row and a dense column."""
    pattern = ss.jacobian_pattern(arrow, POINT)
    return ss.plot_coloring(ss.color(pattern, structure="bidirectional")).figure


# ----- Kernels ---------------------------------------------------------------------------------


def picture_kernels() -> Any:
    """Draw what one pass of the loop reads, and what it writes."""
    i, J = 2, factors()["J"]
    read = np.full((8, 1), -1)
    read[i : i + 3] = 1
    written = np.full(J.shape, -1)
    written[i, i : i + 3] = 1
    return plot_equation([Panel(column(POINT), "x", read), "→", Panel(J, f"i = {i}", written)])


DRAWN: dict[str, Callable[[], Any]] = {
    "chain": picture_chain,
    "forward": picture_forward,
    "reverse": picture_reverse,
    "pattern": picture_pattern,
    "coloring": picture_coloring,
    "compressed": picture_compressed,
    "recovery": picture_recovery,
    "hessian": picture_hessian,
    "arrow": picture_arrow,
    "kernels": picture_kernels,
}


# ----- The page --------------------------------------------------------------------------------

CODE = """\
import numpy as np
import sparsesolve as ss


def residual(x):
    steps = x[1:] - x[:-1]
    flux = steps**3
    return flux[1:] - flux[:-1] + x[1:-1] ** 2


x = np.array([0.0, 1.0, 3.0, 2.0, 4.0, 5.0, 4.0, 6.0])
J = ss.jacobian(residual, x, method="colored")
print(J(x).toarray().astype(int))
print(J.coloring)

# the same by hand: pattern, colors, products, matrix
pattern = ss.jacobian_pattern(residual, x)
coloring = ss.color(pattern)
forward, reverse = ss.compress(coloring, J(x))  # or the products of any other code
print(ss.decompress(coloring, forward, reverse).nnz, "nonzeros from", forward.shape[1], "products")

# a function that cannot be traced, with the same colors, by differences
coloring.save("colors.npz")
again = ss.Coloring.load("colors.npz")
D = ss.jacobian_by_differences(residual, x, pattern=again)
print(abs(D(x) - J(x)).max() < 1e-7)
"""

PAGE = """\
# From a function to its sparse Jacobian, in pictures

Written by `scripts/guide.py`, which also draws the pictures; do not edit.

```python
{function}```

Eight unknowns, six values: a flux between neighbors, and a source. Its Jacobian at x = ({point})
has {nnz} numbers that are not zero, of 48. This page follows the way from the function to these
numbers.

## 1. A function is a chain of linear maps

Every line of the function has a Jacobian of its own, and each is simple: differences are constant
numbers, the cube acts on each element alone. The chain rule says that the Jacobian of a chain is
the product of these matrices, and that of a sum is their sum.

![J is a product of three sparse matrices plus a diagonal one](guide/chain.png)

Nobody has to multiply matrices for that. What costs little is a product with one vector.

## 2. Forward and reverse

A direction v goes through the maps from the right, in the order in which the function computes:
that is *forward* mode, and it gives one combination of columns of J for about the price of one
evaluation.

![v, A1 v, A2 A1 v and so on up to J v](guide/forward.png)

Weights w go through the transposed maps from the left, against the order of the function:
*reverse* mode, one combination of rows.

![w, A3' w, A2' A3' w and so on up to J' w](guide/reverse.png)

With v a unit vector, forward mode gives one column: eight products for the whole of J. Reverse
mode needs six. Both numbers grow with the problem. They need not, because nearly all of J is
zero.

## 3. Index sets: where J can be nonzero

Instead of numbers, let sets go through the function: each element carries the indices of those x
that it depends on. A difference unites two sets, a cube keeps its own, a sum unites again.

{sets}

The sets of the result are the rows of the *pattern* of J. They hold at every x, so they are found
once.

![Boolean matrices of the dependence of steps, flux and residual on x](guide/pattern.png)

## 4. Coloring: columns that can share one product

Two columns without a common row never meet: in the sum of the two, each number still belongs to
one of them. So they may share a product. Give them one color, and ask for the fewest colors: a
problem of coloring graphs, for which good greedy orders are known. Here {ncolors} colors do; no
row has more than {bound} entries, so fewer are not possible.

![The columns of J in three colors, and the compressed matrix](guide/coloring.png)

## 5. Compressed evaluation

The columns of one color are added up by a seed: a vector with ones at their places. {ncolors}
forward products with the seeds S give everything.

![J times S is J S](guide/compressed.png)

The same for a band of a million columns: still {ncolors} products.

## 6. Recovery

The pattern says where each number of J S belongs: row i, and the one column of that color with an
entry in row i. All places are known in advance, so recovery is one gather into the data of a
sparse matrix.

![Every number of J S goes to its place in J](guide/recovery.png)

## 7. Symmetry saves more

A Hessian holds each number twice, so it is enough to find one of them. Columns may then share a
color even if they meet in some row, as long as the other copy stands alone: a *star coloring*. A
tridiagonal Hessian takes {star} colors so, as many as its columns do here. An *acyclic coloring*
lets numbers be subtracted that are already known: {acyclic} products, whatever the size.

![A tridiagonal Hessian in two colors](guide/hessian.png)

## 8. Dense rows and columns

A sum over all unknowns is a full row, and forces a color for each column; a shared parameter is a
full column. Rows and columns colored together take a few products from either side: {both} here
instead of {one_side}.

![An arrowhead: columns and rows in colors, products on both sides](guide/arrow.png)

## 9. Kernels: all numbers at once, without products

Where the function was traced, there is a shorter way. The local derivatives along a row of J are
formulas of a few elements, and they are the same in each row: only the places differ, by one from
row to row. So the chain rule is applied once, to the formulas, and the Jacobian is one loop, which
LLVM turns into machine code. What moves data (slices, shifts) costs nothing, since it only
changes places. `J.kernels()` shows the loop, with the products that several entries share:

```text
{kernels}
```

![One row of J from three elements of x](guide/kernels.png)

There are no seeds and no recovery, and the time does not depend on the number of colors.

## In code

```python
{code}```
```text
{output}```

`ss.jacobian(residual, x)` alone chooses kernels; see [the design](design.md). Coloring serves
functions that are kept as calls, long chains, and black boxes. How many colors, and how fast:
[benchmarks](benchmarks.md).
"""


def text() -> str:
    """Return the page."""
    found, J = coloring(), factors()["J"]
    out = io.StringIO()
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
    ):
        exec(compile(CODE, "guide", "exec"), {})
    arrow_pattern = ss.jacobian_pattern(arrow, POINT)
    return PAGE.format(
        function=CODE[CODE.index("def") : CODE.index("\n\nx =")],
        point=", ".join(f"{value:g}" for value in POINT),
        nnz=np.count_nonzero(J),
        sets=index_sets(),
        ncolors=found.ncolors,
        bound=found.lower_bound,
        star=hessian_coloring("direct").ncolors,
        acyclic=hessian_coloring("substitution").ncolors,
        both=ss.color(arrow_pattern, structure="bidirectional").ncolors,
        one_side=ss.color(arrow_pattern).ncolors,
        kernels=ss.jacobian(residual, POINT).kernels().rstrip(),
        code=CODE,
        output=out.getvalue(),
    )


def main() -> None:
    """Write the page and the pictures."""
    PICTURES.mkdir(exist_ok=True)
    for name, draw in DRAWN.items():
        figure = draw()
        figure.savefig(PICTURES / f"{name}.png", dpi=110, metadata={"Software": None})
    (DOCS / "guide.md").write_text(text())


if __name__ == "__main__":
    main()
