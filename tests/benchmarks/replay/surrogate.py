"""Whole learning curves of configurations that were never trained, from those that were: one model per cell.

A curve is the validation score and the test score of each epoch, [2, E], and is modelled as one vector, so that how
epochs and the two scores go together stays as it was recorded. Its mean over seeds is smooth in log beta, log learning
rate and log weight decay: a Gaussian process for each of a few principal components, whose noise is that of the
recorded repeats. What a seed adds is a whole curve of residuals, drawn from those of the repeats. So a recorded
configuration has its own curves' mean, as far as the noise of so few seeds lets it be known: the luck of the one seed
with which most were recorded must not be part of the landscape that two hundred simulations are run on.
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

Curve = NDArray[np.float64]  # [2, E]: the validation score and the test score of each epoch
TUNED = ("beta", "learning_rate", "weight_decay")
LEAST_WEIGHT_DECAY = 1e-6  # less than this, and none at all, count as this: they make no difference to a training
MAX_COMPONENTS, EXPLAINED = 6, 0.99  # of the variance between configurations
MIN_RESIDUALS = 6  # a cell with fewer borrows those of the other cells of its setting
NOISE_FLOOR = 1e-6  # of a component's variance, where there were no repeats


@dataclass(frozen=True, kw_only=True)
class ModelError:
    """How far the model is off where it was not shown the truth; scores from 0 to 1.

    Args:
        num_configurations: that were recorded.
        rmse: of the last epoch's validation score, each configuration left out in turn.
        seed_sd: standard deviation of that score over seeds, by which even a perfect model would be off.
        rank: Spearman's correlation of the scores predicted so and those recorded.
    """

    num_configurations: int
    rmse: float
    seed_sd: float
    rank: float


def residuals_of(recorded: pd.DataFrame) -> NDArray[np.float64]:
    """[R, 2, E]: what its seed added to each curve of the configurations that were recorded with several.

    A mean of n curves lies too close to each of them: the factor sqrt(n / (n - 1)) gives back what it takes away.
    """
    added = []
    for curves in _by_configuration(recorded).values():
        if len(curves) > 1:
            added += list((curves - curves.mean(axis=0)) * np.sqrt(len(curves) / (len(curves) - 1)))
    return np.array(added).reshape(-1, 2, recorded["epoch"].max())


class Surrogate:
    """The curves of one cell.

    Args:
        recorded: its rows of the recording.
        residuals: [R, 2, E], what a seed adds.

    Raises:
        ValueError: the curves differ in length.
    """

    def __init__(self, recorded: pd.DataFrame, residuals: NDArray[np.float64]) -> None:
        curves = _by_configuration(recorded)
        self.num_epochs = int(recorded["epoch"].max())
        self.residuals = residuals
        self._names = [name for name in TUNED if recorded[name].notna().all()]
        # Of a digest of all that the model is made of: another recording is another landscape.
        order = [*self._names, "seed", "epoch"]
        numbers = recorded.sort_values(order)[[*order, "score", "test_score"]].to_numpy(dtype=np.float64)
        self.digest = hashlib.sha256(numbers.tobytes() + residuals.tobytes()).hexdigest()[:16]
        self._points = np.array(list(curves))
        self._low, self._span = self._points.min(axis=0), np.ptp(self._points, axis=0)
        self._span[self._span == 0] = 1.0
        self._means = np.array([each.mean(axis=0).ravel() for each in curves.values()])
        self._num_seeds = np.array([len(each) for each in curves.values()])
        self._fit()
        self._known: dict[tuple[float, ...], Curve] = {}

    def _fit(self) -> None:
        """One Gaussian process per principal component of the configurations' mean curves."""
        self._pca = PCA().fit(self._means)
        enough = 1 + int(np.searchsorted(np.cumsum(self._pca.explained_variance_ratio_), EXPLAINED))
        self._num = min(enough, MAX_COMPONENTS, len(self._means) - 1)
        flat = self.residuals.reshape(-1, 2 * self.num_epochs)
        noises = flat @ self._pca.components_[: self._num].T
        scores = self._pca.transform(self._means)[:, : self._num]
        self._processes, self._units = [], scores.std(axis=0)
        for number in range(self._num):
            noise = float(np.mean(np.square(noises[:, number]))) if len(flat) else 0.0
            share = max(noise / self._units[number] ** 2, NOISE_FLOOR)
            kernel = ConstantKernel(1.0, (1e-2, 1e2)) * Matern(np.full(len(self._names), 0.5), (0.1, 20.0), nu=2.5)
            process = GaussianProcessRegressor(
                kernel, alpha=share / self._num_seeds, n_restarts_optimizer=1, random_state=0
            )
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
        if not len(self.residuals):
            return np.clip(self.mean(params), 0.0, 1.0)
        text = repr((seed, self.point(params)))
        drawn = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") % len(self.residuals)
        return np.clip(self.mean(params) + self.residuals[drawn], 0.0, 1.0)

    def expected(self, params: Mapping[str, float]) -> tuple[float, float]:
        """The best validation score and the test score at that epoch, averaged over all that a seed may add."""
        added = self.residuals if len(self.residuals) else np.zeros((1, 2, self.num_epochs))
        curves = np.clip(self.mean(params) + added, 0.0, 1.0)  # [R, 2, E]
        best = curves[:, 0].argmax(axis=1)
        each = np.arange(len(curves))
        return float(curves[each, 0, best].mean()), float(curves[each, 1, best].mean())

    def point(self, params: Mapping[str, float]) -> tuple[float, ...]:
        """Where a configuration lies: the logarithms of what is tuned, to four digits."""
        return _point({name: params[name] for name in self._names})

    def error(self) -> ModelError:
        """Each configuration left out in turn, the model's scales and components as they are."""
        finals = np.array([self._curve(scores)[0, -1] for scores in self.left_out()])
        recorded = self._means.reshape(-1, 2, self.num_epochs)[:, 0, -1]
        seed_sd = float(np.sqrt(np.mean(np.square(self.residuals[:, 0, -1])))) if len(self.residuals) else 0.0
        return ModelError(
            num_configurations=len(self._points),
            rmse=float(np.sqrt(np.mean(np.square(finals - recorded)))),
            seed_sd=seed_sd,
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


def surrogates(recording: pd.DataFrame) -> dict[tuple[str, str], Surrogate]:
    """A model for each (setting, cell) of the recording."""
    models = {}
    for setting, rows in recording.groupby("setting", sort=True):
        of_setting = np.concatenate([residuals_of(part) for _, part in rows.groupby("cell")])
        for cell, part in rows.groupby("cell", sort=True):
            own = residuals_of(part)
            models[str(setting), str(cell)] = Surrogate(part, own if len(own) >= MIN_RESIDUALS else of_setting)
    return models


def _point(params: Mapping[str, float]) -> tuple[float, ...]:
    floors = {"weight_decay": LEAST_WEIGHT_DECAY}
    return tuple(round(float(np.log10(max(params[name], floors.get(name, 0.0)))), 4) for name in params)


def _by_configuration(recorded: pd.DataFrame) -> dict[tuple[float, ...], NDArray[np.float64]]:
    """Point -> [N, 2, E], a curve for each of its seeds, the points in ascending order."""
    names = [name for name in TUNED if recorded[name].notna().all()]
    num_epochs, curves = recorded["epoch"].max(), {}
    for values, rows in recorded.groupby(names, sort=True):
        parts = [part.sort_values("epoch") for _, part in rows.groupby("seed", sort=True)]
        for part in parts:
            if part["epoch"].tolist() != list(range(1, num_epochs + 1)):
                raise ValueError(
                    f"each curve must have the epochs 1 to {num_epochs} once, but seed {part['seed'].iloc[0]} of "
                    f"{dict(zip(names, values, strict=True))} has {part['epoch'].tolist()}: record it again"
                )
        point = _point(dict(zip(names, values, strict=True)))
        curves[point] = np.stack([part[["score", "test_score"]].to_numpy(dtype=np.float64).T for part in parts])
    return curves
