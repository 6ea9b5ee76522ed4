"""Undoing an image filter: the example of the guide to sparse differentiation.

Its Jacobian is known entry by entry: each pixel of the result is a weighted sum of
the pixels under the filter.
"""

from __future__ import annotations

import numpy as np

from .cases import LeastSquaresCase, Vector, free

__all__ = ["filter_weights", "image_filter"]


def filter_weights(width: int = 5) -> Vector:
    """Weights of a Gaussian filter, shape (width, width), sum 1."""
    bell = np.exp(-0.5 * (np.arange(width) - (width - 1) / 2) ** 2)
    return np.outer(bell, bell) / np.sum(bell) ** 2


def image_filter(side: int = 28, width: int = 5) -> LeastSquaresCase:
    """Find an image whose filtered version is given: residual ``filter(image) - blurred``.

    The filter slides over the image and keeps the positions where it fits ("valid").

    Parameters
    ----------
    side, width : int
        Pixels along each side of the image, and of the filter.

    Notes
    -----
    n = side^2, m = (side - width + 1)^2, width^2 nonzeros a row: 784, 576 and 25 by default, so
    96.8 % of the Jacobian is zero. Columns need width^2 = 25 colors. Start: a gray image. Best
    value 0. Convex (linear). The image is a seeded synthetic one. Example of Hill, Dalle, Montoison
    (2025), "An illustrated guide to automatic sparse differentiation", ICLR blog posts.
    """
    out = side - width + 1
    weights = filter_weights(width)

    def apply(image: Vector) -> Vector:
        grid = np.reshape(image, (side, side))
        return sum(
            weights[i, j] * grid[i : i + out, j : j + out]
            for i in range(width)
            for j in range(width)
        )

    blurred = apply(np.random.default_rng(28).uniform(0.0, 1.0, side * side))

    def residual(image: Vector) -> Vector:
        return np.reshape(apply(image) - blurred, -1)

    start = np.full(side * side, 0.5)
    return LeastSquaresCase(residual=residual, x0=start, bounds=free(start.size), best=0.0)
