"""Functions of scipy.special: cases of `operation_cases.Case`."""

from __future__ import annotations

from functools import partial

import numpy as np
import scipy.special as ssp
from scipy.special import lambertw

from tests.operation_cases import Case

_ONE = """dawsn erfi exp1 expi exprel log_ndtr ndtri wrightomega spence cosm1 sindg cosdg tandg k0
    k1 k0e k1e i0e i1e ellipk ellipe ellipkm1 loggamma ber bei ker kei berp beip kerp keip"""
_TWO = "owens_t poch binom kl_div rel_entr huber pseudo_huber elliprc"
_FIRST_FIXED = """yv kv kve struve modstruve hyp0f1 stdtr gammaincinv gammainccinv chdtr chdtrc
    eval_legendre eval_chebyt eval_chebyu eval_laguerre stdtrit chdtri jve yve eval_sh_legendre
    eval_sh_chebyt eval_sh_chebyu eval_chebyc eval_chebys"""
_SECOND_FIXED = "boxcox boxcox1p inv_boxcox inv_boxcox1p"
_TWO_FIXED = """hyp1f1 hyperu betaincinv betaincc gdtr gdtrc fdtr fdtrc eval_genlaguerre
    eval_gegenbauer"""
_SEVERAL = "sici shichi fresnel airy"


def _made(names, call):
    return {name: partial(call, getattr(ssp, name)) for name in names.split()}


_TABLE = (
    _made(_ONE, lambda f, x: f(x) * x)
    | _made(_TWO, lambda f, x: f(x[:3], x[3:] + 1.0))
    | _made(_FIRST_FIXED, lambda f, x: f(1.5, x))
    | _made(_SECOND_FIXED, lambda f, x: f(x, 0.4))
    | _made(_TWO_FIXED, lambda f, x: f(1.5, 2.2, x))
    | _made(_SEVERAL, lambda f, x: np.stack(f(x)))
)
_OTHERS = {
    "eval_jacobi": lambda x: ssp.eval_jacobi(3, 0.3, 1.2, x) + ssp.eval_jacobi(0, 0.3, 1.2, x),
    "ndtri_exp": lambda x: ssp.ndtri_exp(-x),
    "ellipkinc": lambda x: ssp.ellipkinc(x[:3], x[3:]),
    "ellipeinc": lambda x: ssp.ellipeinc(x[:3], x[3:]),
    "expn": lambda x: ssp.expn(1, x) * ssp.expn(0, x) + ssp.expn(3, x),
    "pdtr": lambda x: ssp.pdtr(2, x) - ssp.pdtrc(1, x),
    "lpmv": lambda x: ssp.lpmv(1, 3, x),
    "elliprf": lambda x: ssp.elliprf(x[:2], x[2:4], x[4:]) + ssp.elliprd(1.0, 2.0, 3.0) * x[:2],
    "ellipj": lambda x: np.stack(ssp.ellipj(x, 0.3)),
    "elliprd": lambda x: ssp.elliprd(np.ceil(x[:2]), np.ceil(x[2:4]) + 1.0, 3.0) * x[:2],
    "zeta": lambda x: ssp.zeta(2.5, x + 1.0),
    "spherical": lambda x: (
        ssp.spherical_jn(2, x) * ssp.spherical_in(0, x)
        + ssp.spherical_yn(1, x + 1.0) * ssp.spherical_kn(1, x + 1.0, derivative=True)
    ),
    "voigt_profile": lambda x: ssp.voigt_profile(x[:2], x[2:4], x[4:]),
    "wofz": lambda x: np.abs(ssp.wofz(x + 1j * x[::-1])),
    "eval_hermite": lambda x: ssp.eval_hermite(4, x) + ssp.eval_hermitenorm(3, x),
    "hyp2f1": lambda x: ssp.hyp2f1(0.5, 1.2, 2.1, x - 0.5),
    "kn": lambda x: ssp.kn(2, x),
    "lambertw": lambda x: lambertw(x).real + np.real(ssp.lambertw(-x / 4, -1)),
    "softmax": lambda x: ssp.softmax(x) * ssp.log_softmax(x.reshape(2, 3), axis=1).ravel(),
}
_FIRST_ONLY = ("elliprc", "elliprf")  # the second ones would divide by differences of operands
SPECIAL = {
    f"{name} (scipy.special)": Case(f, low=0.2, high=0.8, second=name not in _FIRST_ONLY)
    for name, f in (_TABLE | _OTHERS).items()
}
