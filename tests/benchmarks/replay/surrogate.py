"""Whole learning curves of configurations that were never trained, from those that were: one model per cell.

A curve is the validation score and the test score of each epoch, [2, E], and is modelled as one vector, so that how
epochs and the two scores go together stays as it was recorded. What its seed has added (`SeedNoise`) is taken away, as
far as the repeats tell. The mean curve that remains is smooth in log beta, log learning rate and log weight decay: a
Gaussian process for each of a few principal components, whose noise is what could not be taken away. So a recorded
configuration has its own curve's mean, and the luck of the seed with which it was recorded is no part of the landscape
that two hundred simulations are run on; each of them draws a seed's luck anew.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from tests.benchmarks.replay.seed_noise import Point, SeedNoise, shared_part

Curve = NDArray[np.float64]  # [2, E]: the validation score and the test score of each epoch
TUNED = ("beta", "learning_rate", "weight_decay")
LEAST_WEIGHT_DECAY = 1e-6  # less than this, and none at all, count as this: they make no difference to a training
MAX_COMPONENTS, EXPLAINED = 6, 0.99  # of the variance between configurations
LEFT = 0.05  # of a seed's variance, at least, is left where it was taken away: it is known at a few betas alone
NOISE_FLOOR = 1e-6  # of a component's variance, where nothing is known of seeds
FLAT = 1e-9  # a component of which all configurations have the same is none
NUM_DRAWS = 64  # seeds over which a configuration's worth is averaged


@dataclass(frozen=True, kw_only=True)
class ModelError:
    """How far the model is off where it was not shown the truth; scores from 0 to 1.

    Args:
        num_configurations: that were recorded.
        rmse: of the last epoch's validation score without what its seed added, each configuration left out in turn.
        seed_sd: standard deviation of that score over seeds.
        rank: Spearman's correlation of the scores predicted so and those recorded.
    """

    num_configurations: int
    rmse: float
    seed_sd: float
    rank: float


class Surrogate:
    """The curves of one cell.

    Args:
        recorded: its rows of the recording.
        noise: what a seed adds.

    Raises:
        ValueError: a curve lacks an epoch.
    """

    def __init__(self, recorded: pd.DataFrame, noise: SeedNoise) -> None:
        curves = curves_of(recorded)
        self.num_epochs = int(recorded["epoch"].max())
        self.noise = noise
        self._names = names_of(recorded)
        # Of a digest of all that the model is made of: another recording is another landscape.
        order = [*self._names, "seed", "epoch"]
        numbers = recorded.sort_values(order)[[*order, "score", "test_score"]].to_numpy(dtype=np.float64)
        self.digest = hashlib.sha256(numbers.tobytes() + noise.digest.encode()).hexdigest()[:16]
        self._points = np.array(list(curves))
        self._low, self._span = self._points.min(axis=0), np.ptp(self._points, axis=0)
        self._span[self._span == 0] = 1.0
        seedless = [
            np.mean([curve.ravel() - noise.of_recorded(point, seed) for seed, curve in by_seed.items()], axis=0)
            for point, by_seed in curves.items()
        ]
        self._means = np.array(seedless)
        left = [1 - (1 - LEFT) * noise.share(point) ** 2 for point in curves]
        self._noise_left = np.array(left) / [len(by_seed) for by_seed in curves.values()]
        self._weights = np.random.default_rng(0).standard_normal((NUM_DRAWS, max(1, noise.num_seeds)))
        self._fit()
        self._known: dict[Point, Curve] = {}

    def _fit(self) -> None:
        """One Gaussian process per principal component of the configurations' mean curves."""
        self._pca = PCA().fit(self._means)
        enough = 1 + int(np.searchsorted(np.cumsum(self._pca.explained_variance_ratio_), EXPLAINED))
        scores = self._pca.transform(self._means)
        self._num = min(enough, MAX_COMPONENTS, int((scores.std(axis=0) > FLAT).sum()))
        scores = scores[:, : self._num]
        self._processes, self._units = [], scores.std(axis=0)
        middle = tuple(np.median(self._points, axis=0))
        for number in range(self._num):
            noise = 0.0
            if self.noise.is_known:
                drawn = self.noise.draws(middle, self._weights) @ self._pca.components_[number]
                noise = float(np.mean(np.square(drawn)))
            share = noise / self._units[number] ** 2
            kernel = ConstantKernel(1.0, (1e-2, 1e2)) * Matern(np.full(len(self._names), 0.5), (0.1, 20.0), nu=2.5)
            alpha = np.maximum(share * self._noise_left, NOISE_FLOOR)
            process = GaussianProcessRegressor(kernel, alpha=alpha, n_restarts_optimizer=1, random_state=0)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # a length at its bound: the score is flat there
                process.fit(self._scaled(self._points), scores[:, number] / self._units[number])
            self._processes.append(process)

    def mean(self, params: Mapping[str, float]) -> Curve:
        """[2, E]: the mean curve of a configuration over seeds."""
        point = self.point(params)
        if point not in self._known:
            place = self._scaled(np.array([point]))
            scores = [float(each.kernel_(place, each.X_train_)[0] @ each.alpha_) for each in self._processes]
            self._known[point] = self._curve(np.array(scores))
        return self._known[point]

    def curve(self, params: Mapping[str, float], seed: object) -> Curve:
        """[2, E]: the curve that a configuration has with that seed; the same whenever it is asked for."""
        added = self.noise.drawn(self.point(params), seed)
        return np.clip(self.mean(params) + np.reshape(np.broadcast_to(added, 2 * self.num_epochs), (2, -1)), 0.0, 1.0)

    def expected(self, params: Mapping[str, float]) -> tuple[float, float]:
        """The best validation score and the test score at that epoch, averaged over seeds."""
        curves = self.mean(params)[None]
        if self.noise.is_known:
            added = self.noise.draws(self.point(params), self._weights)
            curves = np.clip(curves + added.reshape(-1, 2, self.num_epochs), 0.0, 1.0)  # [N, 2, E]
        best, each = curves[:, 0].argmax(axis=1), np.arange(len(curves))
        return float(curves[each, 0, best].mean()), float(curves[each, 1, best].mean())

    def point(self, params: Mapping[str, float]) -> Point:
        """Where a configuration lies: the logarithms of what is tuned, to four digits."""
        return _point({name: params[name] for name in self._names})

    def error(self) -> ModelError:
        """Each configuration left out in turn, the model's scales and components as they are."""
        finals = np.array([self._curve(scores)[0, -1] for scores in self.left_out()])
        recorded = self._means.reshape(-1, 2, self.num_epochs)[:, 0, -1]
        return ModelError(
            num_configurations=len(self._points),
            rmse=float(np.sqrt(np.mean(np.square(finals - recorded)))),
            seed_sd=self.noise.sd(self.num_epochs - 1),
            rank=float(spearmanr(finals, recorded).statistic),
        )

    def left_out(self) -> NDArray[np.float64]:
        """[C, K]: each configuration's component scores, predicted from all the others."""
        predicted = np.empty((len(self._points), self._num))
        for number, process in enumerate(self._processes):
            inverse = np.linalg.inv(process.kernel_(process.X_train_) + np.diag(process.alpha))
            predicted[:, number] = process.y_train_ - (inverse @ process.y_train_) / np.diag(inverse)
        return predicted

    def _scaled(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        return (points - self._low) / self._span

    def _curve(self, scores: NDArray[np.float64]) -> Curve:
        """[2, E] from scores in units of each component's spread."""
        flat = self._pca.mean_ + (scores * self._units) @ self._pca.components_[: self._num]
        return flat.reshape(2, self.num_epochs)


def surrogates(recording: pd.DataFrame, shared: float | None = None) -> dict[tuple[str, str], Surrogate]:
    """A model for each (setting, cell) of the recording; `shared` as in `SeedNoise`, None to estimate it.

    A cell without repeats borrows what seeds add from the first cell of its setting that has some.
    """
    if shared is None:
        cells = [part for _, part in recording.groupby(["setting", "cell"])]
        shared = shared_part([(curves_of(part), num_others(part)) for part in cells])
    models = {}
    for setting, rows in recording.groupby("setting", sort=True):
        parts = {str(cell): part for cell, part in rows.groupby("cell", sort=True)}
        noises = {cell: noise_of(part, shared) for cell, part in parts.items()}
        known = [noise for noise in noises.values() if noise.is_known]
        for cell, part in parts.items():
            own = noises[cell]
            models[str(setting), cell] = Surrogate(part, own if own.is_known or not known else known[0])
    return models


def noise_of(recorded: pd.DataFrame, shared: float = 1.0) -> SeedNoise:
    """What a seed adds in the cell whose rows these are."""
    return SeedNoise(curves_of(recorded), num_others(recorded), shared)


def num_others(recorded: pd.DataFrame) -> int:
    """How many of a configuration's numbers are not beta."""
    return sum(name != "beta" for name in names_of(recorded))


def names_of(recorded: pd.DataFrame) -> list[str]:
    """What is tuned in the cell; beta comes first, where there is one."""
    return [name for name in TUNED if recorded[name].notna().all()]


def curves_of(recorded: pd.DataFrame) -> dict[Point, dict[int, Curve]]:
    """Point -> seed -> [2, E], the points in ascending order.

    Raises:
        ValueError: a curve lacks an epoch, or has one twice.
    """
    names, num_epochs = names_of(recorded), int(recorded["epoch"].max())
    curves: dict[Point, dict[int, Curve]] = {}
    for (*values, seed), rows in recorded.groupby([*names, "seed"], sort=True):
        rows = rows.sort_values("epoch")
        params = dict(zip(names, values, strict=True))
        if rows["epoch"].tolist() != list(range(1, num_epochs + 1)):
            raise ValueError(
                f"each curve must have the epochs 1 to {num_epochs} once, but seed {seed} of {params} has "
                f"{rows['epoch'].tolist()}: record it again"
            )
        scores = rows[["score", "test_score"]].to_numpy(dtype=np.float64).T
        curves.setdefault(_point(params), {})[int(seed)] = scores
    return curves


def _point(params: Mapping[str, float]) -> Point:
    floors = {"weight_decay": LEAST_WEIGHT_DECAY}
    return tuple(round(float(np.log10(max(params[name], floors.get(name, 0.0)))), 4) for name in params)
