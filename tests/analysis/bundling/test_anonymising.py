"""What may not be handed on is taken out, or refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.bundling.anonymising import predictions_handed_on, runs_handed_on, text_handed_on

IMAGES = ["0123456789abcdef", "0123456789abcde0"]


def predictions(**columns: object) -> pd.DataFrame:
    frame = pd.DataFrame({"image": IMAGES, "patient": IMAGES, "view": "frontal/lateral", "sex": ["F", ""]})
    return frame.assign(age_years=np.array([40, np.nan], np.float32), grade=np.array([0, 1], np.int8)).assign(**columns)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("/mnt/jane/xrays/my.csv", "my.csv"),
        ('{"images": "/mnt/pacs/2020", "size": 64}', '{"images": "2020", "size": 64}'),
        ("file:" + "///srv/results/artifacts", "artifacts"),
        ("sqlite:////data/results/mlflow.db", "mlflow.db"),
        ("in ~/jane/x.py, line 3", "in x.py, line 3"),
        (r"C:\Users\jane\x.csv", "x.csv"),
        ("https://jane:secret@server.org/a/b", "https://server.org/a/b"),
    ],
)
def test_a_path_is_cut_to_its_last_part(text: str, kept: str) -> None:
    assert text_handed_on(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "attention/imagenet/densenet40/all",
        "L = CE + L_AT / beta (Eq. 2)",
        "1/2",
        "https://a.org/b/c",
        "left/right eyes",
    ],
)
def test_what_is_no_path_stays(text: str) -> None:
    assert text_handed_on(text) == text


def test_a_folder_of_this_machine_may_have_blanks_in_its_name() -> None:
    assert text_handed_on("at /mnt/jane doe/results/x.csv", [Path("/mnt/jane doe")]) == "at results/x.csv"
    assert text_handed_on("at /mnt/jane doe/results/x.csv") == "at jane doe/results/x.csv"  # without it, a name is left
    assert text_handed_on("1 / 2", [Path("/")]) == "1 / 2"


def test_runs_lose_users_machines_and_errors_and_keep_what_analysis_reads() -> None:
    runs = pd.DataFrame(
        {
            "run_id": ["a", "b", "c"],
            "artifact_uri": "/mnt/jane/results/artifacts/a/artifacts",
            "start_time": [1, 2, 3],
            "tags.mlflow.user": "jane",
            "tags.mlflow.parentRunId": [None, "a", "a"],
            "tags.node": [None, "10.0.0.7", "10.0.0.6"],
            "tags.error": "ip=10.0.0.7",
            "tags.settings": '{"data": "/mnt/jane/images"}',
            "metrics.test_auc": [np.nan, 0.5, 0.6],
        }
    )
    kept = runs_handed_on(runs)
    assert list(kept) == [name for name in runs if name not in ("tags.mlflow.user", "tags.error")]
    assert kept["tags.node"].fillna("").tolist() == ["", "machine 2", "machine 1"]
    assert kept["tags.mlflow.parentRunId"].fillna("").tolist() == ["", "a", "a"]
    assert kept["metrics.test_auc"].equals(runs["metrics.test_auc"]) and kept["start_time"].tolist() == [1, 2, 3]
    text = kept.to_csv()
    assert not any(word in text for word in ("jane", "10.0.0", "mnt"))


def test_hashed_predictions_are_handed_on_as_they_are() -> None:
    frame = predictions()
    assert predictions_handed_on(frame, "predictions.parquet") is frame


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"image": ["0123456789abcdef", "00001_002.png"]}, "name no image, only its salted hash, but x.parquet of"),
        ({"patient": ["12345", "0123456789abcdef"]}, "has the patient '12345'"),
        ({"view": ["PA", "/data/jane/1.png"]}, "hold no path, but x.parquet of r has '/data/jane/1.png' in its column"),
    ],
)
def test_a_name_is_refused(columns: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match="bundle must") as error:
        predictions_handed_on(predictions(**columns), "x.parquet of r")
    assert said in str(error.value)


def test_the_oldest_are_ninety() -> None:
    kept = predictions_handed_on(predictions(age_years=np.array([89, 101], np.float32)), "x")
    assert kept["age_years"].tolist() == [89, 90] and kept["age_years"].dtype == np.float32
