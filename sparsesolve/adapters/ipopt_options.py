"""IPOPT's options: the types a value may take, and messages that name what was refused.

IPOPT checks options by exact type and says only that one was wrong. What a library
takes it is asked itself, once something was refused (`ipopt_probe`); the names here are those that
users set most, for one that does not answer.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import numpy as np

from sparsesolve.adapters.ipopt_probe import KnownOption

__all__ = ["IPOPT_OPTIONS", "OptionValue", "refusal", "variants"]

OptionValue = str | int | float

_NAMES = """
    accept_every_trial_step acceptable_compl_inf_tol acceptable_constr_viol_tol
    acceptable_dual_inf_tol acceptable_iter acceptable_obj_change_tol acceptable_tol
    adaptive_mu_globalization alpha_for_y barrier_tol_factor bound_frac
    bound_mult_init_method bound_mult_init_val bound_push bound_relax_factor
    check_derivatives_for_naninf compl_inf_tol constr_mult_init_max constr_viol_tol
    derivative_test derivative_test_perturbation derivative_test_print_all
    derivative_test_tol diverging_iterates_tol dual_inf_tol expect_infeasible_problem
    file_print_level fixed_mu_oracle fixed_variable_treatment hessian_approximation
    hessian_approximation_space hessian_constant honor_original_bounds hsllib jac_c_constant
    jac_d_constant least_square_init_duals least_square_init_primal
    limited_memory_max_history limited_memory_update_type line_search_method
    linear_scaling_on_demand linear_solver linear_system_scaling ma27_pivtol
    ma57_automatic_scaling ma57_pivtol max_cpu_time max_iter max_refinement_steps max_soc
    max_wall_time mehrotra_algorithm min_refinement_steps mu_init mu_linear_decrease_factor
    mu_max mu_max_fact mu_min mu_oracle mu_strategy mu_superlinear_decrease_power mu_target
    mumps_mem_percent mumps_permuting_scaling mumps_pivot_order mumps_pivtol mumps_pivtolmax
    mumps_scaling neg_curv_test_tol nlp_lower_bound_inf nlp_scaling_max_gradient
    nlp_scaling_method nlp_scaling_min_value nlp_upper_bound_inf obj_scaling_factor
    option_file_name output_file perturb_dec_fact perturb_inc_fact print_frequency_iter
    print_frequency_time print_info_string print_level print_options_documentation
    print_timing_statistics print_user_options quality_function_max_section_steps recalc_y
    recalc_y_feas_tol required_infeasibility_reduction resto_penalty_parameter s_max sb
    skip_corr_if_neg_curv slack_bound_frac slack_bound_push slack_move
    soft_resto_pderror_reduction_factor start_with_resto tau_min tol warm_start_bound_frac
    warm_start_bound_push warm_start_entire_iterate warm_start_init_point
    warm_start_mult_bound_push warm_start_mult_init_max warm_start_same_structure
    warm_start_slack_bound_frac warm_start_slack_bound_push watchdog_shortened_iter_trigger
    watchdog_trial_iter_max
"""

IPOPT_OPTIONS = frozenset(_NAMES.split())


def variants(value: Any) -> list[OptionValue]:
    """Return `value` in each exact type that IPOPT may want, the likeliest first.

    Parameters
    ----------
    value : bool, int, float, str or numpy scalar
        As the user gave it.

    Returns
    -------
    list
        Empty where the value fits no type of IPOPT.
    """
    if isinstance(value, bool | np.bool_):
        return ["yes" if value else "no"]
    if isinstance(value, bytes):
        return [value.decode()]
    if isinstance(value, str):
        return [str(value)]
    if isinstance(value, int | np.integer):
        return [int(value), float(value)]
    if isinstance(value, float | np.floating):
        number = float(value)
        return [number, int(number)] if number.is_integer() else [number]
    return []


def refusal(name: str, value: Any, known: Mapping[str, KnownOption] | None = None) -> str:
    """Return the message for an option that IPOPT refused.

    Parameters
    ----------
    name : str
        Name of the option.
    value : object
        Its value.
    known : mapping of str to KnownOption, optional
        All options of the library, as far as it could be asked.

    Returns
    -------
    str
        Says whether the name is unknown or the value wrong, with near names.
    """
    described = (known or {}).get(name)
    if described is not None:
        return (
            f"IPOPT refused the value {value!r} ({type(value).__name__}) of option {name!r}, which "
            f"takes {described.allowed}; default {described.default!r}. {described.meaning}"
        )
    if name in IPOPT_OPTIONS and not known:
        return (
            f"IPOPT refused the value {value!r} ({type(value).__name__}) of option {name!r}. "
            "See the range and type in Ipopt's options reference."
        )
    names = sorted(known or IPOPT_OPTIONS)
    near = difflib.get_close_matches(str(name), names, n=3)
    hint = f" Did you mean {', '.join(map(repr, near))}?" if near else ""
    return (
        f"IPOPT does not know the option {name!r} (value {value!r}), or refuses it in this "
        f"build.{hint}"
    )
