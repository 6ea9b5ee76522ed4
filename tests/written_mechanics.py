"""Bodies that move, and cameras that see them: functions as people write them."""

# ruff: noqa: B905, E741, RUF059  (as people write)
from __future__ import annotations

import math
from math import sin

import numpy as np
import numpy.linalg as la
from numpy import cos

from tests.written_odes import ode
from tests.written_residuals import residual

G = 9.81


@ode([0.3, 0.0])
def pendulum(t, y):
    theta, omega = y
    b, c = 0.25, 5.0
    dydt = [omega, -b * omega - c * sin(theta)]
    return dydt


@ode([0.5, -0.2, 0.1, 0.3], 1.0, 2.0, 1.0, 0.5)
def double_pendulum(t, state, m1, m2, L1, L2):
    th1, w1, th2, w2 = state
    dydx = np.zeros_like(state)
    dydx[0] = state[1]
    delta = th2 - th1
    den1 = (m1 + m2) * L1 - m2 * L1 * cos(delta) * cos(delta)
    dydx[1] = (
        m2 * L1 * w1 * w1 * np.sin(delta) * cos(delta)
        + m2 * G * np.sin(th2) * cos(delta)
        + m2 * L2 * w2 * w2 * np.sin(delta)
        - (m1 + m2) * G * np.sin(th1)
    ) / den1
    dydx[2] = state[3]
    den2 = (L2 / L1) * den1
    dydx[3] = (
        -m2 * L2 * w2 * w2 * np.sin(delta) * cos(delta)
        + (m1 + m2)
        * (G * np.sin(th1) * cos(delta) - L1 * w1 * w1 * np.sin(delta) - G * np.sin(th2))
    ) / den2
    return dydx


@ode([1.0, 0.0, 0.0, 1.1])
def kepler(t, u):
    x, y, vx, vy = u
    r3 = (x**2 + y**2) ** 1.5
    return vx, vy, -x / r3, -y / r3


@ode(np.linspace(0.3, 2.1, 18) ** 2 - 1, 3, np.array([1.0, 0.5, 0.25]))
def nbody(t, w, n, masses):
    pos = w[: 3 * n].reshape((n, 3))
    vel = w[3 * n :].reshape((n, 3))
    acc = np.zeros((n, 3))
    for i in range(n):
        for j in range(n):
            if i != j:
                d = pos[j] - pos[i]
                acc[i] += masses[j] * d / np.linalg.norm(d) ** 3
    return np.concatenate((vel.ravel(), acc.ravel()))


@ode(np.linspace(0.3, 2.1, 12) ** 2, [1.0, 2.0, 0.5])
def nbody_broadcast(t, w, masses):
    n = len(masses)
    q, v = np.split(w, 2)
    q = q.reshape(n, 2)
    dx = q[:, np.newaxis, :] - q[np.newaxis, :, :]
    r2 = (dx**2).sum(axis=-1) + 0.01
    a = -(dx * (np.asarray(masses)[None, :] * r2**-1.5)[..., None]).sum(axis=1)
    return np.hstack((v, a.flatten()))


@ode([0.3, 0.5, 0.2, 0.8])
def quarter_car(t, z):
    M = np.diag([300.0, 40.0])
    K = np.array([[2e3, -2e3], [-2e3, 2.2e4]])
    C = 0.1 * K
    x, v = z[:2], z[2:]
    F = np.array([0.0, 2e4 * 0.01 * np.sin(2 * np.pi * t)])
    a = np.linalg.inv(M) @ (F - K @ x - C @ v)
    return np.concatenate([v, a])


@ode([0.3, 0.5, 0.2, 0.8], np.array([[2.0, 0.1], [0.1, 1.0]]))
def mass_solve(t, z, M):
    q, qd = z[:2], z[2:]
    rhs = np.array([-np.sin(q[0]) * qd[1], -(q[1] ** 3) + qd[0]])
    return np.r_[qd, np.linalg.solve(M, rhs)]


@ode([0.3, 0.5, 0.2, 0.8])
def cart_pole(t, s):
    x, xd, th, thd = s
    m, M, L = 0.1, 1.0, 0.5
    A = np.array([[M + m, m * L * np.cos(th)], [np.cos(th), L]])
    b = np.array([m * L * thd**2 * np.sin(th), -G * np.sin(th)])
    xdd, thdd = np.linalg.solve(A, b)
    return [xd, xdd, thd, thdd]


@ode([0.1, 0.2, 0.3], np.diag([1.0, 2.0, 3.0]))
def rigid_body(t, w, I):
    return np.linalg.inv(I) @ (-np.cross(w, I @ w))


@ode([0.7, 0.1, -0.2, 0.3, 0.1, 0.2, 0.3])
def quaternion(t, x):
    q = x[0:4]
    w = x[4:]
    Om = np.array([
        [0, -w[0], -w[1], -w[2]],
        [w[0], 0, w[2], -w[1]],
        [w[1], -w[2], 0, w[0]],
        [w[2], w[1], -w[0], 0],
    ])  # fmt: skip
    qdot = 0.5 * Om.dot(q / np.linalg.norm(q))
    return np.append(qdot, [0.1 * w[1] * w[2], -0.2 * w[0] * w[2], 0.0])


def rotate(points, rot_vecs):
    theta = np.linalg.norm(rot_vecs, axis=1)[:, np.newaxis]
    with np.errstate(invalid="ignore"):
        v = rot_vecs / theta
        v = np.nan_to_num(v)
    dot = np.sum(points * v, axis=1)[:, np.newaxis]
    cos_theta = np.cos(theta)
    sin_theta = np.sin(theta)
    return cos_theta * points + sin_theta * np.cross(v, points) + dot * (1 - cos_theta) * v


def project(points, camera_params):
    points_proj = rotate(points, camera_params[:, :3])
    points_proj += camera_params[:, 3:6]
    points_proj = -points_proj[:, :2] / points_proj[:, 2, np.newaxis]
    f = camera_params[:, 6]
    k1 = camera_params[:, 7]
    k2 = camera_params[:, 8]
    n = np.sum(points_proj**2, axis=1)
    r = 1 + k1 * n + k2 * n**2
    points_proj *= (r * f)[:, np.newaxis]
    return points_proj


@residual(
    0.3 + 0.1 * np.cos(np.arange(2 * 9 + 3 * 3)) + np.tile([0, 0, 1.0], 9),
    2, 3, np.array([0, 0, 0, 1, 1]), np.array([0, 1, 2, 0, 2]), 0.1 * np.ones((5, 2)),
)  # fmt: skip
def bundle_adjustment(params, n_cameras, n_points, camera_indices, point_indices, points_2d):
    camera_params = params[: n_cameras * 9].reshape((n_cameras, 9))
    points_3d = params[n_cameras * 9 :].reshape((n_points, 3))
    points_proj = project(points_3d[point_indices], camera_params[camera_indices])
    return (points_proj - points_2d).ravel()


@residual([0.1, 0.2, 0.3, 0.4, 0.5, 5.0])
def camera_pose(p):
    K = np.array([[800.0, 0, 320], [0, 800, 240], [0, 0, 1]])
    rx, ry, rz = p[:3]
    Rx = np.array([[1, 0, 0], [0, np.cos(rx), -np.sin(rx)], [0, np.sin(rx), np.cos(rx)]])
    Ry = np.array([[np.cos(ry), 0, np.sin(ry)], [0, 1, 0], [-np.sin(ry), 0, np.cos(ry)]])
    Rz = np.array([[np.cos(rz), -np.sin(rz), 0], [np.sin(rz), np.cos(rz), 0], [0, 0, 1]])
    R = Rz @ Ry @ Rx
    t = p[3:].reshape(3, 1)
    X = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]]).T
    P = K @ np.hstack((R, t))
    x = P @ np.vstack([X, np.ones((1, X.shape[1]))])
    x = x[:2] / x[2]
    return (x - 300).flatten()


@residual([0.3, 0.1, 0.5, 1.0, 0.2, 0.7])
def pose_graph(x):
    poses = [x[3 * i : 3 * i + 3] for i in range(len(x) // 3)]

    def mat(p):
        c, s = np.cos(p[2]), np.sin(p[2])
        T = np.eye(3)
        T[:2, :2] = [[c, -s], [s, c]]
        T[:2, 2] = p[:2]
        return T

    A, B = map(mat, poses)
    D = np.linalg.inv(A) @ B
    return np.array([D[0, 2] - 1.0, D[1, 2], np.arctan2(D[1, 0], D[0, 0])])


@residual(
    [0.3, 0.1, 0.5, 1.5, 0.8, 0.9], np.array([[0, 1], [1, 2], [0, 2]]), np.array([1.2, 0.7, 1.5])
)
def springs(x, edges, rest):
    q = x.reshape(-1, 2)
    f = np.zeros_like(q)
    for (i, j), l0 in zip(edges, rest):
        d = q[j] - q[i]
        length = la.norm(d)
        f[i] += 10 * (length - l0) * d / length
        f[j] -= 10 * (length - l0) * d / length
    f[0] = q[0]
    return f.ravel()


@residual([0.3, 0.5, 0.7, 0.2])
def inverse_kinematics(q):
    lengths = [1.0, 0.8, 0.5, 0.2]
    angles = np.cumsum(q)
    x = np.dot(lengths, np.cos(angles))
    y = np.inner(lengths, np.sin(angles))
    return np.array([x - 1.5, y - 1.0])


@residual([0.3, 0.5, 0.7])
def denavit_hartenberg(q):
    def dh(a, alpha, d, th):
        return np.matmul(
            np.array([
                [math.cos(th), -math.sin(th), 0, 0],
                [math.sin(th), math.cos(th), 0, 0],
                [0, 0, 1, d],
                [0, 0, 0, 1],
            ]),
            np.array([
                [1, 0, 0, a],
                [0, np.cos(alpha), -np.sin(alpha), 0],
                [0, np.sin(alpha), np.cos(alpha), 0],
                [0, 0, 0, 1],
            ]),
        )  # fmt: skip

    T = np.identity(4)
    for a, alpha, d, th in zip([0.3, 0.2, 0.1], [np.pi / 2, 0, 0], [0.1, 0.0, 0.0], q):
        T = T @ dh(a, alpha, d, th)
    return T[:3, 3] - np.array([0.3, 0.1, 0.2])
