# SPDX-License-Identifier: MIT
"""Prints the polynomials of the engine's simd/activations-inl.h.

They are p(x) such that 2^x = 1 + x p(x) on [-1/2, 1/2], of least relative error.

The error is relative to (2^x - 1) / x, so that tanh keeps its relative accuracy near zero. Iteratively reweighted least
squares (Lawson) at Chebyshev points; each coefficient is rounded to float32 before the lower ones are fitted again.
"""

import numpy as np


def fit(basis: np.ndarray, target: np.ndarray, fixed: np.ndarray, iterations: int = 400) -> np.ndarray:
    """Coefficients that make the largest relative error of ``fixed + basis @ coefficients`` to ``target`` small."""
    weight = np.ones_like(target)
    best, least = np.zeros(basis.shape[1]), np.inf
    for _ in range(iterations):
        scale = weight / target
        coefficients = np.linalg.lstsq(basis * scale[:, None], (target - fixed) * scale, rcond=None)[0]
        error = np.abs((fixed + basis @ coefficients) / target - 1)
        if error.max() < least:
            best, least = coefficients, error.max()
        weight = weight * np.sqrt(error / error.max() + 1e-3)
        weight /= weight.mean()
    return best


def main() -> None:
    """Print degree, greatest relative error and the float32 coefficients, highest power first."""
    x = np.cos(np.linspace(0, np.pi, 4000)) / 2
    target = np.expm1(x * np.log(2)) / x
    for degree in (4, 5):
        polynomial = np.zeros_like(x)
        rounded = []
        for power in range(degree, -1, -1):
            basis = np.stack([x**k for k in range(power + 1)], axis=1)
            rounded.append(np.float32(fit(basis, target, polynomial)[-1]))
            polynomial += float(rounded[-1]) * x**power
        error = np.abs(polynomial / target - 1).max()
        print(f"degree {degree}, error {error:.2e}: " + ", ".join(f"{value:.9g}f" for value in rounded))  # noqa: T201


if __name__ == "__main__":
    main()
