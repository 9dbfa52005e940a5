"""The end-to-end benchmark's record resumes and compares neighbours only; both sides get the same task and network."""

from __future__ import annotations

import importlib.util
import json
import os
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
import torch

from platform.sweeping.studies import make_studies
from tests.benchmarks.end_to_end import __main__ as command
from tests.benchmarks.end_to_end import bars, ground, side_record, side_table, sides
from tests.benchmarks.end_to_end.ground import Ground, Task
from tests.benchmarks.end_to_end.sides import PARTS, Figures
from trainables.models.architectures import build

QUESTION: dict[str, Any] = {
    "machine": "a CPU, 2 cores",
    "versions": "Python 3.11",
    "images": "phantoms",
    "num_images": 240,
    "px": 64,
    "kind": "fixed list",
    "num_epochs": 2,
    "num_trials": 2,
    "num_repeats": 1,
    "num_slots": 2,
    "batch_size": 32,
    "num_workers": 0,
    "draft": False,
}
BEGAN = datetime(2026, 1, 2, 3, 0, tzinfo=UTC)


def figures(last_trial_s: float = 40.0) -> Figures:
    parts = dict.fromkeys(PARTS, last_trial_s / len(PARTS))
    return Figures(
        wall_s=last_trial_s + 5,
        last_trial_s=last_trial_s,
        first_epoch_s=20.0,
        cpu_s=2 * last_trial_s,
        peak_mb=3000.0,
        epochs_trained=18,
        attention_epoch_s=last_trial_s / 10,
        transfer_epoch_s=2.0,
        attention_epoch_cpu_s=3.0,
        transfer_epoch_cpu_s=2.0,
        parts=parts,
    )


def row(number: int, side: str, last_trial_s: float, minutes: float = 0.0, **other: Any) -> dict[str, Any]:
    began = BEGAN + timedelta(minutes=minutes)
    return side_record.row_of(figures(last_trial_s), QUESTION | other, (number, side), began, 0.5)


def record_of(path: Path, *rows: dict[str, Any]) -> pd.DataFrame:
    for each in rows:
        side_record.add(path, each)
    return side_record.read(path)


def test_a_ratio_is_of_neighbours_and_its_median_over_rounds(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    record = record_of(
        tmp_path / "new" / "record.csv",
        row(1, "ours", 30),
        row(1, "theirs", 100, 2),
        row(2, "theirs", 100, 5),
        row(2, "ours", 50, 8),
        row(3, "ours", 35, 10),
        row(3, "theirs", 100, 12),
        row(4, "ours", 1, 20),
    )
    table = side_table.compared(record)
    assert table.loc["command to the last trial's end, s"].tolist() == [35, 100, pytest.approx(0.35)]
    assert side_table.parts(record).sum().tolist() == pytest.approx([35, 100], rel=1e-4)  # the file has six digits
    less = record.assign(student_part_s=0.0)
    assert b"<!-- 35 s -->" in bars.picture(less), "the picture has the table's total, whatever the parts add up to"
    side_table.show(record)
    printed = capsys.readouterr().out
    assert "n = 3" in printed
    assert "=> a whole ablation against the public stack: 64 px | at most 0.4 x | 0.35 x | met" in printed
    assert "=> an epoch of attention transfer in it: 64 px | at most 0.65 x | 0.35 x | met" in printed


def test_a_comparison_by_other_rules_is_shown_and_not_judged(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    both = row(1, "ours", 30, draft=True), row(1, "theirs", 100, 2, draft=True)
    side_table.show(record_of(tmp_path / "record.csv", *both))
    printed = capsys.readouterr().out
    assert "theirs with reduced decoding, n = 1" in printed and "0.30" in printed and "=>" not in printed


def test_a_missing_side_gives_no_ratio(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    record = record_of(tmp_path / "record.csv", row(1, "ours", 30))
    assert side_table.compared(record).empty
    side_table.show(record)
    printed = capsys.readouterr().out
    assert "no round has both sides yet" in printed and "=>" not in printed
    with pytest.raises(ValueError, match="a picture needs a round with both sides"):
        bars.picture(record)


@pytest.mark.parametrize("other", [{"px": 128}, {"versions": "Python 3.12"}, {"kind": "each its own search"}])
def test_runs_that_answer_other_questions_are_not_compared(tmp_path: Path, other: dict[str, Any]) -> None:
    record = record_of(tmp_path / "record.csv", row(1, "ours", 30), row(1, "theirs", 100, 2, **other))
    assert [side_table.compared(answers).empty for _, answers in side_table.questions(record)] == [True, True]
    assert len(side_record.of_question(record, QUESTION)) == 1


def test_the_sides_take_turns_and_a_run_left_alone_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "record.csv"
    assert side_record.next_run(side_record.read(path), 2, BEGAN) == (1, "ours")
    record = record_of(path, row(1, "ours", 30))
    assert side_record.next_run(record, 2, BEGAN + timedelta(minutes=5)) == (1, "theirs")
    assert side_record.next_run(record, 2, BEGAN + timedelta(hours=5)) == (2, "theirs")
    late = record_of(path, row(1, "theirs", 100, 300))
    assert side_table.compared(late).empty
    record = record_of(path, row(2, "theirs", 100, 310), row(2, "ours", 30, 312))
    assert len(list(side_record.rounds(record))) == 1
    assert side_record.next_run(record, 1, BEGAN + timedelta(hours=9)) is None
    assert side_record.next_run(record, 2, BEGAN + timedelta(hours=9)) == (3, "ours")


def test_the_command_runs_only_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[tuple[str, int]] = []

    def run(side: str, task: Task, of: Ground, folder: Path) -> Figures:
        runs.append((side, task.px))
        return figures(10 if side == "ours" else 20)

    monkeypatch.setattr(command, "run", run)
    monkeypatch.setattr(command, "lay_out", lambda folder, data, patients: Ground(folder, folder))
    monkeypatch.setattr(command, "split_counts", lambda of: {"train": 3})
    arguments = ["--work", str(tmp_path), "--record", str(tmp_path / "record.csv"), "--data", str(tmp_path)]
    assert command.main([*arguments, "--minutes", "1"]) == os.EX_TEMPFAIL
    assert runs == [], "a run may take two minutes as long as nobody knows better"
    assert command.main(arguments) == 0
    assert runs == [("ours", 64), ("theirs", 64), ("ours", 128), ("theirs", 128)]
    command.main([*arguments, "--picture", str(tmp_path / "picture.svg")])
    assert len(runs) == 4
    command.main([*arguments, "--rounds", "2", "--sizes", "64"])
    assert runs[4:] == [("theirs", 64), ("ours", 64)]
    command.main([*arguments, "--more", "--sizes", "64"])
    assert runs[6:] == [("ours", 64), ("theirs", 64)]
    text = (tmp_path / "picture.svg").read_text()
    assert text.startswith("<?xml") and "64 px, 3 photographs" in text and "128 px, 3 photographs" in text


def test_the_fixed_list_does_not_depend_on_scores() -> None:
    task = Task(px=64, num_epochs=1, num_trials=6)
    fixed = iter(ground.points(task))
    studies = make_studies(ground.space(), "optuna", task.num_trials, ground.SEED, searcher=ground.FIXED_SEARCHER)
    for number, study in enumerate(studies):
        for trial in range(task.num_trials):
            of, params = study.ask()
            study.tell(of, 0.1 * (number + trial) % 0.3)
            point = next(fixed)
            assert point["cell"] == study.name and {name: point[name] for name in params} == params


def test_our_epochs_have_their_own_seconds_of_the_teacher(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        database.execute("create table tags (run_uuid, key, value)")
        database.execute("create table metrics (run_uuid, step, key, value, timestamp)")
        database.executemany("insert into tags values (?, 'cell', ?)", [("a", "attention/x"), ("b", "transfer/none")])
        rows = [
            *(("a", 1, "epoch_s", 19.0, 5), ("a", 1, "images_per_s", 10.0, 5), ("a", 1, "cost/teacher_s", 3.0, 5)),
            *(("a", 1, "cost/cpu_s", 8.0, 5), ("a", 2, "cost/cpu_s", 14.0, 9), ("b", 1, "cost/cpu_s", 4.0, 4)),
            *(("a", 2, "epoch_s", 12.0, 9), ("a", 2, "images_per_s", 10.0, 9), ("a", 2, "cost/teacher_s", 4.0, 9)),
            *(("b", 1, "epoch_s", 21.0, 4), ("b", 1, "images_per_s", 20.0, 4), ("b", 1, "val_auc", 0.5, 4)),
        ]
        database.executemany("insert into metrics values (?, ?, ?, ?, ?)", rows)
    epochs = sides.our_epochs(tmp_path, num_images=100, num_slots=2)
    assert epochs["cell"].tolist() == ["transfer/none", "attention/x", "attention/x"]
    assert epochs["training"].tolist() == [5, 10, 10] and epochs["cpu"].tolist() == [4, 8, 6]
    assert epochs["teacher"].tolist() == [0, 3, 1] and epochs["student"].tolist() == [5, 7, 9]
    assert epochs["validation"].tolist() == [2, 2, 2], "Python's imports are in the first epoch's rest"


def test_their_decoding_is_counted_once() -> None:
    timings = [
        {
            "cell": "a",
            "epoch": 1,
            "cpu": 4,
            "training": 9,
            "pictures_train": 4,
            "validation": 3,
            "pictures_validation": 2,
        },
        {"cell": "a", "epoch": 0, "saving": 0.5, "cpu": 1},
        {
            "cell": "a",
            "epoch": 2,
            "cpu": 4,
            "training": 9,
            "pictures_train": 4,
            "validation": 3,
            "pictures_validation": 2,
        }
        | {"test": 2, "pictures_test": 1.5},
        {"cell": "a", "epoch": 0, "saving": 0.5, "cpu": 1},
    ]
    epochs = sides.their_epochs(pd.DataFrame(timings).fillna(0.0))
    assert epochs["pictures"].tolist() == [6, 7.5]
    assert epochs["validation"].tolist() == [1.5, 2.0]
    assert epochs["cpu"].tolist() == [5, 5], "the two of saving are theirs as well"


def test_both_sides_train_the_same_network(peer_student: ModuleType) -> None:
    torch.manual_seed(0)
    ours, theirs = build("densenet40", 5).eval(), peer_student.DenseNet40(5).eval()
    theirs.load_state_dict(ours.state_dict())
    views = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(theirs(views), ours(views))


def test_the_peers_see_the_same_split(tmp_path: Path, peer_student: ModuleType) -> None:
    laid = ground.lay_out(tmp_path / "ground", None, num_patients=4)
    task = Task(px=32, num_epochs=1, num_trials=2)
    settings = ground.their_settings(task, laid, tmp_path)
    assert json.loads(json.dumps(settings)) == settings
    counts = ground.split_counts(laid)
    loaders = peer_student.loaders(settings["settings"])
    assert {split: len(loader.dataset) for split, loader in loaders.items()} == counts and sum(counts.values()) == 8
    images, labels = next(iter(loaders["train"]))
    assert images.shape == (counts["train"], 3, 32, 32) and labels.shape == (counts["train"],)


@pytest.fixture
def peer_student() -> ModuleType:
    """The peers' module, which is a program of its own."""
    pytest.importorskip("torchdistill", reason="the extra `peers` is not installed")
    path = sides.FOLDER / "peer_student.py"
    spec = importlib.util.spec_from_file_location("peer_student", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
