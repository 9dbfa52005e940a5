"""The recording's command on a tiny setting, and the recorded file against its design."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from platform.sources.places import Places
from search_spaces.space import Space
from tests.benchmarks import record
from tests.benchmarks.recording import card, pieces, session, sources
from tests.benchmarks.recording.curve import job_of
from tests.benchmarks.recording.design import HELD_OUT, KNOBS, SETTINGS, Setting, in_order, points_of, ranges_of
from tests.benchmarks.recording.landscape import is_met, landscape
from tests.benchmarks.recording.pieces import COLUMNS, OF_A_CURVE
from tests.benchmarks.recording.recorded import RECORDED, load
from tests.benchmarks.recording.sources import place_of
from trainables.cell import Cell
from trainables.data.store import Store
from trainables.models.architectures import build
from trainables.teachers import shelf

NAME = "phantom-tiny"
NUM_CURVES = 2


@pytest.fixture
def setting(tiny: str, monkeypatch: pytest.MonkeyPatch) -> Setting:
    """Two curves of two epochs on a few phantoms: one with a teacher, and one without."""
    cells = (f"attention/wise/{tiny}/all@from-random", f"transfer/none/{tiny}/all@from-random")
    knobs: dict[str, Any] = {**KNOBS, "max_epochs": 2, "image_size_px": 32, "average_labels": "defined"}
    small = Setting(
        name=NAME,
        dataset="retina",
        space=Space(dataset="retina"),
        cells=cells,
        phantom_size=12,
        validation_share=0.3,
        pretraining=(),
        knobs=knobs,
    )
    monkeypatch.setattr(record, "SETTINGS", {NAME: small})
    firsts = [points_of(small, cell)["grid"][0] for cell in cells]
    monkeypatch.setattr(session, "in_order", lambda settings: iter(firsts))
    monkeypatch.setattr(card, "in_order", lambda settings: iter(firsts))
    return small


@pytest.fixture
def work(tmp_path: Path, tiny: str) -> Path:
    """A working folder that has the teacher already."""
    give_teacher(tmp_path, tiny, seed=0)
    return tmp_path


def give_teacher(work: Path, network: str, *, seed: int, name: str = "wise", **more: Any) -> None:
    torch.manual_seed(seed)
    folder = Places.under(work / "results").teachers(phantom=True, image_size_px=32)
    facts: dict[str, Any] = {"task": "multilabel", "label_names": ("a", "b"), "source": "drawn", "is_phantom": True}
    shelf.save(folder, build(network, 2).state_dict(), name=name, architecture=network, **facts, **more)


def recorded(work: Path, out: str, *options: str) -> pd.DataFrame:
    arguments = ["--processes", "1", "--work", str(work), "--out", str(work / out), *options]
    assert record.main(arguments) == 0
    return load(work / out)


def numbers(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """All but the seconds, which differ from run to run; without a teacher, beta is None."""
    kept = frame.drop(columns="seconds").astype({"beta": object})
    return kept.where(kept.notna(), None).sort_values(["cell", "epoch"]).to_dict("records")


def test_a_recording_in_pieces_is_the_one_in_one_go(
    setting: Setting, work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patched:
        # The time at the start, and before each curve: it is up when the second would begin.
        times = iter([0.0, 0.0, 61.0])
        patched.setattr("tests.benchmarks.record.time.monotonic", lambda: next(times))
        first = recorded(work, "pieces.parquet", "--minutes", "1")
    assert len(first) == setting.num_epochs
    assert "1 curves" in capsys.readouterr().out
    (piece,) = (work / session.PIECES).glob("*.json")
    written = piece.stat().st_mtime_ns
    second = recorded(work, "pieces.parquet")
    assert piece.stat().st_mtime_ns == written, "a finished curve is trained again"

    shutil.rmtree(work / session.PIECES)
    whole = recorded(work, "whole.parquet")
    assert numbers(second) == numbers(whole)
    assert list(whole.columns) == list(COLUMNS)
    assert sorted(whole["epoch"]) == [1, 1, 2, 2]
    assert (
        whole["score"].between(0, 1).all() and whole["test_score"].between(0, 1).all() and whole["seconds"].gt(0).all()
    )
    assert "2 curves of the 2" in (work / session.CARD).read_text()


def test_a_curve_is_what_a_trial_of_a_sweep_reports(setting: Setting, work: Path) -> None:
    curves = recorded(work, "curves.parquet")
    place = place_of(setting, work, None)
    for cell in setting.cells:
        curve = curves[curves["cell"] == cell].sort_values("epoch")
        job = job_of(setting, points_of(setting, cell)["grid"][0], place)
        spec = replace(job.spec, config=replace(job.spec.config, phase="confirm"))
        results = list(replace(job, spec=spec, folder=str(work / "trial")).run())
        assert curve["score"].tolist() == [result.metrics["score"] for result in results]
        of_best = curve.set_index("epoch")["test_score"][results[-1].best_epoch]
        assert of_best == results[-1].metrics["test_auc"] != curve["score"].max()
        shutil.rmtree(work / "trial")


def test_curves_of_other_teachers_are_not_mixed(setting: Setting, work: Path, tiny: str) -> None:
    recorded(work, "curves.parquet")
    give_teacher(work, tiny, seed=1)
    with pytest.raises(pieces.OtherSourcesError, match="phantom-tiny"):
        recorded(work, "curves.parquet")


def test_a_teacher_that_saw_another_split_is_trained_again(
    setting: Setting, work: Path, tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[str] = []
    monkeypatch.setattr(sources, "_make_teacher", lambda name, *_: trained.append(name))
    own = replace(setting, cells=(f"attention/retina/{tiny}/all@from-random",))
    store = Store.open(Path(place_of(own, work, None).store))
    assert trained.pop() == "retina"
    give_teacher(work, tiny, seed=0, name="retina", seen={"split_fingerprint": "another"})
    place_of(own, work, None)
    assert trained.pop() == "retina"
    give_teacher(work, tiny, seed=0, name="retina", seen={"split_fingerprint": store.split_fingerprint})
    place_of(own, work, None)
    assert trained == []


def test_the_file_alone_is_enough_to_continue(setting: Setting, work: Path) -> None:
    before = recorded(work, "curves.parquet")
    shutil.rmtree(work / session.PIECES)
    after = recorded(work, "curves.parquet")
    assert not (work / session.PIECES).exists(), "a recorded curve is trained again"
    pd.testing.assert_frame_equal(before, after)


def test_nothing_begins_while_the_file_of_that_name_is_there(setting: Setting, work: Path) -> None:
    (work / "hold").touch()
    assert (
        record.main(["--processes", "1", "--work", str(work), "--out", str(work / "a"), "--hold", str(work / "hold")])
        == 0
    )
    assert not (work / "a").exists()


def rounded(identity: tuple[Any, ...]) -> tuple[Any, ...]:
    """Without the last bits of a logarithmic grid, in which processors differ."""
    return tuple(float(f"{value:.12g}") if isinstance(value, float) else value for value in identity)


def test_the_recorded_file_is_the_designs() -> None:
    curves = load()
    points = {rounded(point.identity): point for point in in_order(SETTINGS)}
    assert list(curves.columns) == list(COLUMNS)
    recorded_points = set()
    for curve, rows in curves.groupby([*OF_A_CURVE, "design"], dropna=False):
        identity = rounded(tuple(None if value != value else value for value in curve[:-1]))
        point = points[identity]
        assert point.design == curve[-1]
        assert rows["epoch"].tolist() == list(range(1, SETTINGS[point.setting].num_epochs + 1)), point
        recorded_points.add(identity)
    assert curves["score"].between(0, 1).all() and curves["test_score"].between(0, 1).all()
    assert (curves["seconds"] > 0).all()
    facts = pieces.facts_of(RECORDED)
    assert (RECORDED.with_name(session.CARD)).read_text() == card.card(curves, facts, SETTINGS)


def test_the_recording_is_complete() -> None:
    facts = pieces.facts_of(RECORDED)
    num_planned = sum(1 for _ in in_order(SETTINGS))
    if facts["num_curves"] < num_planned:
        pytest.skip(f"{facts['num_curves']} of {num_planned} curves are recorded: run tests.benchmarks.record again")
    assert len(load().drop_duplicates(OF_A_CURVE)) >= 300


def test_the_held_out_cells_are_a_third_of_the_design() -> None:
    pairs = {(setting.name, cell) for setting in SETTINGS.values() for cell in setting.cells}
    assert pairs > HELD_OUT and 3 * len(HELD_OUT) == len(pairs)
    assert {name for name, _ in HELD_OUT} == set(SETTINGS)
    assert {Cell.parse(cell).student for _, cell in HELD_OUT} == {"densenet40", "densenet121"}


def test_the_points_of_a_cell_lie_in_its_ranges_and_no_two_are_one() -> None:
    every = list(in_order(SETTINGS))
    assert len({point.identity for point in every}) == len(every) >= 300
    for setting in SETTINGS.values():
        for cell in setting.cells:
            ranges = ranges_of(setting).ranges(Cell.parse(cell))
            for point in points_of(setting, cell)["fill"]:
                assert all(of.low <= getattr(point, name) <= of.high for name, of in ranges.items())


def test_the_fills_with_the_lowest_and_the_highest_learning_rate_are_repeated_where_there_is_a_teacher() -> None:
    for setting in SETTINGS.values():
        for cell in setting.cells:
            points = points_of(setting, cell)
            rates = sorted(point.learning_rate for point in points["fill"])
            again = [(point.learning_rate, point.seed) for point in points["repeated fill"]]
            ends = [rates[0], rates[-1]] if Cell.parse(cell).teacher != "none" else []
            assert again == [(rate, seed) for seed in (1, 2) for rate in ends]
            assert {replace(point, design="fill", seed=0) for point in points["repeated fill"]} <= set(points["fill"])


def curves_of(scores: dict[tuple[str, float, int], list[float]]) -> pd.DataFrame:
    rows = [
        {"setting": "s", "cell": "c", "design": design, "beta": beta, "seed": seed, "epoch": number + 1, "score": score}
        for (design, beta, seed), curve in scores.items()
        for number, score in enumerate(curve)
    ]
    return pd.DataFrame(rows)


def test_a_landscape_by_hand() -> None:
    scores = {
        ("grid", 1.0, 0): [0.9, 0.7],
        ("repeat", 1.0, 1): [0.9, 0.8],
        ("grid", 20.0, 0): [0.9, 0.95],
        ("grid", 2000.0, 0): [0.9, 0.5],
        ("repeat", 2000.0, 1): [0.9, 0.6],
        ("fill", 1.0, 0): [0.9, 0.1],  # another learning rate: no point of the grid
        ("repeated fill", 1.0, 1): [0.9, 0.1],
    }
    table = landscape(curves_of(scores)).set_index("summary")
    last = table.loc["last epoch"]
    assert (last["best_beta"], last["worst_beta"]) == (20, 2000)
    assert last["grid_difference"] == pytest.approx(0.45)
    assert (last["better_beta"], last["worse_beta"]) == (1, 2000)  # 20 has one seed
    assert last["difference"] == pytest.approx(0.2)
    assert last["seed_sd"] == pytest.approx(0.1 / 2**0.5)
    assert last["ratio"] == pytest.approx(2 * 2**0.5)
    assert last["is_interesting"] and not table.loc["best epoch", "is_interesting"]
    assert is_met(table.reset_index())
    flat = {key: [0.9, 0.9 + 0.01 * key[2]] for key in scores}
    assert not is_met(landscape(curves_of(flat)))
