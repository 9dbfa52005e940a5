"""The verb `export`: a real trial's student, its files, its card, and what is refused."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow.tracking import MlflowClient
from PIL import Image

import platform.export
from platform.exporting import agreement, conduct_export
from tests.recorded_student import record
from tests.tiny_network import NAME
from trainables.data.decode import decode
from trainables.models import onnx_file
from trainables.models.deployed import load_student, probabilities
from trainables.trial import RECIPE_VERSION

pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")


pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
CELL = f"transfer/none/{NAME}/all"
QUICK = ["--runs", "3"]


@pytest.fixture(scope="module")
def recorded(tiny: str, empty_mlflow: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return record(tmp_path_factory.mktemp("results"), tiny, empty_mlflow)


@pytest.fixture(scope="module")
def exported(recorded: dict[str, Any]) -> Path:
    """The best repeat of the cell."""
    out = recorded["folder"] / "exported"
    assert platform.export.main([CELL, "--dataset", "retina", *_where(recorded), "--out", str(out), *QUICK]) == 0
    return out


def test_the_best_repeat_by_validation_is_exported_as_it_was_trained(recorded: dict[str, Any], exported: Path) -> None:
    config = json.loads((exported / "config.json").read_text())
    assert config["run_id"] == recorded["ids"]["one"] and config["data"] == "phantom" and "PHANTOM" in config["warning"]
    assert (config["image_size_px"], config["channels"], config["task"]) == (32, 3, "multiclass")
    (trained,) = (recorded["folder"] / "trials" / "one").glob("best-*.safetensors")
    digests = [hashlib.sha256(path.read_bytes()).digest() for path in (trained, exported / "model.safetensors")]
    assert digests[0] == digests[1]
    store, rows = recorded["store"], recorded["store"].rows("test")
    student = load_student(exported / "model.safetensors", config["architecture"], len(config["labels"]))
    expected = probabilities(student, config["task"], store.gather(rows))
    assert np.abs(onnx_file.probabilities(exported / "model.onnx", store.gather(rows)) - expected).max() < 1e-4
    card = (exported / "README.md").read_text()
    assert "PyTorch here against the predictions that the test scores below rest on: at most 0" in card
    assert not list(exported.parent.glob(".exported*"))


def test_the_card_says_what_it_must(recorded: dict[str, Any], exported: Path) -> None:
    card = " ".join((exported / "README.md").read_text().split())
    store = recorded["store"]
    for words in (
        "PHANTOM DATA", "No medical device", "the teacher x was trained on 2 of 3 test patients", "drawn \\| so",
        "best of its cell's 2 repeats by the score on the validation set", "L = cross-entropy", "trained on: generic",
        f"| Retina | {len(store.rows('train'))} | {len(store.rows('validation'))} | {len(store.rows('test'))} |",
        "of any size, grey or RGB", "bytes that the network sees are the same. Probabilities differ by at most",
        "on 18 pictures from 16 x 22 to 458 x 310 pixels", "| f1_weighted |",
        "(n = 2)", "| learning_rate | 5e-05 |", "of 3 runs with 1 thread(s)", "(not averaged)",
        store.fingerprint, f"{(exported / 'model.onnx').stat().st_size:,}",
    ):  # fmt: skip
        assert words in card, words
    assert "{{" not in card and re.findall(r".{20}\b(?:nan|None)\b.{20}", card) == []


@pytest.mark.parametrize("picture", ["90x70.png", "32x32.png", "900x1200.png", "20x17.png", "1600x1000.jpeg"])
def test_the_cards_program_runs_and_cuts_as_training_did(
    recorded: dict[str, Any], exported: Path, tmp_path: Path, picture: str
) -> None:
    width, height, kind = re.split("[x.]", picture)
    (code,) = re.findall(r"```python\n(.*?)```", (exported / "README.md").read_text(), flags=re.DOTALL)
    Image.effect_noise((int(width), int(height)), 60).convert("RGB").save(tmp_path / "image.png", kind)
    (tmp_path / "model.onnx").write_bytes((exported / "model.onnx").read_bytes())
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    printed = [line.split(" ", 1) for line in done.stdout.splitlines()]
    assert tuple(label for _, label in printed) == recorded["store"].label_names
    student = load_student(exported / "model.safetensors", NAME, len(printed))
    expected = probabilities(student, "multiclass", decode(tmp_path, "image.png", 32, 3)[None].copy())[0]
    np.testing.assert_allclose([float(value) for value, _ in printed], expected, atol=2e-4)


def test_nothing_tells_who_a_patient_is(recorded: dict[str, Any], exported: Path) -> None:
    store = recorded["store"]
    secret = [*store.patient, *store.image_id, "Mueller", str(recorded["folder"]), str(ROOT), ".py:", ".jpeg"]
    files = list(exported.iterdir())
    assert len(files) == 4
    for path in files:
        content = path.read_bytes()
        for word in secret:
            assert word.encode() not in content, (path.name, word)


def test_safetensors_alone_needs_no_onnx(
    recorded: dict[str, Any], exported: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(onnx_file, "write", lambda *_, **__: pytest.fail("no ONNX was asked for"))
    monkeypatch.setattr(onnx_file, "PACKAGES", ("no_such_package",))
    prefix = recorded["ids"]["one"][:20]
    for name in ("a", "b"):
        flags = ["--format", "safetensors", "--out", str(tmp_path / name)]
        assert platform.export.main([prefix, *_where(recorded), *flags]) == 0
        assert sorted(path.name for path in (tmp_path / name).iterdir()) == [
            "README.md", "config.json", "model.safetensors",
        ]  # fmt: skip
        weights = (tmp_path / name / "model.safetensors").read_bytes()
        assert weights == (exported / "model.safetensors").read_bytes()
    card = (tmp_path / "a" / "README.md").read_text()
    assert card == (tmp_path / "b" / "README.md").read_text()
    assert "There is no ONNX file" in card and "may have looked at the test scores" in " ".join(card.split())


def test_without_the_prepared_images_random_ones_are_used_and_the_card_says_so(
    recorded: dict[str, Any], exported: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    _write_from(monkeypatch, exported)
    flags = [recorded["ids"]["one"], "--tracking-uri", recorded["uri"], "--results", str(tmp_path), *QUICK]
    message = _refused([*flags, "--out", str(tmp_path / "a")], capsys)
    assert "are missing" in message and "--channels" in message
    assert platform.export.main([*flags, "--out", str(tmp_path / "a"), "--channels", "3", "--check-images", "5"]) == 0
    card = (tmp_path / "a" / "README.md").read_text()
    assert "5 seeded random images, since the prepared ones are gone" in card and "Not checked: whether" in " ".join(
        card.split()
    )


@pytest.mark.parametrize("fault", ["onnx", "scores", "resizing"])
def test_a_disagreement_leaves_nothing_behind(
    recorded: dict[str, Any], exported: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any, fault: str
) -> None:
    _write_from(monkeypatch, exported)
    if fault == "onnx":
        right = onnx_file.probabilities
        monkeypatch.setattr(onnx_file, "probabilities", lambda *arguments: right(*arguments) + np.float32(0.001))
    elif fault == "resizing":
        right_squares = onnx_file.squares
        monkeypatch.setattr(onnx_file, "squares", lambda *given: [each // 2 for each in right_squares(*given)])
    else:
        monkeypatch.setattr(conduct_export, "probabilities", lambda *arguments: np.full((2, 5), 0.9, dtype=np.float32))
        monkeypatch.setattr(conduct_export, "check_images", _first_two(agreement.check_images))
    message = _refused([recorded["ids"]["one"], *_where(recorded), "--out", str(tmp_path / "a")], capsys)
    messages = {
        "onnx": "must be within 0.0001 of PyTorch's",
        "scores": "must be those that were scored",
        "resizing": "must resize as Pillow does, within 1 of 255 grey levels, but differs by",
    }
    assert messages[fault] in message
    assert "nothing is written" in message and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("feedfacefeedface", "no run whose id begins with feedfacefeedface"),
        ("parent", "is no trial"),
        ("searched", "is of the phase 'search'"),
        ("old", f"recipe {RECIPE_VERSION} is needed, but .* is of recipe 0"),
        ("weightless", r"has no model/\*.safetensors"),
        ("nonsense!", "but got 'nonsense!'"),
        (CELL, "needs its data set, but got 'transfer/none/tiny/all' alone"),
    ],
)
def test_what_cannot_be_exported_gets_one_clear_line(
    recorded: dict[str, Any], tmp_path: Path, capsys: Any, wanted: str, message: str
) -> None:
    error = _refused([recorded["ids"].get(wanted, wanted), *_where(recorded), "--out", str(tmp_path / "a")], capsys)
    assert re.search(message, error) and len(error.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_an_unknown_cell_lists_those_that_there_are(recorded: dict[str, Any], tmp_path: Path, capsys: Any) -> None:
    message = _refused(["a/b/c/d", "--dataset", "retina", *_where(recorded), "--out", str(tmp_path / "a")], capsys)
    assert "no finished confirming repeat of 'a/b/c/d' on retina" in message and CELL in message


def test_an_ambiguous_beginning_is_refused(recorded: dict[str, Any], capsys: Any) -> None:
    client: MlflowClient = recorded["client"]
    experiment = client.get_experiment_by_name("retina")
    assert experiment is not None
    ids = [run.info.run_id for run in client.search_runs([experiment.experiment_id])]
    digit = next(d for d in "0123456789abcdef" if sum(run_id.startswith(d) for run_id in ids) > 1)
    assert f"several begin with {digit}" in _refused([digit, *_where(recorded)], capsys)


def test_a_folder_that_is_there_is_kept(recorded: dict[str, Any], exported: Path, tmp_path: Path, capsys: Any) -> None:
    flags = [recorded["ids"]["one"], *_where(recorded), "--format", "safetensors", "--out", str(tmp_path / "mine")]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    assert "the folder must not exist yet, but" in _refused(flags, capsys)
    assert "--force replaces only" in _refused([*flags, "--force"], capsys)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    (tmp_path / "mine" / "thesis.txt").rename(tmp_path / "mine" / "README.md")
    assert platform.export.main([*flags, "--force"]) == 0
    assert "No medical device" in (tmp_path / "mine" / "README.md").read_text()


def test_missing_packages_are_named(recorded: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(onnx_file, "PACKAGES", ("no_such_package",))
    assert "pip install no_such_package (the extra `export`" in _refused([CELL, *_where(recorded)], capsys)


def test_an_unknown_format_is_refused(capsys: Any) -> None:
    assert "must be of safetensors, onnx, separated by commas, but got 'tflite'" in _refused(
        [CELL, "--format", "tflite"], capsys
    )


def _where(recorded: dict[str, Any]) -> list[str]:
    return ["--results", str(recorded["folder"]), "--tracking-uri", recorded["uri"]]


def _refused(flags: list[str], capsys: Any) -> str:
    """What a command that fails says at its end."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        platform.export.main(flags)
    assert ended.value.code == 2
    lines: list[str] = capsys.readouterr().err.strip().splitlines()
    return lines[-1]


def _write_from(monkeypatch: pytest.MonkeyPatch, exported: Path) -> None:
    """The exporter takes seconds: the file that it made before will do."""

    def write(model: Any, path: Path, **_: Any) -> int:
        path.write_bytes((exported / "model.onnx").read_bytes())
        return 20

    monkeypatch.setattr(onnx_file, "write", write)


def _first_two(check_images: Any) -> Any:
    return lambda choice, results, num_images, channels: check_images(choice, results, 2, channels)
