"""The Hessian of the softmax cross-entropy of a linear model, exact and dense.

With x~ = (x, 1) and the parameters of class c in one row (W_c, b_c) of length M = D + 1 (Boehning 1992, "Multinomial
logistic regression algorithm", eq. 2.5)::

    d2L / dw_c dw_k = 1/N sum_n p_nc (delta_ck - p_nk) x~_n x~_n^T
"""

import numpy as np

Array = np.ndarray


def softmax_hessian(p: Array, x: Array) -> Array:
    """Return the Hessian of the mean data loss.

    Args:
        p: (N, C) softmax probabilities, float64.
        x: (N, M) inputs, with a column of ones for the bias.

    Returns:
        (C * M, C * M), symmetric and positive semidefinite: class-major, as ``np.hstack([W, b]).ravel()`` is. It
        does not see a row that is added to all classes alike.
    """
    (N, C), M = p.shape, x.shape[1]
    H = np.empty((C, M, C * M))
    for c in range(C):
        weight = p[:, c, None] * (np.eye(C)[c] - p) / N
        H[c] = x.T @ (weight[:, :, None] * x[:, None]).reshape(N, C * M)
    return H.reshape(C * M, C * M)
