"""The operating points that `predict` writes beside its probabilities: those of the run's own validation images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import platform.predict
from analysis.reading.chosen import chosen
from analysis.reading.student_facts import StudentFacts
from analysis.stats.thresholds import Rule, threshold
from platform.predicting import operating_columns
from tests.drawn_predictions import of_labels
from tests.recorded_student import record
from tests.tiny_network import NAME

pytestmark = pytest.mark.slow

CELL = f"transfer/none/{NAME}/all"


@pytest.fixture(scope="module")
def recorded(tiny: str, empty_mlflow: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return record(tmp_path_factory.mktemp("results"), tiny, empty_mlflow)


def predict(recorded: dict[str, Any], pictures: Path, out: Path, *flags: str, run: str = CELL) -> int:
    where = ["--results", str(recorded["folder"]), "--tracking-uri", recorded["uri"], "--dataset", "retina"]
    return platform.predict.main([run, str(pictures), *where, "--out", str(out), *flags])


def referable(predictions: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Score and truth of a `predictions.parquet` of grades."""
    names = ["Moderate", "Severe", "Proliferative_DR"]
    score = predictions[[f"probability_{name}" for name in names]].to_numpy(np.float64).sum(axis=1)
    return score.astype(np.float32), predictions["grade"].to_numpy() >= 2


@pytest.mark.parametrize(
    ("flags", "rule"),
    [
        ([], Rule(kind="youden")),
        (["--sensitivity", "0.8"], Rule(kind="sensitivity", level=0.8)),
        (["--specificity", "0.6"], Rule(kind="specificity", level=0.6)),
    ],
)
def test_the_operating_point_is_that_of_the_runs_validation_images(
    recorded: dict[str, Any], tmp_path: Path, flags: list[str], rule: Rule
) -> None:
    assert predict(recorded, recorded["root"], tmp_path / "p.csv", *flags) == 0
    frame = pd.read_csv(tmp_path / "p.csv")
    own = pd.read_parquet(recorded["folder"] / "trials" / "one" / "predictions.parquet")
    wanted = threshold(*referable(own[own["split"] == "validation"]), rule)
    assert wanted is not None
    assert frame["operating_point_referable"].tolist() == pytest.approx([wanted] * len(frame))
    assert set(frame["operating_point_rule"]) == {f"{rule.title} on validation images"}
    columns = [f"probability_{name}" for name in ("Moderate", "Severe", "Proliferative DR")]
    score = frame[columns].to_numpy(np.float32).astype(np.float64).sum(axis=1).astype(np.float32)
    assert frame["above_referable"].tolist() == (score >= np.float32(wanted)).astype(int).tolist()
    assert frame["above_referable"].nunique() == 2


def test_without_validation_predictions_the_fields_are_empty_and_a_note_says_so(
    recorded: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operating_columns, "load", lambda *_: None)
    assert predict(recorded, recorded["root"], tmp_path / "p.csv") == 0
    frame = pd.read_csv(tmp_path / "p.csv")
    assert frame[["operating_point_referable", "above_referable"]].isna().all(axis=None)
    assert (
        frame["note"].str.endswith(operating_columns.GONE).all() and operating_columns.GONE in capsys.readouterr().out
    )


def test_a_label_without_a_threshold_is_named_and_the_others_have_theirs(
    recorded: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    validated = of_labels(0)
    negative = validated.positive_NL.copy()
    negative[:, 1] = False
    monkeypatch.setattr(operating_columns, "load", lambda *_: replace(validated, positive_NL=negative))
    choice = chosen(recorded["uri"], CELL, "retina", None)
    facts = StudentFacts(
        architecture="x", task="multilabel", label_names=("Edema", "Mass"), image_size_px=32, channels=1,
        precision="float32",
    )  # fmt: skip
    points = operating_columns.operating_columns(choice, facts, Rule(kind="youden"))
    at = threshold(validated.probabilities_NL[:, 0], validated.positive_NL[:, 0], Rule(kind="youden"))
    assert at is not None
    assert points.heads[1:] == [f"{kind}_{name}" for name in ("Edema", "Mass") for kind in ("operating_point", "above")]
    fields = points.fields(np.array([at, 0.9], np.float32))
    assert fields == ["Youden's index on validation images", f"{at:.9g}", "1", "", ""]
    below = np.nextafter(np.float32(at), np.float32(0))
    assert points.fields(np.array([below, 0.9], np.float32))[2] == "0"
    assert points.note == "no operating point of Mass: the validation images are all of one class"


def test_two_wanted_levels_are_refused(
    recorded: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for flags, message in (
        (["--sensitivity", "0.9", "--specificity", "0.9"], "leave out one of the two"),
        (["--sensitivity", "90"], "must be a number between 0 and 1, such as 0.9, but got 90"),
    ):
        with pytest.raises(SystemExit):
            predict(recorded, recorded["root"], tmp_path / "p.csv", *flags)
        assert message in capsys.readouterr().err
