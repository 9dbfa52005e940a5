"""The verb `evaluate`: both commands on a phantom sweep without a finding, and what is refused."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

import platform.evaluate
import platform.phantoms.folder
import platform.phantoms.sets
from analysis.tables import command
from platform.command_line.student_requests import FewShotRequest
from platform.evaluating import students
from platform.evaluating.students import Students, students_of
from platform.phantoms.nih_writer import write_chestxray8
from platform.sources.images import store_of
from platform.sources.places import Places
from platform.sweeping.records import TrialRecord
from platform.sweeping.setup import parent_tags
from platform.tracking.ledger import Ledger
from trainables.config import TrialConfig
from trainables.data.listing import PHANTOM_MARK
from trainables.data.store import Store
from trainables.models.architectures import build
from trainables.teachers import shelf as teachers
from trainables.trial import TrialSpec

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FINDING = "Pleural Effusion"
NUM_IMAGES = 80
OTHER = ["--target", "chestxray8", "--phantom-size", "100"]
PLAIN, TAUGHT = "transfer/none/tiny/all@from-random", "hints/chest/tiny/all@from-random"


@pytest.fixture(scope="module")
def sweeps(tiny: str, empty_mlflow: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Two sweeps of random students, two repeats per cell: `held` without a finding, and `plain` with all."""
    patch = pytest.MonkeyPatch()
    patch.setattr(platform.phantoms.sets, "PHANTOM_IMAGE_SIZE_PX", 32)
    patch.setattr(platform.phantoms.folder, "WORTH_A_PROCESS", 10 * NUM_IMAGES)  # so small that none is worth one
    patch.delenv("MLFLOW_TRACKING_URI", raising=False)
    places = Places.under(tmp_path_factory.mktemp("results"))
    shutil.copy(empty_mlflow, places.results / "mlflow.db")
    listing = platform.phantoms.sets.phantom_listing("chexpert", places, NUM_IMAGES)
    torch.manual_seed(0)
    chest = teachers.save(
        places.teachers(phantom=True, image_size_px=32), build(tiny, 2).state_dict(), name="chest",
        source="drawn", is_phantom=True, architecture=tiny, task="multilabel", label_names=("Edema", "Effusion"),
        seen={"dataset": "chestxray8", "data": "phantom"},
    )  # fmt: skip
    for name, held_out in (("held", FINDING), ("plain", None)):
        store = store_of(listing, places, 32, held_out=held_out)
        _sweep(places, store, name, chest, tiny)
    yield {"places": places, "flags": ["--results", str(places.results), "--phantom-size", str(NUM_IMAGES)]}
    patch.undo()


def _sweep(places: Any, store: Store, name: str, chest: teachers.Teacher, student: str) -> None:
    ledger = Ledger(places.tracking_uri, "chexpert", name, parent_tags(store, "{}"), places.artifacts)
    base = TrialConfig(
        dataset="chexpert", method="transfer", student=student, image_size_px=32, max_epochs=1, phase="confirm",
        init="random",
    )  # fmt: skip
    for number, config in enumerate((base, replace(base, method="hints", teacher="chest", beta=1.0)) * 2):
        spec = TrialSpec(
            config=replace(config, seed=number // 2), data_fingerprint=store.fingerprint,
            split_fingerprint=store.split_fingerprint, teacher_fingerprint=chest.fingerprint if number % 2 else "none",
        )  # fmt: skip
        record = TrialRecord(spec=spec, study="", number=number)
        facts = {"data": "phantom", "init_fingerprint": "random", "held_out": store.held_out, "num_trainable": "1"}
        ledger.open(record, facts, at_ms=1_700_000_000_000 + number)
        torch.manual_seed(number + 1)
        weights = places.results / "best-00001.safetensors"
        save_file(build(student, len(store.label_names)).state_dict(), weights)
        ledger.close(record.run_id, "FINISHED", [(weights, "model")], {}, at_ms=1_700_000_001_000)
    ledger.close_sweep("FINISHED")


def run(sweeps: dict[str, Any], kind: str, *flags: str) -> int:
    return int(platform.evaluate.main([kind, "--dataset", "chexpert", *sweeps["flags"], *flags]))


def refused(sweeps: dict[str, Any], capsys: Any, kind: str, *flags: str) -> str:
    with pytest.raises(SystemExit) as ended:
        run(sweeps, kind, *flags)
    assert ended.value.code == 2
    message = str(capsys.readouterr().err.strip().splitlines()[-1])
    assert re.match(r"python -m platform\.evaluate( [a-z-]+)?: error: ", message)
    return message


def test_a_new_disease_is_learned_from_its_first_images(sweeps: dict[str, Any], tmp_path: Path, capsys: Any) -> None:
    flags = ["--sweep", "held", "--n", "2", "6", "1000", "--draws", "3"]
    assert run(sweeps, "new-disease", *flags, "--out", str(tmp_path / "a")) == 0
    output = capsys.readouterr().out
    assert output.startswith("PHANTOM DATA") and output.strip().endswith(str(tmp_path / "a" / "index.html"))
    assert "left out: n = 1000: " in output and "training images show the finding, " in output
    assert f"WARNING: the teacher chest was trained on {FINDING} (its label Effusion)" in output
    frame = pd.read_csv(tmp_path / "a" / "tables" / "chexpert_new_disease_pleural_effusion.csv")
    assert sorted(set(frame["size"])) == [2, 6] and set(frame["data"]) == {"phantom"}
    assert frame["knew_it"].fillna("").groupby(frame["subject"]).first().to_dict() == {
        TAUGHT: "chest (as Effusion)",
        PLAIN: "",
        "tiny from random, before training": "",
        "teacher chest": "chest (as Effusion)",
    }
    assert (frame["low"] <= frame["auc"]).all() and (frame["auc"] <= frame["high"]).all()
    assert frame.loc[frame["subject"] == TAUGHT, "baseline"].eq(PLAIN).all()
    page = (tmp_path / "a" / "index.html").read_text()
    assert "PHANTOM DATA" in page and page.count("data:image/svg+xml;base64,") == 1
    assert run(sweeps, "new-disease", *flags, "--out", str(tmp_path / "b")) == 0
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert {path.suffix for path in files} == {".csv", ".html", ".md", ".tex", ".png", ".svg"}
    for path in files:
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes(), path


@pytest.mark.usefixtures("svg_alone")
def test_few_shots_of_the_held_out_finding(sweeps: dict[str, Any], capsys: Any) -> None:
    assert run(sweeps, "few-shot", "--sweep", "held", "--shots", "1", "2", "--episodes", "4") == 0
    output = capsys.readouterr().out
    page = sweeps["places"].results / "evaluations" / "few-shot-held" / "index.html"
    assert output.strip().endswith(str(page)) and page.is_file()
    frame = pd.read_csv(page.parent / "few_shot.csv")
    assert set(frame["finding"]) == {FINDING} and sorted(set(frame["size"])) == [1, 2]
    plain = frame[frame["subject"] == PLAIN]
    assert plain["n"].tolist() == [2, 2] and plain["difference"].isna().all()


@pytest.mark.usefixtures("svg_alone")
def test_few_shots_of_another_data_set(sweeps: dict[str, Any], tmp_path: Path, capsys: Any) -> None:
    flags = [*OTHER, "--findings", "Infiltration", "Nodule", "--shots", "1", "--episodes", "3"]
    assert run(sweeps, "few-shot", *flags, "--out", str(tmp_path)) == 0
    output = capsys.readouterr().out
    frame = pd.read_csv(tmp_path / "few_shot.csv")
    assert set(frame["finding"]) == {"Infiltration", "Nodule"}
    assert "WARNING: Nodule overlaps with what the students were trained on as Lung Lesion" in output
    assert "the teacher chest was trained on chestxray8, which may hold the test patients" in output
    assert (
        "held out of training: Pleural Effusion (--sweep held asks for these)" in (tmp_path / "index.html").read_text()
    )


@pytest.mark.parametrize(
    ("kind", "flags", "message"),
    [
        ("few-shot", [], "the students know all of chexpert: give the --sweep of a sweep with --hold-out, or"),
        ("few-shot", ["--sweep", "held", "--findings", "Edema"], "but they were trained on 'Edema'"),
        ("few-shot", [*OTHER, "--findings", "Effusion"], "'Effusion' (as 'Pleural Effusion')"),
        ("few-shot", ["--target", "retina", "--phantom-size", "14"], "can stand together, but retina is multiclass"),
        ("few-shot", ["--sweep", "held", "--shots", "900"], "no finding has enough test images for any K"),
        ("few-shot", ["--sweep", "held", "--seed", "-1"], "--seed: must be a whole number of at least 0, but got -1"),
        (
            "new-disease",
            ["--sweep", "plain"],
            "but the sweep plain held none out: run",
        ),
        ("new-disease", ["--sweep", "other"], "no sweep named 'other'"),
        ("new-disease", ["--sweep", "held", "--n", "900"], "training images show the finding"),
    ],
)
def test_what_cannot_be_evaluated_gets_one_clear_line(
    sweeps: dict[str, Any], capsys: Any, kind: str, flags: list[str], message: str
) -> None:
    assert message in refused(sweeps, capsys, kind, *flags)


def test_phantom_students_never_meet_real_images(sweeps: dict[str, Any], tmp_path: Path, capsys: Any) -> None:
    root = write_chestxray8(tmp_path / "chestxray8", num_images=3, image_size_px=32, seed=0, progress=False)
    (root / PHANTOM_MARK).unlink()
    message = refused(sweeps, capsys, "few-shot", "--target", "chestxray8", "--data", str(tmp_path))
    assert f"never meet in one table, but the students are phantom and {root} is real" in message


@pytest.mark.usefixtures("svg_alone")
def test_real_students_need_real_images(sweeps: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(Students, "is_phantom", False)
    message = refused(sweeps, capsys, "few-shot", "--target", "chestxray8")
    assert run(sweeps, "few-shot", "--sweep", "held", "--shots", "1", "--episodes", "2") == 0
    assert "WARNING: the students saw real images, but learned from phantoms: chest" in capsys.readouterr().out
    assert "those of chestxray8 are not prepared: give their folder, --data DIR" in message


@pytest.mark.usefixtures("svg_alone")
def test_the_images_with_the_finding_are_prepared_where_they_are_gone(
    sweeps: dict[str, Any], tmp_path: Path, capsys: Any
) -> None:
    stores = sweeps["places"].results / "stores"
    (whole,) = [path for path in stores.glob("chexpert-*.arrow") if not Store.open(path).held_out]
    whole.rename(tmp_path / "away")
    flags = ["--sweep", "held", "--n", "2", "--draws", "2", "--out", str(tmp_path / "out")]
    message = refused(sweeps, capsys, "new-disease", *flags, "--phantom-size", "30")
    assert f"those that the sweep held {FINDING} out of" in message and "--phantom-size" in message
    assert run(sweeps, "new-disease", *flags) == 0
    assert whole.is_file()


@pytest.mark.parametrize(
    ("dropped", "message"), [("confirm", "no finished confirming"), ("sweeps", "has no tag label_")]
)
def test_no_message_has_a_password(dropped: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = {name: pd.DataFrame({"tags.held_out": [""]}) for name in ("confirm", "sweeps")}
    recorded |= {"trials": pd.DataFrame(), "left_out": pd.DataFrame()}
    recorded[dropped] = recorded[dropped].head(0 if dropped == "confirm" else 1)
    uri = "https://me:secret@host"
    of_dataset = SimpleNamespace(dataset="chexpert", tracking_uri=uri, **recorded)
    monkeypatch.setattr(students, "runs", lambda *_: of_dataset)
    monkeypatch.setattr(command, "left_out_note", lambda _: [])
    with pytest.raises(LookupError, match=message) as refused:
        students_of(FewShotRequest(dataset="chexpert", tracking_uri=uri))
    assert "secret" not in str(refused.value) and " in https://host" in str(refused.value)


def test_help_is_quick_and_a_sweep_must_be_named() -> None:
    program = (
        "import sys; from platform.evaluate import main\n"
        "try:\n    main(['new-disease', '--dataset', 'chexpert'])\n"
        "except SystemExit as end:\n    assert end.code == 2 and 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "the following arguments are required: --sweep" in done.stderr
