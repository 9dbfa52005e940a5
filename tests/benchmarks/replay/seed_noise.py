"""What a seed adds to the curves of a cell, drawn whole, and shared between trials as the recorded repeats share it.

All trials of a search have one seed: the order of the images, their views and new layers are the same, and so are many
of the ups and downs of their curves. Where attention has little weight, curves with one seed are the same to a few
thousandths, whatever beta is. So a simulated run draws once what its seed adds to all trials that differ in beta alone.
How much of that a trial with another learning rate or weight decay shares is estimated; the rest is its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, ...]  # a configuration: the logarithms of what is tuned
Curves = Mapping[Point, Mapping[int, NDArray[np.float64]]]  # point -> seed -> [2, E]


class SeedNoise:
    """Curves of what seeds add, with the covariance of the recorded repeats over epochs, both scores and beta.

    A draw is a random combination of whole recorded curves of residuals: r = sum over seeds of w R / sqrt(S - 1), with
    normal w. Between the repeated betas the curves are mixed, by the logarithm of beta, and have the variance that lies
    in between as well.

    Args:
        curves: of one cell.
        num_others: how many of a point's numbers, the last ones, are not beta: learning rate and weight decay.
        shared: of what a seed adds, the correlation between trials with different such numbers.
    """

    def __init__(self, curves: Curves, num_others: int, shared: float = 1.0) -> None:
        self._num_others = num_others
        repeated = {point: seeds for point, seeds in curves.items() if len(seeds) > 1}
        homes = [self._others(point) for point in repeated]
        self._home = max(sorted(set(homes)), key=homes.count) if homes else ()
        points = sorted(point for point in repeated if self._others(point) == self._home)
        seeds = sorted(set.intersection(*(set(repeated[point]) for point in points))) if points else []
        if len(seeds) < 2:
            points, seeds = [], []
        self._betas = np.array([self._beta(point) for point in points])
        own = np.array([[repeated[point][seed].ravel() for seed in seeds] for point in points])  # [P, S, 2 E]
        self._residuals = own - own.mean(axis=1, keepdims=True) if points else own
        self._seeds = {seed: number for number, seed in enumerate(seeds)}
        self.shared = shared

    @property
    def is_known(self) -> bool:
        """Whether there are repeats to know it from."""
        return bool(len(self._betas))

    @property
    def digest(self) -> str:
        """Of all that decides what it draws."""
        content = self._residuals.tobytes() + self._betas.tobytes() + repr((self._home, self.shared)).encode()
        return hashlib.sha256(content).hexdigest()[:16]

    @property
    def num_seeds(self) -> int:
        """From so many recorded seeds."""
        return len(self._seeds)

    def sd(self, column: int) -> float:
        """The standard deviation over seeds of one number of a flat curve [2 E]."""
        if not self.is_known:
            return 0.0
        return float(np.sqrt(np.mean(np.square(self._residuals[:, :, column])) * self._unbiased**2))

    def share(self, point: Point) -> float:
        """The correlation of what a seed adds at that point with what it adds at the repeated ones."""
        return 1.0 if self._others(point) == self._home else self.shared

    def of_recorded(self, point: Point, seed: int) -> NDArray[np.float64] | float:
        """[2 E]: what a recorded seed has added at a point, as far as it is shared; 0 where that is not known."""
        if seed not in self._seeds:
            return 0.0
        left, right, part = self._neighbours(point)
        row = self._seeds[seed]
        return self.share(point) * ((1 - part) * self._residuals[left, row] + part * self._residuals[right, row])

    def draws(self, point: Point, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """[N, 2 E]: what seeds add at a point, from weights [N, S]."""
        left, right, part = self._neighbours(point)
        ends = self._residuals[left], self._residuals[right]
        mixed = (1 - part) * ends[0] + part * ends[1]  # [S, 2 E]
        wanted = (1 - part) * np.square(ends[0]).sum() + part * np.square(ends[1]).sum()
        scale = np.sqrt(wanted / max(np.square(mixed).sum(), 1e-30))
        return (self._unbiased / np.sqrt(self.num_seeds)) * scale * weights @ mixed

    def drawn(self, point: Point, seed: object) -> NDArray[np.float64] | float:
        """[2 E]: what the seed of a simulated run adds at a point; the same whenever it is asked for."""
        if not self.is_known:
            return 0.0
        share = self.share(point)
        common = self.draws(point, self._weights(seed))[0]
        if share == 1.0:
            return common
        return share * common + np.sqrt(1 - share**2) * self.draws(point, self._weights((seed, point)))[0]

    def _weights(self, key: object) -> NDArray[np.float64]:
        digest = hashlib.sha256(repr(key).encode()).digest()
        return np.random.default_rng(int.from_bytes(digest[:8], "little")).standard_normal((1, self.num_seeds))

    @property
    def _unbiased(self) -> float:
        """A mean of S curves lies too close to each of them: sqrt(S / (S - 1)) gives back what it takes away."""
        return float(np.sqrt(self.num_seeds / (self.num_seeds - 1)))

    def _others(self, point: Point) -> Point:
        return point[len(point) - self._num_others :]

    def _beta(self, point: Point) -> float:
        return point[0] if len(point) > self._num_others else 0.0

    def _neighbours(self, point: Point) -> tuple[int, int, float]:
        """The repeated points on both sides, and how far from the first to the second this one lies."""
        beta = self._beta(point)
        right = int(np.clip(np.searchsorted(self._betas, beta), 0, len(self._betas) - 1))
        left = max(right - 1, 0) if beta < self._betas[right] else right
        width = self._betas[right] - self._betas[left]
        return left, right, float(np.clip((beta - self._betas[left]) / width, 0, 1)) if width else 0.0

    def agreement(self, curves: Curves) -> NDArray[np.float64]:
        """How what seeds add to configurations with other learning rates agrees with what they add here.

        Only seeds with which both were trained can tell: deviations are from the mean over these.

        Returns:
            [3]: the sum of the products, and the sums of the squares here and there.
        """
        sums = np.zeros(3)
        for point, by_seed in curves.items():
            common = [seed for seed in by_seed if seed in self._seeds]
            if self._others(point) == self._home or len(common) < 2:
                continue
            left, right, part = self._neighbours(point)
            rows = [self._seeds[seed] for seed in common]
            here = (1 - part) * self._residuals[left, rows] + part * self._residuals[right, rows]
            there = np.array([by_seed[seed].ravel() for seed in common])
            here, there = here - here.mean(axis=0), there - there.mean(axis=0)
            sums += (here * there).sum(), np.square(here).sum(), np.square(there).sum()
        return sums


def shared_part(cells: Sequence[tuple[Curves, int]]) -> float:
    """`SeedNoise`'s `shared` as all cells together show it, from their curves and numbers of others; 1 where none does.

    It is the correlation, over seeds, epochs and both scores, of what a seed adds at one learning rate and at another.
    A single cell has too few repeats to tell.
    """
    product, here, there = np.sum([SeedNoise(*cell).agreement(cell[0]) for cell in cells], axis=0)
    return float(np.clip(product / np.sqrt(here * there), 0.0, 1.0)) if here * there else 1.0
