"""Templates of the lines of random programs: see `fuzz`.

``{a}`` and ``{b}`` are names of what has been computed, ``{n}`` the size of the first, ``{k}`` a
constant array of that size.
"""

ANALYTIC = (
    "np.sin({a})", "np.cos({a})", "np.tanh({a})", "np.exp(0.1 * {a})", "np.arctan({a})", "{a}**2",
    "np.sqrt({a} ** 2 + 1.0)", "np.log({a} ** 2 + 0.5)", "-{a}", "0.3 * {a} + 1.2", "{a} ** 3 / 7",
    "1.0 / (2.0 + np.cos({a}))", "np.square({a}) * p", "np.log1p({a} ** 2)", "np.expm1(0.1 * {a})",
    "{a} - {a}", "{a} * 0.0", "np.sinh(0.2 * {a})", "np.arcsinh({a})", "{a} / p", "p ** 2 - {a}",
)  # fmt: skip
KINKED = (
    "np.abs({a})", "np.maximum({a}, 0.1)", "np.clip({a}, -1.0, 1.5)", "np.minimum({a}, p)",
    "np.where({a} > 0.2, {a}, 0.5 * {a} ** 2)", "np.sign({a}) * {a}", "np.floor({a}) + {a}",
    "np.where({a} > 0, np.log(np.where({a} > 0, {a}, 1.0)), 0.0)", "np.fmax({a}, -{a})",
    "np.hypot({a}, 1.0)", "np.copysign({a}, p)", "np.nan_to_num({a})", "np.heaviside({a}, 0.5)",
)  # fmt: skip
PAIRS = (
    "{a} + {b}", "{a} - {b}", "{a} * {b}", "{a} / (2.5 + np.sin({b}))", "{a} * {b} ** 2",
    "np.exp(-0.1 * {a} ** 2) * {b}", "{a} + {b} + {a}", "2.0 * {a} - 3.0 * {b}",
)  # fmt: skip
KINKED_PAIRS = (
    "np.maximum({a}, {b})", "np.minimum({a}, {b})", "np.where({a} > {b}, {a}, {b} * {b})",
    "np.arctan2({a}, 2.0 + {b} ** 2)", "np.hypot({a}, {b} + 3.0)", "np.logaddexp({a}, {b})",
)  # fmt: skip
VECTOR = (  # of one vector, not empty
    "{a}[::-1]", "{a}[1:]", "{a}[:-1]", "{a}[::2]", "np.roll({a}, 1)", "np.diff({a})",
    "np.concatenate([{a}, {a}[:2]])", "np.cumsum({a})", "np.repeat({a}, 2)", "np.tile({a}, 2)",
    "np.pad({a}, (1, 2))", "{a}[np.arange({n}) // 2]", "{a}[[0, -1, 0]]", "{a} - np.mean({a})",
    "np.append({a}, np.sum({a}))", "np.full({n} + 3, 1.0) * np.sum({a})", "np.outer({a}, {a})[0]",
    "np.concatenate([{k} * {a}, [np.sum({a}) ** 2, np.sin(np.sum({a}))]])", "{a} * np.sum({a})",
    "np.convolve({a}, [0.5, -1.0, 0.25])", "{k} @ np.outer({a}, {a})", "np.gradient({a} + 0.0, 0.5)"
    " if {n} > 1 else {a}", "np.stack([{a}, 2 * {a}]).T.ravel()", "np.cumsum({a}[::-1])[::-1]",
    "np.broadcast_to(np.sum({a}) / {n}, ({n},)) + {k}", "np.einsum('i,j->j', {a}, {k})",
    "np.matmul(np.eye({n}) - 0.2 * np.eye({n}, k=1), {a})", "np.where({k} > 0, {a}, 0.0)",
    "np.take({a}, np.arange(3) % {n})", "np.kron({a}, [1.0, -2.0])", "np.trapezoid({a}) + {a}",
    "np.triu(np.outer({a}, {k})).sum(axis=1)", "np.linalg.solve(np.eye({n}) * 3.0 + np.outer({k}, "
    "{k}) / {n}, {a})", "np.split(np.concatenate([{a}, {a}]), 2)[1]", "np.vdot({a}, {k}) * {a}",
)  # fmt: skip
KINKED_VECTOR = (
    "np.sort({a})",
    "np.max({a}) + {a}",
    "np.full({n}, np.min({a}))",
    "np.ptp({a}) * {a}",
    "np.array([abs({a}[i % {n}]) * float(i) + {a}[0] * 2.0 for i in range(9)])",
    "np.array([v * float(i) * abs(v) for i, v in enumerate({a})])",
)
STATEMENTS = (  # results in r
    "r = np.zeros_like({a})\nr[1:] = {a}[:-1] ** 2\nr[0] += np.sum({a})",
    "r = {a}.copy()\nr[::2] *= 2.0\nr[-1] = r[0] * r[-1]",
    "r = np.zeros_like({a})\nfor i in range({n}):\n    r[i] = {a}[i] * {a}[i - 1]",
    "r = {a} * 1.0\nfor _ in range(3):\n    r = r + 0.1 * np.sin(np.roll(r, 1))",
    "r = np.empty_like({a})\nr[:] = {a}\nr += {k}\nr[{a}.size // 2 :] -= 1.0",
    "s = 0.0\nfor v in {a}[:5]:\n    s = s * 0.5 + v ** 2\nr = s * {a}",
    "r = np.array([v * v for v in {a}[:6]])",
    "r = np.zeros_like({a})\nnp.add.at(r, np.arange({n}) // 2, {a})",
)  # fmt: skip
SCALARS = (
    "np.sum({a} ** 2)", "np.mean({a}) ** 2", "np.sum({a}) ** 3 / (1.0 + {n} ** 2)", "{k} @ {a}",
    "np.dot({a}, {a})", "np.sqrt(1.0 + np.sum({a} ** 2))", "np.sum(np.sin({a}) * {a})",
    "np.log(1.0 + np.sum(np.exp(0.1 * {a})))", "np.linalg.norm({a}) ** 2", "np.std({a} + {k}) ** 2",
    "np.prod(1.0 + 0.1 * np.sin({a}))", "np.sum(np.diff({a}) ** 2)", "np.var({a})",
)  # fmt: skip

# What is less common in code, and richer in ways to be wrong. Linear algebra takes at most four.
WIDE = (  # of one vector, not empty
    "np.cumprod(1.0 + 0.1 * np.sin({a}))", "np.cumprod({a}[:5])", "np.real(np.exp(1j * {a}) * {k})",
    "np.einsum('i,j,j->i', {a}, {a}, {k})", "np.einsum('ii->i', np.outer({a}[:9], {a}[:9]))",
    "np.abs(np.fft.fft({a})) ** 2 / {n}", "np.fft.irfft(np.fft.rfft({a}) * (1 + 2j), {n})",
    "np.imag((1.0 + 1j * {a}) ** 3)", "np.abs({a} + 1j * {a}[::-1]) ** 2", "np.angle(2.0 + {a} ** "
    "2 + 1j * {a})", "np.real(np.sqrt({a} + 3j))", "np.real(1.0 / ({a} + 1j))",
    "np.linalg.inv(np.eye({m}) * 3.0 + np.outer({a}[:4], {a}[:4]))[0]",
    "np.linalg.solve(np.eye({m}) * 4.0 + np.outer(np.sin({a}[:4]), {k}[:4]), {a}[:4])",
    "np.linalg.cholesky(np.eye({m}) * 2.0 + np.outer({a}[:4], {a}[:4]))[:, 0]",
    "np.atleast_1d(np.linalg.det(np.eye({m}) + np.outer({a}[:4], {k}[:4])))",
    "np.atleast_1d(np.linalg.slogdet(np.eye({m}) + np.outer({a}[:4], {a}[:4]))[1])",
    "np.linalg.matrix_power(0.3 * np.outer({a}[:4], {k}[:4]) + np.eye({m}), 3).ravel()",
    "np.linalg.eigvalsh(np.diag(np.arange({m}) * 5.0) + np.outer({a}[:4], {a}[:4]))",
    "np.outer({a}, {a})[{k} > 0].sum(axis=0)", "np.triu(np.outer({a}[:9], {k}[:9])).ravel()[::2]",
    "np.diagonal(np.multiply.outer({a}, {a}), -1) if {n} > 1 else {a}", "np.kron({a}[:3], {a}[:3])",
    "np.tensordot(np.outer({a}, {k}), {a}, axes=([1], [0]))", "np.polyval({a}[:5], 0.7) * {a}",
    "np.roll(np.stack([{a}, {a} ** 2]), (1, 1), axis=(0, 1)).sum(axis=0)", "np.add.reduceat({a}, "
    "np.arange(0, {n}, 2))", "np.average({a}, weights=1.0 + {a} ** 2) + {a}", "np.cov({a}, {k}).rav"
    "el() if {n} > 1 else {a}", "np.correlate({a}[:9], {k}[:9], 'full')", "np.cross({a}[:3], {k}[:3"
    "]) if {n} > 2 else {a}", "np.delete({a}, 0)", "np.insert({a}, 0, np.sum({a}))",
    "np.swapaxes(np.reshape(np.tile({a}, 4), (2, {n}, 2)), 0, 2)[1].ravel()",
    "np.vander({a}[:4], 3).ravel()", "np.exp({a} - np.max({a})) / "
    "np.sum(np.exp({a} - np.max({a})))",
)  # fmt: skip
WIDE_KINKED = (
    "{a}[np.argsort({a})] * {k}", "np.maximum.accumulate({a})", "np.median({a}) * {k}",
    "np.quantile({a}, 0.3) + {a}", "np.partition({a}, {n} // 2)", "np.select([{a} > 0.5, {a} < -0.5"
    "], [{a} ** 2, np.sqrt(np.abs({a}))], {a})", "np.piecewise({a}, [{a} > 0.1], [lambda v: v ** 3,"
    " lambda v: -v])", "np.where({a} > 0, np.sqrt({a}), {a} ** 2)", "np.where({a} < 0, {a}, "
    "np.log({a}) + 1.0)", "np.interp({a}, [-1.0, 0.1, 0.7], [2.0, -1.0, 0.5])", "np.mod({a}, 0.7)",
    "np.searchsorted([-0.5, 0.3], {a}) * {a}", "np.take({k}, np.argmax({a})) * {a}", "np.trunc(3 * "
    "{a}) * {a}", "np.sort(np.abs({a}))[::-1]", "np.where(np.isfinite(np.log({a})), {a} ** 2, {a})",
    "np.linalg.norm(np.outer({a}[:3], {a}[:3]), np.inf) + {a}", "np.lexsort(({a},)) * {a}",
    "np.nansum(np.where({a} > 0, {a}, np.nan)) * {a}", "np.count_nonzero({a} > 0) * {a}",
)  # fmt: skip
WIDE_STATEMENTS = (  # results in r
    "r = {a}.copy()\nr[r > 0.1] *= 2.0", "m = {a} > 0.2\nr = {a} * 1.0\nr[m] = np.sum(r[~m])",
    "r = {a} * 1.0\nfor _ in range(15):\n    r = r + 0.05 * np.sin(np.roll(r, 1))",
    "u = {a}[0] * 1.0\nw = {a}[-1] * 1.0\nr = []\nfor i in range(14):\n    u, w = u + 0.1 * w,"
    " w - 0.1 * np.sin(u) * {a}[i % {n}]\n    r.append(u)\nr = np.array(r)",
    "r = np.zeros(16)\nr[0] = {a}[0]\nfor i in range(1, 16):\n    r[i] = 0.9 * r[i - 1] + "
    "{a}[i % {n}] * np.cos(r[i - 1])",
    "r = {a} * 1.0\nif np.sum(r) > 0.2:\n    r = r * r\nelse:\n    r = np.sin(r)",
    "r = []\nfor v in {a}[:6]:\n    if v > 0:\n        r.append(v ** 2)\n    else:\n        "
    "r.append(-3.0 * v)\nr = np.array(r)",
    "q = {{'s': {a}[0], 'l': [{a}[-1], 0.5]}}\nfor i in range(13):\n    q['l'][i % 2] = q['s'] * "
    "np.cos(q['l'][(i + 1) % 2])\n    q['s'] = q['s'] + 0.1 * q['l'][0]\nr = q['s'] * {a}",
    "s = np.sum({a} ** 2) + 1.0\nwhile s < 20.0:\n    s = 1.7 * s + 0.3 * {a}[0]\nr = s * {a}",
    "r = np.outer({a}[:5], {k}[:5])\nr[0], r[-1] = r[-1].copy(), r[0].copy()\nv = r.T\nv[0] += "
    "v[-1]\nr = r.ravel()", "r = {a}.copy()\nr[1:] += r[:-1]\nr[::-1] = r",
    "r = np.zeros({n} + 2)\nr[1:-1] = {a}\nw = r[::2]\nw *= 1.5\nr[-1] = np.sum(w)",
    "r = np.ones(3)\nnp.subtract.at(r, np.arange({n}) % 3, {a} ** 2)",
    "r = np.zeros({n})\nnp.square({a}, out=r)\nnp.sin(r, out=r, where={k} > 0)",
    "y = 0.5\nfor _ in range(20):\n    y = y - (y ** 3 + y - {a}[0]) / (3.0 * y ** 2 + 1.0)\nr ="
    " y * {a}", "r = {a} * 1.0\nfor i in range(12):\n    for j in range(1, min({n}, 5)):\n       "
    " r[j] = r[j] + 0.1 * (r[j - 1] - r[j])",
    "h = []\nt = {a}[0]\nfor i in range(12):\n    h.append(t)\n    t = 0.5 * t + 0.1 * sum(h[-3:"
    "]) * {a}[i % {n}]\nr = np.array(h[::2])",
)  # fmt: skip
