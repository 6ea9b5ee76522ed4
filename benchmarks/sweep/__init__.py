"""Many problems, many solvers, several ways to get derivatives: ``python -m benchmarks run``.

Separate from the comparison of derivatives with other tools because here solvers are judged. A
*cell* is one problem, one solver, one way to get derivatives. From below: `nursery` runs a function
in a fresh process within limits; `sets` finds problems; `ways`, `dense` and `solvers` solve one;
`judge` looks at the answer; `cell` is all of that for one cell; `store` keeps rows; `runner` goes
through all cells; `profiles`, `verdict`, `plots`, `page` and `summary` make the report.
"""

__all__: list[str] = []
