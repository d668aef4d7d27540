"""How to call each function of scipy.special that has a rule: where its operands lie.

`OF` gives for each name the values of those arguments that have no derivative, and the domain of
each operand that has one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from tests.calculus.cases import INSIDE_ONE, NOT_ZERO, POSITIVE, Call, elementwise

ANY: dict[str, Any] = {}
UNIT = {"low": 0.125, "high": 0.875}
NO_POLES = {"low": -2.75, "high": 3.0, "away_from": [-3.0, -2.0, -1.0, 0.0]}
BELOW_ONE = {"low": -3.0, "high": 0.875}
SLIGHT = {"low": -0.375, "high": 0.375}


class Of(NamedTuple):
    """The domains of a function's operands, and what stands before and after them."""

    domains: tuple[dict[str, Any], ...]
    before: tuple[tuple[Any, ...], ...] = ((),)
    after: tuple[Any, ...] = ()


def of(*domains: dict[str, Any], before: Any = ((),), after: Any = ()) -> Of:
    return Of(domains, tuple(before), after)


WHOLE = np.arange(6)  # of Python's numbers, which float32 makes floats, SciPy warns here and there
DEGREES = ((0,), (1,), (2,), (3,))
ORDERS = ((0.0,), (1.0,), (0.5,), (2.25,))
SHAPES = ((0.5,), (1.0,), (2.5,))
PAIRS = ((0.5, 1.5), (2.0, 1.0), (2.5, 3.0))
TRIALS = ((0, WHOLE[3]), (2, WHOLE[5]))

TABLE = {
    # exponentials.py
    "expit log_expit exp2 exp10 expm1 cosm1 exprel sindg cosdg": of(ANY),
    "logit entr": of(UNIT),
    "log1p": of({"low": -0.75}),
    "cbrt tandg cotdg expi": of(NOT_ZERO),
    "round": of({"away_from": [k / 2 for k in range(-7, 8, 2)]}),
    "powm1": of(POSITIVE, ANY),
    "radian": of(ANY, ANY, ANY),
    "xlogy": of(ANY, POSITIVE),
    "xlog1py": of(ANY, {"low": -0.75}),
    "rel_entr kl_div": of(POSITIVE, POSITIVE),
    "huber": of({"low": 0.25, "high": 1.0}, {"away_from": [0.0, 0.25, -0.25, 1.0, -1.0]}),
    "pseudo_huber": of(POSITIVE, ANY),
    "boxcox": of(POSITIVE, ANY),
    "boxcox1p": of({"low": -0.75}, ANY),
    "inv_boxcox inv_boxcox1p": of(SLIGHT, {"low": -2.0, "high": 2.0}),
    "_lambertw": of({"low": -0.25}, after=(0, 1e-8)),
    "wrightomega": of({"low": -2.0}),
    "exp1 spence sici shichi": of(POSITIVE),
    "expn": of(POSITIVE, before=DEGREES),
    # normals.py
    "erf erfc erfi erfcx dawsn wofz fresnel ndtr log_ndtr": of(ANY),
    "erfinv": of(INSIDE_ONE),
    "erfcinv ndtri": of(UNIT),
    "ndtri_exp": of({"low": -3.0, "high": -0.25}),
    "voigt_profile": of(ANY, POSITIVE, POSITIVE),
    "owens_t": of(ANY, ANY),
    # gammas.py
    "rgamma": of(ANY),
    "gammaln gamma psi gammasgn": of(NO_POLES),
    "loggamma": of(POSITIVE),
    "_zeta": of(POSITIVE, before=((1.5,), (3.0,))),
    "poch beta betaln": of(POSITIVE, POSITIVE),
    "binom": of({"low": 3.25, "high": 5.0}, POSITIVE),
    "gammainc gammaincc chdtr chdtrc": of(POSITIVE, before=SHAPES),
    "gammaincinv gammainccinv chdtri": of(UNIT, before=SHAPES),
    "betainc betaincc betaincinv betainccinv fdtri": of(UNIT, before=PAIRS),
    "fdtr fdtrc": of(POSITIVE, before=PAIRS),
    "gdtr gdtrc": of(POSITIVE, before=((0.5, 1.5), (2.0, 0.75))),
    "stdtr": of(ANY, before=SHAPES),
    "stdtrit": of(UNIT, before=SHAPES),
    "pdtr pdtrc": of(POSITIVE, before=((0.0,), (2.0,), (3.5,))),
    "pdtri": of(UNIT, before=((0,), (2,))),
    "bdtr bdtrc": of(UNIT, before=(*TRIALS, (4, WHOLE[4]))),
    "bdtri": of(UNIT, before=TRIALS),
    "nbdtr nbdtrc nbdtri": of(UNIT, before=((0, 3), (2, 5))),
    # bessel.py
    "j0 j1 i0 i1 airy": of(ANY),
    "i0e i1e": of(NOT_ZERO),
    "y0 y1 k0 k1 k0e k1e itj0y0 iti0k0": of(POSITIVE),
    "yn kn": of(POSITIVE, before=DEGREES),
    "jv jve iv": of(POSITIVE, before=(*ORDERS, (-1.5,))),
    "yv yve kv kve ive hankel1 hankel2 hankel1e hankel2e": of(POSITIVE, before=ORDERS),
    "struve modstruve": of(POSITIVE, before=ORDERS),
    "_spherical_jn _spherical_yn _spherical_in _spherical_kn": of(POSITIVE, before=DEGREES),
    "wright_bessel": of(POSITIVE, before=PAIRS),
    # hypergeometric.py
    "hyp0f1": of(ANY, before=SHAPES),
    "hyp1f1": of(ANY, before=PAIRS),
    "hyperu": of(POSITIVE, before=PAIRS),
    "hyp2f1": of(BELOW_ONE, before=((0.5, 1.5, 2.5), (1.0, 1.0, 2.0))),
    "ellipk ellipe": of(BELOW_ONE),
    "ellipkm1": of(POSITIVE),
    "ellipkinc ellipeinc": of({"low": -1.5, "high": 1.5}, {"low": -2.0, "high": 0.875}),
    "eval_legendre eval_chebyt eval_chebyu eval_chebyc eval_chebys": of(UNIT, before=DEGREES),
    "eval_sh_legendre eval_sh_chebyt eval_sh_chebyu": of(UNIT, before=DEGREES),
    "eval_laguerre eval_hermite eval_hermitenorm": of(UNIT, before=DEGREES),
    "eval_gegenbauer eval_genlaguerre": of(UNIT, before=((0, 0.5), (3, 1.5))),
    "eval_jacobi": of(UNIT, before=((0, 0.5, 1.5), (3, 1.5, 0.5))),
}
OF = {name: row for names, row in TABLE.items() for name in names.split()}


@st.composite
def called(draw, row: Of):
    call = draw(elementwise(*row.domains))
    return Call(call.operands, draw(st.sampled_from(row.before)), row.after)
