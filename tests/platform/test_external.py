"""`evaluate external`: students of one phantom hospital on another's images, the record of it, and what is refused."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.metrics import roc_auc_score

import platform.evaluate
import platform.phantoms.folder
import platform.phantoms.sets
from analysis.chapters import external
from analysis.pages.evidence import Evidence
from analysis.reading import artifacts, other_hospital
from analysis.reading.trials import Runs, runs
from platform.sources.images import register, store_of
from platform.sources.places import Places
from tests.recorded_hospital import record
from trainables.data.store import Store
from trainables.models.architectures import build
from trainables.teachers import shelf

pytestmark = pytest.mark.slow

NUM_IMAGES = 150
PLAIN, TAUGHT = "transfer/none/tiny/all@from-random", "hints/chest/tiny/all@from-random"
TARGET = ["--target", "chestxray8", "--part", "all"]


@pytest.fixture(scope="module")
def home(tiny: str, empty_mlflow: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    """Two sweeps on phantoms of CheXpert: `first`, two repeats of two cells, and `seen`, with a teacher of NIH's."""
    patch = pytest.MonkeyPatch()
    patch.setattr(platform.phantoms.sets, "PHANTOM_IMAGE_SIZE_PX", 32)
    patch.setattr(platform.phantoms.folder, "WORTH_A_PROCESS", 10 * NUM_IMAGES)
    patch.delenv("MLFLOW_TRACKING_URI", raising=False)
    places = Places.under(tmp_path_factory.mktemp("results"))
    shutil.copy(empty_mlflow, places.results / "mlflow.db")
    store = store_of(platform.phantoms.sets.phantom_listing("chexpert", places, NUM_IMAGES), places, 32)
    seen = {"chest": {"dataset": "mimic-cxr"}, "nih": {"dataset": "chestxray8"}}
    torch.manual_seed(0)
    teachers = {
        name: shelf.save(
            places.teachers(phantom=True, image_size_px=32), build(tiny, 2).state_dict(), name=name, source="drawn",
            is_phantom=True, architecture=tiny, task="multilabel", label_names=("Edema", "Effusion"),
            seen={**facts, "data": "phantom"},
        )
        for name, facts in seen.items()
    }  # fmt: skip
    for name, teacher in (("first", "chest"), ("seen", "nih")):
        record(places, store, name, teachers[teacher], tiny)
    yield places
    patch.undo()


def ask(home: Places, *flags: str, sweep: str = "first", size: int = NUM_IMAGES) -> int:
    sizes = ["--phantom-size", str(size)] if size else []
    of = ["external", "--dataset", "chexpert", "--sweep", sweep, "--results", str(home.results), *sizes]
    return int(platform.evaluate.main([*of, *flags]))


def refused(home: Places, capsys: Any, *flags: str, **facts: Any) -> str:
    with pytest.raises(SystemExit) as ended:
        ask(home, *flags, **facts)
    assert ended.value.code == 2
    message = str(capsys.readouterr().err.strip().splitlines()[-1])
    assert re.match(r"python -m platform\.evaluate( external)?: error: ", message)
    return message


def recorded(home: Places, sweep: str = "first") -> Runs:
    return runs(home.tracking_uri, "chexpert", sweep)


def files_of(of: Runs, target: str = "chestxray8") -> list[Path]:
    found = [artifacts.of_run(of.tracking_uri, run, f"external/{target}.parquet") for _, run in of.confirm.iterrows()]
    return [path for path in found if path is not None]


@pytest.fixture(scope="module")
def asked(home: Places) -> Runs:
    """The first sweep after its students have answered to all of the other hospital's images."""
    assert ask(home, *TARGET) == 0
    return recorded(home)


def test_students_answer_and_the_record_says_what_was_opened(home: Places, asked: Runs) -> None:
    (path, *others) = files_of(asked)
    assert len(others) == 3
    frame = pd.read_parquet(path)
    assert len(frame) == NUM_IMAGES and set(frame["split"]) == {"external"}
    named = {name.removeprefix("label_") for name in frame if name.startswith("label_")}
    assert "Pleural_Effusion" in named and "Effusion" not in named and "Fracture" not in named
    (opened,) = other_hospital.opened(asked.sweeps)["chestxray8"]
    assert (opened.data, opened.part, opened.num_images, opened.teachers) == ("phantom", "all", NUM_IMAGES, ("chest",))
    assert opened.labels["Pleural Effusion"] == "Effusion" and opened.labels["Edema"] == "Edema"
    (store,) = [
        s
        for p in (home.results / "stores").glob("chestxray8-*.arrow")
        if (s := Store.open(p)).fingerprint == opened.fingerprint
    ]
    column = store.label_names.index("Effusion")
    assert frame["label_Pleural_Effusion"].tolist() == store.labels[:, column].tolist()
    assert frame["image"].tolist() == store.image_id.tolist()


def test_the_answers_are_those_of_the_runs_own_weights(home: Places, asked: Runs, tiny: str) -> None:
    """By a forward pass of the test's own, of one image after the other."""
    run, path = asked.confirm.iloc[0], files_of(asked)[0]
    folder = artifacts.of_run(asked.tracking_uri, run, "model")
    assert folder is not None
    from safetensors.torch import load_file

    names = json.loads(asked.sweeps["tags.label_names"].iloc[-1])
    network = build(tiny, len(names))
    network.load_state_dict(load_file(next(folder.glob("*.safetensors"))))
    network.eval()
    frame = pd.read_parquet(path)
    store = next(
        s for p in (home.results / "stores").glob("chestxray8-*.arrow") if (s := Store.open(p)).num_images == NUM_IMAGES
    )
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    for row in (0, 41):
        grey = torch.from_numpy(store.gather(np.array([row]))).float()[0, :, :, 0] / 255
        with torch.no_grad():
            output = network(((grey[..., None] - mean) / std).permute(2, 0, 1)[None])[0, names.index("Edema")]
        assert frame["probability_Edema"].iloc[row] == pytest.approx(float(torch.sigmoid(output)), abs=1e-5)


def test_a_teacher_that_no_cell_scores_answers_to_both(asked: Runs) -> None:
    path = artifacts.of_run(asked.tracking_uri, asked.sweeps.iloc[-1], "external/chestxray8/chest.parquet")
    assert path is not None
    frame = pd.read_parquet(path)
    assert set(frame["split"]) == {"external", "test"}
    assert {name for name in frame if name.startswith("label_")} == {"label_Edema", "label_Pleural_Effusion"}


def test_asked_again_nobody_answers_and_what_is_missing_is_made_up(home: Places, asked: Runs, capsys: Any) -> None:
    first, *others = files_of(asked)
    before, times = first.read_bytes(), [path.stat().st_mtime_ns for path in others]
    tag = recorded(home).sweeps["tags.external_chestxray8"].tolist()
    assert ask(home, *TARGET) == 0
    assert "repeats that were asked now: 0 of 4; the others" in capsys.readouterr().out
    first.unlink()  # as if the evaluation had been interrupted, or the sweep had grown
    assert ask(home, *TARGET) == 0
    assert "repeats that were asked now: 1 of 4; the others" in capsys.readouterr().out
    assert first.read_bytes() == before and [path.stat().st_mtime_ns for path in others] == times
    assert recorded(home).sweeps["tags.external_chestxray8"].tolist() == tag


def test_other_images_of_that_name_are_refused(home: Places, asked: Runs, capsys: Any) -> None:
    (opened,) = other_hospital.opened(asked.sweeps)["chestxray8"]
    message = refused(home, capsys, *TARGET, size=60)
    assert "opens another hospital's images once" in message and f"{opened.fingerprint} then, " in message
    assert "part of the images: all then, test now" in refused(home, capsys, "--target", "chestxray8")
    relabelled = refused(home, capsys, *TARGET, "--same", "Mass=Lung Lesion")
    assert "labels: " in relabelled and "'Lung Lesion': 'Mass'" in relabelled


def test_patients_who_were_seen_in_training_are_refused_unless_allowed(home: Places, capsys: Any) -> None:
    message = refused(home, capsys, *TARGET, sweep="seen")
    assert "the teacher nih was trained on chestxray8, which may hold the test patients" in message
    assert "--allow-overlap" in message and not files_of(recorded(home, "seen"))
    assert ask(home, *TARGET, "--allow-overlap", sweep="seen") == 0
    assert "WARNING: the teacher nih was trained on chestxray8" in capsys.readouterr().out
    chapter = external.chapter(Evidence(runs=recorded(home, "seen")))
    assert any(text.startswith("Beware: the teacher nih was trained on chestxray8") for text in chapter.sentences)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--target", "chexpert"], "must be another hospital's, but chexpert has the patients of chexpert"),
        (
            ["--target", "retina", "--phantom-size", "14"],
            "must be multilabel, as the students are, but retina is multi",
        ),
        (
            [*TARGET, "--same", "Mass"],
            "must be TARGETLABEL=LABEL, the target's label and the students', but got 'Mass'",
        ),
        ([*TARGET, "--same", "Mas=Edema"], "but got 'Mas' in Mas=Edema"),
    ],
)
def test_what_cannot_be_asked_gets_one_clear_line(home: Places, capsys: Any, flags: list[str], message: str) -> None:
    assert message in refused(home, capsys, *flags)


def test_phantom_students_never_meet_real_images(home: Places, tmp_path: Path, capsys: Any) -> None:
    rows = []
    for number in range(12):
        Image.fromarray(np.full((32, 32), 20 * number, np.uint8)).save(tmp_path / f"{number}.png")
        rows.append((f"{number}.png", f"p{number}", number % 2))
    pd.DataFrame(rows, columns=["image", "patient", "Oedema"]).to_csv(tmp_path / "clinic.csv", index=False)
    register(tmp_path / "clinic.csv", home)
    message = refused(home, capsys, "--target", "clinic", "--same", "Oedema=Edema", size=0)
    assert "never meet in one table, but the students are phantom" in message


def test_the_chapter_scores_what_is_in_the_files(asked: Runs) -> None:
    """Each AUC there again, by scikit-learn from the file."""
    chapter = external.chapter(Evidence(runs=asked))
    (labels,) = [table for table in chapter.tables if table.name == "external_chestxray8_labels"]
    scored = labels.frame[labels.frame["there"].notna()]
    assert {PLAIN, TAUGHT, "itself/chest/none/none"} <= set(labels.frame["cell"]) and len(scored)
    paths = dict(zip(asked.confirm["run_id"], files_of(asked), strict=True))
    for row in scored[scored["cell"].isin([PLAIN, TAUGHT])].to_dict("records"):
        of_cell = asked.confirm.loc[asked.confirm["tags.cell"] == row["cell"], "run_id"]
        frames = [pd.read_parquet(paths[run_id]) for run_id in of_cell]
        name = str(row["label"])
        areas = [roc_auc_score(frame[f"label_{name}"] == 1, frame[f"probability_{name}"]) for frame in frames]
        assert row["there"] == pytest.approx(np.mean(areas))
    assert labels.phantom.startswith("images") and "Labels that count as the same" in chapter.sentences[0]


def test_a_sweep_that_nobody_asked_says_how(home: Places) -> None:
    before = recorded(home)
    none = replace(before, sweeps=before.sweeps.drop(columns="tags.external_chestxray8", errors="ignore"))
    chapter = external.chapter(Evidence(runs=none))
    assert "platform.evaluate external --dataset chexpert --target DATASET" in chapter.empty and not chapter.tables
