"""Objectives and constraints ``f(x, ...)`` as people write them for minimize."""

# ruff: noqa: B007, B905, E741, F402, RUF007, RUF059  (as people write)
from __future__ import annotations

import itertools
import math
from collections import OrderedDict, defaultdict, deque

import numpy as np
from numpy import cos, e, exp, pi, sqrt

OBJECTIVES = {}
MU = np.array([0.12, 0.10, 0.07, 0.03])
COV = np.array([[4, 1, 0.5, 0], [1, 3, 0.2, 0], [0.5, 0.2, 2, 0.1], [0, 0, 0.1, 1]]) / 100


def objective(x0, *args):
    """Note a function of (x, *args) with its example."""
    return lambda f: OBJECTIVES.setdefault(f.__name__, (f, (np.array(x0, float), *args), 0))[0]


@objective(np.linspace(0.5, 1.5, 6))
def rosen(x):
    return sum(100.0 * (x[1:] - x[:-1] ** 2.0) ** 2.0 + (1 - x[:-1]) ** 2.0)


@objective(np.linspace(0.5, 1.5, 6))
def rosen_loop(x):
    s = 0
    for i in range(len(x) - 1):
        s += 100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
    return s


@objective(np.linspace(0.5, 1.5, 6))
def rosen_zip(x):
    return math.fsum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in zip(x, x[1:]))


@objective(np.linspace(0.5, 1.5, 6))
def rosen_pairwise(x):
    return sum([pow(1 - a, 2) + 100 * pow(b - pow(a, 2), 2) for a, b in itertools.pairwise(x)])


@objective([0.25, 0.25, 0.3, 0.2])
def sharpe(w):
    ret = np.sum(MU * w)
    std = np.sqrt(np.dot(w.T, np.dot(COV, w)))
    return -(ret - 0.01) / std


@objective([0.25, 0.25, 0.3, 0.2], MU, COV, 0.5)
def mean_variance(weights, mean_returns, cov_matrix, risk_aversion):
    p_ret = np.dot(weights, mean_returns)
    p_var = weights @ cov_matrix @ weights.T
    return float(-p_ret + 0.5 * risk_aversion * p_var)


@objective([0.25, 0.25, 0.3, 0.2], COV)
def risk_parity(w, V):
    w = np.matrix(w) if False else w
    sigma = np.sqrt(w.dot(V).dot(w))
    MRC = np.dot(V, w.T) / sigma
    RC = np.multiply(MRC, w.T)
    target = np.multiply(sigma, [0.25] * 4)
    return np.sum(np.square(RC - target.T)) * 1000


@objective([0.25, 0.25, 0.3, 0.2])
def entropy(p):
    p = p / p.sum()
    return -np.sum(p * np.log(p))


@objective([0.25, -0.25, 0.3])
def ackley(x):
    a, b, c = 20, 0.2, 2 * np.pi
    d = len(x)
    s1 = -a * np.exp(-b * np.sqrt(np.sum(x**2) / d))
    s2 = -np.exp(np.sum(np.cos(c * x)) / d)
    return s1 + s2 + a + np.exp(1)


@objective([0.25, -0.25, 0.3])
def ackley_star(x):
    n = len(x)
    return -20 * exp(-0.2 * sqrt(sum(x**2) / n)) - exp(sum(cos(2 * pi * x)) / n) + 20 + e


@objective([0.25, -0.25, 0.3])
def rastrigin(x, A=10):
    return A * len(x) + sum([(xi**2 - A * np.cos(2 * math.pi * xi)) for xi in x])


@objective([0.25, -0.25, 0.3])
def griewank(x):
    i = np.arange(1, x.shape[0] + 1)
    return np.sum(x**2) / 4000 - np.prod(np.cos(x / np.sqrt(i))) + 1


@objective([0.25, -0.25, 0.3])
def griewank_loop(x):
    p = 1.0
    for k, xk in enumerate(x):
        p *= math.cos(xk / math.sqrt(k + 1))
    return 1 + math.fsum(v * v for v in x) / 4000.0 - p


@objective([0.5, 0.25])
def himmelblau(xy):
    x, y = xy
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


@objective([0.5, 0.25])
def beale(p):
    c = [1.5, 2.25, 2.625]
    return sum((c[i] - p[0] * (1 - p[1] ** (i + 1))) ** 2 for i in range(3))


@objective([0.5, 0.25])
def eggholder(x):
    a = np.sqrt(np.abs(x[1] + x[0] / 2 + 47))
    b = np.sqrt(np.fabs(x[0] - (x[1] + 47)))
    return -(x[1] + 47) * np.sin(a) - x[0] * np.sin(b)


@objective([0.5, 0.25])
def levy(x):
    w = [1 + (xi - 1) / 4 for xi in x]
    t1 = np.sin(np.pi * w[0]) ** 2
    t3 = (w[-1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[-1]) ** 2)
    t2 = 0
    for wi in w[:-1]:
        t2 = t2 + (wi - 1) ** 2 * (1 + 10 * np.sin(np.pi * wi + 1) ** 2)
    return t1 + t2 + t3


@objective([0.5, 0.25, 0.1])
def michalewicz(x, m=10):
    j = np.arange(1, len(x) + 1)
    return -sum(np.sin(x) * np.sin(j * x**2 / np.pi) ** (2 * m))


@objective([0.5, 0.25, 0.3, 0.7])
def wood(x):
    return (
        100 * np.power(x[0] ** 2 - x[1], 2)
        + np.power(x[0] - 1, 2)
        + (x[2] - 1) ** 2
        + 90 * (x[2] ** 2 - x[3]) ** 2
        + 10.1 * ((x[1] - 1) ** 2 + (x[3] - 1) ** 2)
        + 19.8 * (x[1] - 1) * (x[3] - 1)
    )


@objective([1.0, 5.0, 4.0, 1.5])
def hs071(x):
    return x[0] * x[3] * np.sum(x[0:3]) + x[2]


@objective([1.0, 5.0, 4.0, 1.5])
def hs071_constraints(x):
    return np.array((np.prod(x), np.dot(x, x)))


@objective([1.0, 0.4, 0.5])
def spring_design(x):
    d, D, N = x[0], x[1], x[2]
    f = (N + 2) * D * d**2
    g = np.zeros(4)
    g[0] = 1 - (D**3 * N) / (71785 * d**4)
    g[1] = (4 * D**2 - d * D) / (12566 * (D * d**3 + d**4)) + 1 / (5108 * d**2) - 1
    g[2] = 1 - 140.45 * d / (D**2 * N)
    g[3] = (D + d) / 1.5 - 1
    return np.hstack([f, g])


@objective([0.2, 3.5, 9.0, 0.2], 6000.0, 14.0)
def welded_beam(x, P, L):
    h, l, t, b = x
    tau1 = P / (math.sqrt(2) * h * l)
    M = P * (L + l / 2)
    R = math.sqrt(l**2 / 4 + ((h + t) / 2) ** 2)
    J = 2 * (math.sqrt(2) * h * l * (l**2 / 12 + ((h + t) / 2) ** 2))
    tau2 = M * R / J
    tau = math.sqrt(tau1**2 + 2 * tau1 * tau2 * l / (2 * R) + tau2**2)
    return 1.10471 * h**2 * l + 0.04811 * t * b * (14 + l) + 1e-6 * tau


@objective([0.5, 0.25, 0.3], np.array([[0.0, 0], [1, 0], [0.5, 1]]), [(0, 1), (1, 2), (0, 2)])
def truss(areas, nodes, bars):
    K = np.zeros((6, 6))
    for A, (i, j) in zip(areas, bars):
        d = nodes[j] - nodes[i]
        L = np.linalg.norm(d)
        c, s = d / L
        k = A / L * np.outer([-c, -s, c, s], [-c, -s, c, s])
        dof = np.array([2 * i, 2 * i + 1, 2 * j, 2 * j + 1])
        K[np.ix_(dof, dof)] += k
    free = [2, 4, 5]
    u = np.linalg.solve(K[np.ix_(free, free)], np.array([0, 0.1, -1.0]))
    return np.concatenate([u, [areas.sum()]])


@objective([0.5, 0.25, 0.3], np.array([0, 1, 1, 2]))
def assembled_by_scatter(k, conn):
    n = conn.max() + 1
    K = np.zeros((n + 1, n + 1))
    for e, node in enumerate(conn):
        ke = k[node] * np.array([[1, -1], [-1, 1]])
        K[node : node + 2, node : node + 2] = K[node : node + 2, node : node + 2] + ke
    return K.sum(axis=0) + np.trace(K)


@objective(np.linspace(0.1, 0.9, 11), 5, 0.1)
def collocation(z, N, h):
    x = z[: N + 1]
    u = z[N + 1 :]
    f = lambda x, u: -(x**2) + u
    defects = []
    for k in range(N):
        uk = u[k]
        defects.append(x[k + 1] - x[k] - h / 2 * (f(x[k], uk) + f(x[k + 1], uk)))
    return np.array(defects)


@objective(np.linspace(0.1, 0.9, 8))
def single_shooting(u):
    x, v, J, dt = 0.0, 0.0, 0.0, 0.1
    for uk in u:
        x += v * dt
        v += (uk - 0.1 * v * abs(v)) * dt
        J += (x - 1) ** 2 * dt + 0.01 * uk**2 * dt
    return J


@objective(np.linspace(0.1, 0.9, 8), {"dt": 0.1, "target": [1.0, 0.5], "steps": 4})
def mpc(u, cfg):
    x = np.array([0.0, 0.0, 0.1])
    U = u.reshape(cfg["steps"], -1)
    cost = 0.0
    traj = [x]
    for k in range(cfg["steps"]):
        v, w = U[k]
        x = x + cfg["dt"] * np.array([v * np.cos(x[2]), v * np.sin(x[2]), w])
        traj.append(x)
        cost += np.sum((x[:2] - cfg["target"]) ** 2) + 0.01 * np.linalg.norm(U[k]) ** 2
    traj = np.array(traj)
    return cost + 0.1 * np.sum(np.diff(traj, axis=0) ** 2)


@objective(np.linspace(0.0, 0.9, 6), 3)
def lennard_jones(x, n):
    pos = x.reshape(n, 2) + np.arange(n)[:, None]
    e = 0.0
    for i in range(n):
        for j in range(i + 1, n):
            r2 = np.sum((pos[i] - pos[j]) ** 2)
            inv6 = 1 / r2**3
            e += 4 * (inv6**2 - inv6)
    return e


@objective(np.linspace(0.0, 0.9, 6) ** 2)
def lennard_jones_vectorized(x):
    pos = np.c_[x[::2] + np.arange(3), x[1::2]]
    i, j = np.triu_indices(len(pos), k=1)
    r = np.sqrt(((pos[i] - pos[j]) ** 2).sum(1))
    return np.sum(4 * (r**-12 - r**-6))


@objective([0.3, -0.2, 0.5], np.arange(12.0).reshape(4, 3) / 12, np.array([0, 1, 1, 0]))
def logistic(w, X, y):
    z = X.dot(w)
    h = 1.0 / (1.0 + np.exp(-z))
    return -np.mean(y * np.log(h) + (1 - y) * np.log(1 - h)) + 0.1 * w[1:].dot(w[1:])


@objective([0.3, -0.2, 0.5], np.arange(12.0).reshape(4, 3) / 12, np.array([-1, 1, 1, -1]))
def logistic_logaddexp(w, X, y):
    return np.logaddexp(0, -y * (X @ w)).sum() + 0.5 * np.linalg.norm(w) ** 2


@objective([0.3, 1.2, 0.5], np.arange(5.0))
def gp_likelihood(theta, x):
    l, s, n = np.exp(theta)
    D = (x[:, None] - x[None, :]) ** 2
    K = s**2 * np.exp(-D / (2 * l**2)) + n * np.eye(len(x))
    L = np.linalg.cholesky(K)
    y = np.sin(x)
    alpha = np.linalg.solve(K, y)
    return 0.5 * y @ alpha + np.log(np.diag(L)).sum() + 0.5 * len(x) * np.log(2 * np.pi)


@objective([0.3, 1.2, 0.5, 0.8])
def normal_likelihood(p):
    data = [0.1, 0.5, 0.3]
    mu, sigma = p[0], np.exp(p[1])
    ll = 0
    for d in data:
        ll += -0.5 * ((d - mu) / sigma) ** 2 - math.log(sigma) - 0.5 * math.log(2 * math.pi)
    return -ll + p[2:] @ p[2:]


@objective([0.3, 1.2, 0.5, 0.8])
def groups(x):
    byname = defaultdict(float)
    for name, v in zip("abab", x):
        byname[name] += v**2
    od = OrderedDict(sorted(byname.items()))
    return np.array(list(od.values()))


@objective([0.3, 1.2, 0.5, 0.8])
def queue(x):
    q = deque(x, maxlen=3)
    q.append(q[0] * q[1])
    q.rotate(1)
    return np.array(q)


@objective([0.3, 1.2, 0.5, 0.8])
def product_cartesian(x):
    return sum(a * b for a, b in itertools.product(x[:2], x[2:])) + sum(
        a * b for a, b in itertools.combinations(x, 2)
    )


@objective([0.3, 1.2, 0.5, 0.8])
def accumulated(x):
    return np.array(list(itertools.accumulate(x, lambda a, b: a * 0.9 + b)))


@objective([0.3, 1.2, 0.45, 0.8])
def penalties(x):
    g1 = x[0] + x[1] - 1
    g2 = 0.5 - x[2]
    f = (x**2).sum()
    return f + 1e3 * max(0, g1) ** 2 + 1e3 * max(0.0, g2) ** 2 + 10 * min(g1, 0)


@objective([0.3, 1.2, 0.5, 0.8])
def penalties_arrays(x):
    g = np.array([x[0] - 1, x[1] - x[2], 0.1 - x[3]])
    return np.sum(np.maximum(g, 0) ** 2) + np.sum(np.minimum(0, x - 0.4))


@objective([0.4, 1.2, 0.5, 0.8])
def huber(x):
    r = np.abs(x - 0.6)
    return np.sum(np.where(r <= 0.3, 0.5 * r**2, 0.3 * (r - 0.15)))


@objective([0.3, 1.2, 0.5, 0.8])
def select_pieces(x):
    return (
        np.select([x < 0.4, x < 1.0], [x**2, np.sin(x)], default=np.log(x)).sum()
        + np.piecewise(x, [x < 0.6, x >= 0.6], [lambda v: v**3, lambda v: 2 * v]).sum()
    )


@objective([0.3, 1.2, 0.5, 0.8])
def total_variation(x):
    return np.sum(np.sqrt(np.diff(x) ** 2 + 1e-3)) + np.ptp(x) + np.std(x) + np.var(x, ddof=1)


@objective(np.linspace(0.1, 0.9, 9))
def minimal_surface(z):
    Z = np.pad(z.reshape(3, 3), 1, mode="constant", constant_values=0.5)
    dx = Z[1:, :-1] - Z[:-1, :-1]
    dy = Z[:-1, 1:] - Z[:-1, :-1]
    return np.sqrt(1 + dx**2 + dy**2).sum()


@objective(np.linspace(0.1, 0.9, 6))
def chained_wood_slices(x):
    even, odd = x[0::2], x[1::2]
    return (100 * (even**2 - odd) ** 2 + (even - 1) ** 2)[1:].sum() + np.sum(odd[::-1] * even)


@objective([0.3, 1.2])
def nested_functions(x):
    def g(z, n=3):
        return 1.0 if n == 0 else z * g(z, n - 1) + n

    def outer(f):
        return lambda *a, **k: f(*a, **k) ** 2

    return outer(g)(x[0]) + outer(g)(x[1], n=2)


@objective([0.3, 1.2, 0.5])
def norms(x):
    return (
        np.linalg.norm(x)
        + np.linalg.norm(x, 1)
        + np.linalg.norm(x, ord=2) ** 2
        + np.linalg.norm(x, np.inf)
        + np.linalg.norm(np.outer(x, x), "fro")
    )


@objective([0.3, 1.2, 0.5])
def determinant(x):
    A = np.array([[x[0], 1.0, 0], [1, x[1], 1], [0, 1, x[2]]])
    s, ld = np.linalg.slogdet(A)
    return np.linalg.det(A) + ld + np.trace(np.linalg.inv(A)) + np.linalg.eigvalsh(A)[-1]


@objective([0.3, 1.2, 0.5], 2)
def integer_power(x, n):
    return np.sum(x**n) + n * x[0] ** -n + np.power(x, float(n)).prod()


@objective([0.3, 1.2, 0.5])
def scaled(x):
    lo, hi = np.array([0.0, 0, 0]), np.array([1, 2, 3])
    z = lo + (hi - lo) * (np.tanh(x) + 1) / 2
    return np.dot(z, z)


@objective([0.3, 1.2, 0.5])
def transportation(x):
    c = [[4, 6, 9], [5, 3, 8]]
    full = [[x[0], x[1], 1 - x[0]], [x[2], 0.3, x[1] * x[2]]]
    return sum(c[i][j] * full[i][j] ** 1.5 for i in range(2) for j in range(3))


@objective([0.3, 1.2, 0.5])
def list_of_constraints(x):
    cons = []
    cons.append(x[0] * x[1] - 0.2)
    cons.extend([x[1] - x[2], 1])
    cons.insert(0, np.sum(x))
    return np.array(cons, dtype=float)


@objective([0.3, 1.2, 0.5])
def economics(x):
    c, k, l = x
    u = math.log(c) if SIGMA == 1 else c ** (1 - SIGMA) / (1 - SIGMA)
    return -(u + 0.9 * np.log(k**0.3 * l**0.7))


SIGMA = 2.0
