"""The whole command on phantoms: page, tables, pictures, what is not shown, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from analysis import attention_maps
from analysis.attention import pointing
from analysis.attention.boxes_at_hand import boxes_at_hand
from analysis.attention.explanation import explain
from analysis.attention.observations import Choice
from analysis.probes import networks
from analysis.reading import artifacts
from analysis.reading.trials import Runs, runs
from platform.phantoms.nih_writer import write_chestxray8
from platform.phantoms.writers import write_retina
from tests import tiny_network
from trainables.data.readers import chestxray8, retina
from trainables.data.store import Store
from trainables.data.store_making import prepare
from trainables.models.architectures import build
from trainables.teachers import shelf

pytestmark = pytest.mark.slow

SALT = b"salt"
STUDENT = tiny_network.NAME
CELL = f"attention/mimic-cxr/{STUDENT}/all@from-mimic-cxr"


@pytest.fixture(scope="module")
def results(tiny: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder: phantom X-rays and photographs of 64 px, and the teacher `mimic-cxr` of random weights."""
    folder = tmp_path_factory.mktemp("results")
    (folder / "salt").write_bytes(SALT)
    chest, fundus = folder / "phantoms" / "60" / "chestxray8", folder / "phantoms" / "14" / "retina"
    write_chestxray8(chest, num_images=60, image_size_px=96, seed=0, progress=False)
    write_retina(fundus, num_patients=14, image_size_px=64, seed=0, progress=False)
    for listing in (chestxray8.read(chest), retina.read(fundus)):
        out = folder / "stores" / f"{listing.dataset}.arrow"
        prepare(listing, out, image_size_px=64, salt=SALT, progress=False)
    torch.manual_seed(0)
    labels = ("Cardiomegaly", "Pleural Effusion")
    facts: dict[str, Any] = {"architecture": STUDENT, "task": "multilabel", "label_names": labels, "source": "drawn"}
    weights = build(STUDENT, len(labels)).state_dict()
    shelf.save(folder / "teachers" / "x", weights, name="mimic-cxr", is_phantom=True, **facts)
    return folder


def store_of(results: Path, dataset: str = "chestxray8") -> Store:
    return Store.open(results / "stores" / f"{dataset}.arrow")


def confirmed(store: Any, results: Path, folder: Path, dataset: str, *, has_weights: bool = True) -> Runs:
    """One attention cell with a teacher, and one from random weights without; confirmed once each."""
    data = store_of(results, dataset)
    teacher = shelf.load(results / "teachers" / "x", "mimic-cxr")
    parent = store.sweep(dataset=dataset, data="phantom")
    with_teacher = {"method": "attention", "teacher": "mimic-cxr", "beta": 3.0, "init": "mimic-cxr"}
    for config in (with_teacher, {"init": "random"}):
        tags = {"teacher_fingerprint": teacher.fingerprint, "init_fingerprint": teacher.fingerprint}
        run_id = store.trial(
            parent, metrics={"test_auc": 0.6}, data_fingerprint=data.fingerprint, tags=tags, student=STUDENT, **config
        )
        if has_weights:
            torch.manual_seed(9)
            save_file(dict(build(STUDENT, len(data.label_names)).state_dict()), folder / "best-00002.safetensors")
            store.client.log_artifact(run_id, str(folder / "best-00002.safetensors"), "model")
    return runs(store.uri, dataset)


@pytest.fixture(scope="module")
def recorded(new_store: Callable[[Path], Any], results: Path, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    folder = tmp_path_factory.mktemp("recorded")
    return confirmed(new_store(folder), results, folder, "chestxray8")


def command(recorded: Runs, results: Path, out: Path, *more: str) -> list[str]:
    return ["chestxray8", "--tracking-uri", recorded.tracking_uri, "--results", str(results), "--out", str(out), *more]


def test_the_command_writes_a_page_and_prints_the_tables(
    recorded: Runs, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert attention_maps.main(command(recorded, results, tmp_path / "out", "--num-images", "1")) == 0
    printed = capsys.readouterr().out
    out = tmp_path / "out" / "chestxray8" / "attention_maps"
    assert printed.splitlines()[-1] == str(out / "index.html")
    for word in ("centre prior", "ceiling", "2 x 2 cells per map, each 32 px wide", "PHANTOM DATA", "Grad-CAM"):
        assert word in printed
    page = (out / "index.html").read_text()
    assert page.count("data:image/svg+xml;base64,") == 2 and "<h3>Pointing game on chestxray8</h3>" in page
    pointed = pd.read_csv(out / "tables" / "chestxray8_pointing_game.csv")
    assert set(pointed["data"]) == {"phantom"}
    points = pd.read_csv(out / "figures" / "chestxray8_attention_maps_1.csv")
    assert points["row"].nunique() == 1 and len(points) == 5  # an image has five maps
    again = tmp_path / "again"
    assert attention_maps.main(command(recorded, results, again, "--num-images", "1")) == 0
    assert (again / "chestxray8" / "attention_maps" / "index.html").read_bytes() == (out / "index.html").read_bytes()


@pytest.mark.usefixtures("svg_alone")
def test_rates_are_those_of_the_maps_recounted(recorded: Runs, results: Path) -> None:
    data = store_of(results)
    explanation = explain(recorded, results, None, Choice(num_images=1))
    assert [table.name for table in explanation.tables] == ["pointing_game", "attention_and_labels"]
    frame = explanation.tables[0].frame
    boxes = boxes_at_hand(data, results, None).frame
    boxes = boxes[boxes["row"].isin(data.rows("test"))]
    student = networks.of_run(recorded, networks.first_repeats(recorded).iloc[0], [], data.label_names)[networks.AFTER]
    hits, pairs = 0, boxes.groupby(["row", "label"])
    for (row, _), group in pairs:
        attention = student.attention(data.gather(np.array([row])))[0]
        line, column = divmod(int(attention.argmax()), 2)
        x, y = 32 * column + 16, 32 * line + 16
        edges = group[["left", "top", "right", "bottom"]].to_numpy()
        away = [np.hypot(max(e[0] - x, x - e[2], 0), max(e[1] - y, y - e[3], 0)) for e in edges]
        hits += min(away) <= 0.03 * 64
    own = frame[(frame["subject"] == CELL) & (frame["map"] == "attention") & (frame["label"] == pointing.ALL)]
    assert (int(own["hits"].iloc[0]), int(own["num_images"].iloc[0])) == (hits, len(pairs)) and len(pairs) > 3
    subjects = frame.groupby("subject")["map"].agg(lambda maps: sorted(set(maps))).to_dict()
    assert subjects == {
        "teacher mimic-cxr": ["Grad-CAM", "attention"],
        f"{STUDENT} from mimic-cxr, seed 0": ["attention, before"],
        CELL: ["Grad-CAM", "attention"],
        f"{STUDENT} from random, seed 0": ["attention, before"],
        f"transfer/none/{STUDENT}/all@from-random": ["Grad-CAM", "attention"],
    }
    of_teacher = frame[(frame["subject"] == "teacher mimic-cxr") & (frame["map"] == "Grad-CAM")]
    assert set(of_teacher["label"]) <= {"Cardiomegaly", "Effusion", pointing.ALL}
    assert set(explanation.tables[1].frame["network"]) == {"teacher", "student, after"}


@pytest.mark.usefixtures("svg_alone")
def test_of_patients_only_what_is_asked_for(recorded: Runs, results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = store_of(results)
    real.is_phantom = False
    monkeypatch.setattr(artifacts, "store_of", lambda *_: real)
    hidden = explain(recorded, results, None, Choice(num_images=1))
    assert hidden.pictures == [] and [table.name for table in hidden.tables] == ["attention_and_labels"]
    assert "--data DIR must say where" in dict(hidden.facts)["radiologists' boxes"]
    assert "--images includes them" in dict(hidden.facts)["pictures"]
    asked = explain(recorded, results, results / "phantoms" / "60", Choice(num_images=1, with_images=True))
    assert len(asked.pictures) == 2 and asked.tables[0].name == "pointing_game"


@pytest.mark.usefixtures("svg_alone")
def test_chosen_images_and_a_chosen_label(recorded: Runs, results: Path) -> None:
    row = int(store_of(results).rows("test")[1])
    explanation = explain(recorded, results, None, Choice(rows=(row,), label="Hernia"))
    frame = explanation.pictures[0].frame
    assert set(frame["row"]) == {row} and set(frame["label"]) == {"Hernia"}
    assert frame["is_hit"].isna().all()  # no box has that label
    of_teacher = frame[(frame["map"] == "Grad-CAM") & (frame["network"] == "teacher")]
    assert len(of_teacher) == 1 and of_teacher["x"].isna().all()  # which does not know it


@pytest.mark.usefixtures("svg_alone")
def test_grades_are_asked_about_as_predicted_and_have_no_boxes(store: Any, results: Path, tmp_path: Path) -> None:
    recorded = confirmed(store, results, tmp_path, "retina")
    data = store_of(results, "retina")
    explanation = explain(recorded, results, None, Choice(num_images=3))
    student = networks.of_run(recorded, networks.first_repeats(recorded).iloc[0], [], data.label_names)[networks.AFTER]
    for row, group in explanation.pictures[0].frame.groupby("row"):
        logits = student.planes(data.gather(np.array([row])))[1]
        assert set(group["label"]) == {data.label_names[int(logits[0].argmax())]}
    assert [table.name for table in explanation.tables] == ["attention_and_labels"]
    assert "only chestxray8 has published boxes" in dict(explanation.facts)["radiologists' boxes"]


def test_what_is_refused(recorded: Runs, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train = int(store_of(results).rows("train")[0])
    other = write_chestxray8(
        tmp_path / "o" / "chestxray8", num_images=3, image_size_px=64, seed=0, layout="full", progress=False
    )
    for more, message in (
        (["--rows", str(train)], f"must be of the test set, but row {train} of"),
        (["--label", "Boredom"], "but got 'Boredom'"),
        (["--num-images", "0"], "--num-images >= 1 must hold, but got 0"),
        (["--data", str(other.parent)], "none of the 3 of"),
    ):
        assert attention_maps.main(command(recorded, results, tmp_path / "out", *more)) == 2
        assert message in capsys.readouterr().err


@pytest.mark.usefixtures("svg_alone")
def test_what_is_gone_is_said(store: Any, results: Path, tmp_path: Path) -> None:
    recorded = confirmed(store, results, tmp_path, "chestxray8", has_weights=False)
    with pytest.raises(LookupError, match=rf"no cell of chestxray8 has its weights: {CELL}: its weights"):
        explain(recorded, results, None, Choice())
    with pytest.raises(LookupError, match=rf"no prepared data of these runs in {tmp_path}"):
        explain(recorded, tmp_path, None, Choice())
    with pytest.raises(FileNotFoundError, match=rf"no salt in {tmp_path}"):
        artifacts.salt_of(tmp_path)


def test_a_list_of_boxes_that_is_absent_is_said_and_not_an_error(results: Path, tmp_path: Path) -> None:
    data = store_of(results)
    source = results / "phantoms" / "60" / "chestxray8"
    bare = tmp_path / "chestxray8"
    bare.mkdir()
    (bare / "sample_labels.csv").write_bytes((source / "sample_labels.csv").read_bytes())
    (bare / "sample").symlink_to(source / "sample")
    recorded = boxes_at_hand(data, results, tmp_path)
    assert recorded.frame.empty and "no BBox_List_2017.csv in chestxray8" in recorded.note
    at_hand = boxes_at_hand(data, results, None)
    assert len(at_hand.frame) > 5 and at_hand.note.startswith(f"{len(at_hand.frame)} in ")
