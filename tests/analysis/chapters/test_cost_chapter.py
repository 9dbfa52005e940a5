"""The chapter on costs: what it says of a measured sweep, of an old one, and of one whose teacher was trained here."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from analysis.chapters import cost
from analysis.pages.chapter import Chapter
from analysis.pages.evidence import Evidence
from analysis.reading.teacher_costs import EXPERIMENT, MADE
from analysis.reading.trials import runs

TAUGHT: dict[str, Any] = {"method": "attention", "teacher": "wise", "beta": 5.0}
SHARED: dict[str, Any] = {"student": "densenet40", "init": "random", "max_epochs": 4}
PLAIN, GUIDED = "transfer/none/densenet40/all@from-random", "attention/wise/densenet40/all@from-random"


def measured(seconds: float, **more: float) -> dict[str, list[float]]:
    """Of an epoch."""
    costs = {"gpu_s": 0.0, "cpu_s": 2 * seconds, "measured_wh": 0.0, "estimated_wh": seconds, "host_bytes": 1e9, **more}
    return {"epoch_s": [seconds], **{f"cost_{name}": [value] for name, value in costs.items()}}


@pytest.fixture
def swept(store: Any) -> Any:
    """Each cell was searched once, stopped after the first of four epochs, and confirmed."""
    parent = store.sweep(label_names='["a", "b"]')
    machine = {"tags": {"hardware": "a fast one", "teacher_fingerprint": "f"}}
    for phase in ("search", "confirm"):
        store.trial(parent, phase=phase, curve=measured(60.0), **SHARED, **machine)
        work = {"teacher_views": 100.0, "teacher_s": 20.0, "cached_views": 30.0}
        store.trial(parent, phase=phase, curve=measured(120.0, **work), **SHARED, **TAUGHT, **machine)
    return store


def chapter_of(store: Any, **facts: Any) -> Chapter:
    return cost.chapter(Evidence(runs=runs(store.uri, "retina"), **facts))


def test_a_measured_sweep_in_words(swept: Any) -> None:
    chapter = chapter_of(swept)
    assert list(chapter.sentences) == [
        "4 trials held their machines for 6.0 min in all.",
        f"Energy: 0.36 kWh estimated. {cost.ESTIMATED}",  # 60 + 120 + 60 + 120 Wh
        "Early stopping ended 2 of 2 trials of the search: 6 of 8 epochs were not trained, which would have taken "
        "9.0 min.",  # 3 of 60 s and 3 of 120 s
        "The knowledge cache answered 60 of 260 views in the teacher's place, which saved 12.0 s.",
        "What the training of the wise teacher cost is not recorded here, and is in no number of this chapter.",
    ]
    assert [table.name for table in chapter.tables] == ["cost", "cost_saved", "cost_students"]
    assert chapter.tables[2].frame["hardware"].tolist() == ["a fast one"]


def test_the_figure_has_the_scores_that_the_report_has(swept: Any) -> None:
    variance = pd.DataFrame({"cell": [PLAIN, GUIDED], "auc": [0.7, 0.8], "low": 0.6, "high": 0.9, "n": 1})
    (picture,) = chapter_of(swept, variance=variance).pictures
    assert picture.frame[["cell", "seconds", "auc"]].to_numpy().tolist() == [[PLAIN, 60, 70], [GUIDED, 120, 80]]


def test_a_gpus_time_and_energy_are_said_to_be_measured(store: Any) -> None:
    store.trial(store.sweep(), curve=measured(60.0, gpu_s=30.0, measured_wh=2000.0), **SHARED)
    first, second = list(chapter_of(store).sentences)[:2]
    assert first == "1 trial held its machine for 60.0 s in all, or 30.0 s of a GPU."
    assert second.startswith("Energy: 2 kWh measured and 60 Wh estimated.")


def test_a_teacher_that_was_trained_here_has_a_cost_of_its_own(swept: Any) -> None:
    training = swept.sweep(EXPERIMENT, "teacher-wise", **{MADE: "f"})
    swept.parents[training].data.tags["dataset"] = "retina"
    swept.trial(training, phase="pretrain", curve=measured(7_200.0))
    (sentence,) = [text for text in chapter_of(swept).sentences if text.startswith("The wise teacher")]
    assert sentence.startswith("The wise teacher was trained here, which took 2.0 h; 7.2 kWh estimated; students that")


def test_old_runs_have_times_and_a_sentence(store: Any) -> None:
    store.trial(store.sweep(), curve={"epoch_s": [4.0]}, **SHARED)
    chapter = chapter_of(store)
    assert "Memory and energy are missing where a trial was recorded before they were measured" in chapter.sentences[1]
    assert chapter.tables[0].head == [["cell", "phase", "trials", "epochs", "time"]]


def test_energy_that_nothing_is_known_of_is_not_given(store: Any) -> None:
    curve = {name: values for name, values in measured(60.0).items() if name != "cost_estimated_wh"}
    store.trial(store.sweep(), curve=curve, **SHARED)
    sentences = list(chapter_of(store).sentences)
    assert sentences[1].startswith("The energy is not known")
    assert not [text for text in sentences if "Wh " in text]


def test_trials_that_failed_are_named_with_their_time(swept: Any) -> None:
    parent = next(iter(swept.parents))
    swept.trial(parent, status="FAILED", phase="search", curve={"epoch_s": [50.0]}, seed=9, **SHARED)
    other = swept.sweep(name="another")
    swept.trial(other, status="FAILED", phase="search", curve={"epoch_s": [999.0]}, seed=8, **SHARED)
    (sentence,) = [text for text in chapter_of(swept).sentences if text.startswith("Another")]
    assert sentence == (
        "Another 50.0 s went into 1 trial of these sweeps that no table counts: failed, unfinished, or replaced by a "
        "later search."
    )
