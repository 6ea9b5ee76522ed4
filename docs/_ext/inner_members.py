"""Members by which the package's own stages talk to each other have no place in the reference.

They have no underscore, since another module calls them, and are no promise to users.
"""

from __future__ import annotations

from typing import Any

DERIVATIVE = """
    argnum factored for_others is_thin on_this_path paths point recipe seal staleness takes
    takes_same_path
"""
PROBLEM = """
    as_point as_vectors at derivatives first forget functions is_prepared parameter_form
    parameter_vectors rows_kept_feasible second_order staleness start
"""
INNER = {
    "Jacobian": {"anew", *DERIVATIVE.split()},
    "Hessian": set(DERIVATIVE.split()),
    "Gradient": set(DERIVATIVE.split()),
    "LagrangianHessian": {"recipe"},
    "Problem": set(PROBLEM.split()),
    "Pattern": {"csc_order", "digest", "known", "transposed_places"},
}


def skip(app: Any, kind: str, name: str, member: Any, skipped: bool, options: Any) -> bool | None:
    """Leave a member out of the page of the class that is being written."""
    page = app.env.temp_data.get("autodoc:class", "").rsplit(".", 1)[-1]
    return True if name in INNER.get(page, ()) else None


def setup(app: Any) -> dict[str, bool]:
    """Say to Sphinx when to call."""
    app.connect("autodoc-skip-member", skip)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
