"""A trial's record: what it is called, and what it has scored."""

from __future__ import annotations

import pytest

from platform.sweeping.records import TrialRecord
from platform.sweeping.redraws import FOLD
from trainables.config import TrialConfig
from trainables.trial import TrialSpec


def record(phase: str, drawn: str = "", fold: int = 0) -> TrialRecord:
    folds = {"fold": fold, "num_folds": 5} if fold else {}
    config = TrialConfig.from_dict({"dataset": "retina", "method": "transfer", "phase": phase, **folds})
    return TrialRecord(
        spec=TrialSpec(config=config, data_fingerprint="d", split_fingerprint="s"), study="", number=1, drawn=drawn
    )


@pytest.mark.parametrize(
    ("of", "title"),
    [
        (record("search"), "trial 2"),
        (record("search", fold=3), "fold 3, trial 2"),
        (record("confirm", drawn="seed"), "repeat 1"),
        (record("confirm", drawn="split"), "repeat 1 (new split)"),
        (record("confirm", drawn=FOLD, fold=3), "fold 3, repeat 1"),
    ],
)
def test_a_trial_is_called_as_people_count(of: TrialRecord, title: str) -> None:
    assert of.title == title


def test_a_score_is_the_best_of_an_unfailed_trial() -> None:
    trial = record("search")
    assert trial.score is None
    trial.best_scores = [0.5, 0.7]
    assert trial.score == 0.7
    trial.status = "FAILED"
    assert trial.score is None
