"""Bundle adjustment: cameras and points from what the cameras see, on synthetic data.

It is the standard large sparse least squares problem: each residual touches one
camera and one point.

Data layout. ``x = (cameras, points)``; a camera is a rotation vector, a translation, a focal length
and two radial distortions (9 numbers), a point is 3 numbers. Camera model of Agarwal, Snavely,
Seitz, Szeliski (2010), "Bundle adjustment in the large", ECCV.
"""

from __future__ import annotations

import numpy as np

from .cases import LeastSquaresCase, Vector, free

__all__ = ["bundle_adjustment", "project"]


def project(camera: Vector, point: Vector) -> Vector:
    """Pixels at which cameras see points.

    Parameters
    ----------
    camera : ndarray, shape (k, 9)
        Rotation vector (radian, not zero), translation, focal length, two distortions.
    point : ndarray, shape (k, 3)
        Points in the world.

    Returns
    -------
    ndarray, shape (k, 2)
        Image coordinates in pixels.
    """
    turn = camera[:, 0:3]
    angle = np.sqrt(np.sum(turn**2, axis=1))[:, None]
    axis = turn / angle
    along = np.sum(axis * point, axis=1)[:, None]
    side = np.stack(
        [
            axis[:, 1] * point[:, 2] - axis[:, 2] * point[:, 1],
            axis[:, 2] * point[:, 0] - axis[:, 0] * point[:, 2],
            axis[:, 0] * point[:, 1] - axis[:, 1] * point[:, 0],
        ],
        axis=1,
    )
    turned = point * np.cos(angle) + side * np.sin(angle) + axis * along * (1 - np.cos(angle))
    seen = turned + camera[:, 3:6]
    flat = -seen[:, 0:2] / seen[:, 2:3]
    square = np.sum(flat**2, axis=1)
    scale = camera[:, 6] * (1 + camera[:, 7] * square + camera[:, 8] * square**2)
    return scale[:, None] * flat


def bundle_adjustment(cameras: int = 6, points: int = 40, seed: int = 0) -> LeastSquaresCase:
    """Recover cameras and points from exact observations.

    The residual is ``project(camera, point) - observed`` in pixels, for each camera and each point
    that it sees: four cameras out of five see a given point.

    Parameters
    ----------
    cameras, points : int
        Numbers of cameras and points.
    seed : int
        Seed of the scene and of the starting point.

    Notes
    -----
    n = 9 cameras + 3 points, m = 2 observations (about 1.6 cameras points), 12 nonzeros a row.
    Start: the true values with small seeded errors. Best value 0 (the observations have no noise);
    the minimizer is not unique, since the world may be moved and scaled. Nonconvex. Synthetic, in
    the format of Agarwal and others (2010).
    """
    rng = np.random.default_rng(seed)
    turns = rng.normal(0.0, 0.2, (cameras, 3))
    moves = np.column_stack([rng.normal(0.0, 0.3, (cameras, 2)), rng.normal(-6.0, 0.3, cameras)])
    lens = np.column_stack(
        [
            rng.uniform(480, 520, cameras),
            rng.normal(0, 0.02, cameras),
            rng.normal(0, 0.002, cameras),
        ]
    )
    true_cameras = np.concatenate([turns, moves, lens], axis=1)
    true_points = rng.uniform(-1.0, 1.0, (points, 3))
    sees = (np.arange(cameras)[:, None] + np.arange(points)[None, :]) % 5 != 0
    camera_of, point_of = np.nonzero(sees)
    observed = project(true_cameras[camera_of], true_points[point_of])

    errors = rng.normal(0.0, [0.01] * 6 + [5.0, 0.005, 0.0005], true_cameras.shape)
    start = [true_cameras + errors, true_points + rng.normal(0.0, 0.02, true_points.shape)]
    split = 9 * cameras

    def residual(x: Vector) -> Vector:
        camera = np.reshape(x[:split], (cameras, 9))
        point = np.reshape(x[split:], (points, 3))
        return np.reshape(project(camera[camera_of], point[point_of]) - observed, -1)

    x0 = np.concatenate([np.reshape(part, -1) for part in start])
    return LeastSquaresCase(residual=residual, x0=x0, bounds=free(x0.size), best=0.0)
