"""The verb `predict`: the same answers as in training, unreadable pictures named, and phantoms marked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import platform.predict
from analysis.reading.origins import PHANTOM_NOTICE
from analysis.reading.student_facts import StudentFacts
from platform.command_line.prediction_request import PredictRequest
from platform.predicting import conduct_prediction
from platform.predicting.conduct_prediction import device_of, predicted
from platform.predicting.pictures import batches, pictures_of
from tests.recorded_student import SALT, record
from tests.tiny_network import NAME
from tests.typed import typed
from trainables.data.store import salted_hashes
from trainables.metrics import metric_name

pytestmark = pytest.mark.slow

CELL = f"transfer/none/{NAME}/all"


@pytest.fixture(scope="module")
def recorded(tiny: str, empty_mlflow: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return record(tmp_path_factory.mktemp("results"), tiny, empty_mlflow)


def predict(recorded: dict[str, Any], pictures: Path, out: Path, *flags: str, run: str = CELL) -> int:
    where = ["--results", str(recorded["folder"]), "--tracking-uri", recorded["uri"], "--dataset", "retina"]
    return platform.predict.main([run, str(pictures), *where, "--out", str(out), *flags])


def test_the_test_images_get_the_predictions_that_their_scores_rest_on(
    recorded: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict(recorded, recorded["root"], tmp_path / "p.csv") == 0
    frame = pd.read_csv(tmp_path / "p.csv").assign(hash=lambda rows: salted_hashes(rows["image"].tolist(), SALT))
    assert len(frame) == recorded["store"].num_images and "other files were left alone" in capsys.readouterr().out
    names = recorded["store"].label_names
    points = ["operating_point_rule", "operating_point_referable", "above_referable"]
    assert list(frame)[:-1] == ["image", *(f"probability_{name}" for name in names), "predicted", *points, "note"]
    assert set(frame["note"]) == {PHANTOM_NOTICE}
    written = pd.read_parquet(recorded["folder"] / "trials" / "one" / "predictions.parquet")
    theirs = written.query("split == 'test'")
    ours = frame.set_index("hash").loc[theirs["image"]]
    ours_NL = ours[[f"probability_{name}" for name in names]].to_numpy(np.float32)
    theirs_NL = theirs[[f"probability_{metric_name(name)}" for name in names]].to_numpy(np.float32)
    assert theirs_NL.std(axis=0).max() > 1e-4
    np.testing.assert_allclose(ours_NL, theirs_NL, rtol=0, atol=1e-6)
    assert ours["predicted"].tolist() == [names[best] for best in theirs_NL.argmax(axis=1)]


def test_what_cannot_be_read_is_named_and_does_not_stop_the_rest(
    recorded: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "pictures"
    (folder / "deep").mkdir(parents=True)
    for name in ("a.png", "deep/b.PNG", "c.png"):
        Image.effect_noise((50, 40), 80).save(folder / name, "png")
    (folder / "broken.jpg").write_bytes((folder / "a.png").read_bytes()[:100])
    (folder / "empty.png").touch()
    (folder / "tiny.png").write_bytes(b"")
    Image.new("L", (3, 3)).save(folder / "tiny.png")
    (folder / "notes.txt").write_text("no picture")
    (folder / ".hidden.png").touch()
    assert predict(recorded, folder, tmp_path / "p.csv", "--batch-size", "2", "--device", "cpu") == 1
    printed = capsys.readouterr()
    assert "3 of 6 pictures; 1 other files were left alone" in printed.out
    assert printed.err.startswith("predicting: 6 pictures ...\n") and "\r" not in printed.err
    assert (
        "3 pictures cannot be read; repair or remove them, and run the same command again with --force:" in printed.err
        and "  empty.png: the file is empty" in printed.err
    )
    frame = pd.read_csv(tmp_path / "p.csv", keep_default_na=False)
    assert frame["image"].tolist() == ["a.png", "broken.jpg", "c.png", "deep/b.PNG", "empty.png", "tiny.png"]
    bad = frame.loc[[1, 4, 5]]
    assert (
        bad["note"].str.fullmatch(f"unreadable: .*; {PHANTOM_NOTICE}").all()
        and "less than 8 on a side" in bad["note"].iloc[2]
    )
    assert (bad.iloc[:, 1:-1] == "").all(axis=None)
    sums = frame.drop(index=bad.index).filter(like="probability_").astype(float).sum(axis=1)
    np.testing.assert_allclose(sums, 1, atol=1e-5)


def test_a_csv_names_pictures_in_its_own_order(recorded: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    for number in range(3):
        Image.effect_noise((50, 40), 20 + 60 * number).save(tmp_path / "far" / f"{number}.png")
    (tmp_path / "list.csv").write_text("patient,image\np,2.png\nq,0.png\nr,gone.png\n")
    assert predict(recorded, tmp_path / "list.csv", tmp_path / "p.csv", "--images", str(tmp_path / "far")) == 1
    assert predict(recorded, tmp_path / "far", tmp_path / "all.csv") == 0
    listed, whole = (pd.read_csv(tmp_path / name).set_index("image") for name in ("p.csv", "all.csv"))
    assert listed.index.tolist() == ["2.png", "0.png", "gone.png"]
    assert listed.loc["gone.png", "note"] == f"unreadable: no such file; {PHANTOM_NOTICE}"
    columns = list(listed.filter(like="probability_"))
    pd.testing.assert_frame_equal(listed.loc[["2.png", "0.png"], columns], whole.loc[["2.png", "0.png"], columns])


def test_an_earlier_file_is_kept_and_a_stop_leaves_none(
    recorded: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    Image.effect_noise((50, 40), 80).save(tmp_path / "in" / "a.png")
    (tmp_path / "p.csv").write_text("years of work")
    with pytest.raises(SystemExit):
        predict(recorded, tmp_path / "in", tmp_path / "p.csv")
    assert "the file must not exist yet, but" in capsys.readouterr().err
    monkeypatch.setattr(conduct_prediction, "predicted", lambda *_: 1 / 0)
    for out in ("p.csv", "new.csv"):
        with pytest.raises(ZeroDivisionError):
            predict(recorded, tmp_path / "in", tmp_path / out, "--force")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "p.csv"]
    assert (tmp_path / "p.csv").read_text() == "years of work"
    monkeypatch.undo()
    assert predict(recorded, tmp_path / "in", tmp_path / "p.csv", "--force") == 0
    assert (tmp_path / "p.csv").read_text().startswith("image,probability_")


def test_without_the_prepared_images_the_number_of_channels_has_to_be_said(
    recorded: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = [recorded["ids"]["one"], str(recorded["root"]), "--tracking-uri", recorded["uri"]]
    with pytest.raises(SystemExit):
        platform.predict.main([*flags, "--results", str(tmp_path)])
    assert "are missing" in capsys.readouterr().err
    assert platform.predict.main([*flags, "--results", str(tmp_path), "--channels", "3"]) == 0
    (default,) = (tmp_path / "predictions").iterdir()
    assert default.name == f"retina-{recorded['ids']['one'][:8]}-retina.csv"
    assert predict(recorded, recorded["root"], tmp_path / "p.csv") == 0
    assert default.read_text() == (tmp_path / "p.csv").read_text()
    monkeypatch.chdir(recorded["root"])
    with pytest.raises(SystemExit):
        platform.predict.main([flags[0], ".", *flags[2:], "--results", str(tmp_path), "--channels", "3"])
    assert f"must not exist yet, but {default} does" in capsys.readouterr().err  # `.` is this folder, by its own name


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name\na.png\n", "must have the column image of a list of pictures.* but has name"),
        ("image\n", "must name images, but has none below its header"),
        ("", "cannot be read"),
    ],
)
def test_a_csv_without_pictures_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "list.csv").write_text(content)
    with pytest.raises(ValueError, match=message):
        pictures_of(tmp_path / "list.csv")


def test_folders_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ValueError, match=r"at least one picture, but .* has none among 1 files"):
        pictures_of(tmp_path)
    with pytest.raises(ValueError, match="--images goes with a CSV, but"):
        pictures_of(tmp_path, tmp_path)
    for arguments in ((tmp_path / "gone",), (tmp_path / "notes.txt", tmp_path / "gone")):
        with pytest.raises(FileNotFoundError, match=r"there is no .*gone"):
            pictures_of(*arguments)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    Image.new("L", (40, 40)).save(tmp_path / "out.png")
    (tmp_path / "in" / "link.png").symlink_to(tmp_path / "out.png")
    (batch,) = batches(pictures_of(tmp_path / "in"), 32, 1, 4)
    assert "leads out" in batch.reasons[0] and batch.images_BHWC.shape == (0, 32, 32, 1)


def test_of_several_labels_each_from_one_half_on_is_predicted() -> None:
    facts = StudentFacts(
        architecture="x",
        task="multilabel",
        label_names=("A", "B", "C"),
        image_size_px=32,
        channels=1,
        precision="float32",
    )
    assert predicted(np.array([0.5, 0.49, 0.9], np.float32), facts) == "A; C"
    assert predicted(np.array([0.1, 0.2, 0.3], np.float32), facts) == ""


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_of(None) == device_of("cpu") == torch.device("cpu")
    with pytest.raises(ValueError, match="--device cuda needs a GPU"):
        device_of("cuda")
    assert typed(PredictRequest, "a/b/c/d", "folder").device is None


def test_help_needs_no_torch() -> None:
    program = "import sys, platform.predict; platform.predict.parser_of; print('torch' in sys.modules)"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
