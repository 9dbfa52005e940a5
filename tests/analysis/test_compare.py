"""Two sweeps side by side: what is compared, what is refused, and what the command prints and writes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis import compare
from analysis.reading import record_form
from trainables.data.store import salted_hashes

PLAIN: dict[str, Any] = {"method": "transfer", "teacher": "none", "student": "densenet40"}
TAUGHT: dict[str, Any] = {"method": "attention", "teacher": "imagenet", "student": "densenet40", "beta": 60.0}
SETTINGS = {
    "rotation_deg": 15.0, "flip": True, "data": "data-a", "search": "optuna", "teachers": {"imagenet": "teacher-a"},
    "tuned": {"learning_rate": [1e-5, 1e-3]},
}  # fmt: skip


def predictions(seed: int, strength: float, salt: bytes = b"") -> pd.DataFrame:
    """Of 100 images of 50 patients, whose noise all sweeps share."""
    truth = np.random.default_rng(5).random(100) < 0.4
    noise = np.random.default_rng(6).normal(size=100) + 0.2 * np.random.default_rng(seed).normal(size=100)
    names = pd.DataFrame({"image": [f"i{i:02d}" for i in range(100)], "patient": [f"p{i // 2}" for i in range(100)]})
    table = names.apply(lambda of: salted_hashes(list(of), salt)).assign(view="", sex="", age_years=np.nan)
    score = 1 / (1 + np.exp(-(strength * truth + noise)))
    return table.assign(label_DR=truth.astype(np.int8), probability_DR=score.astype(np.float32))


def add(
    store: Any,
    name: str,
    strengths: Sequence[float],
    *,
    dataset: str = "retina",
    data: str = "real",
    salt: bytes = b"",
    settings: dict[str, Any] | None = None,
    **tags: str,
) -> str:
    """A sweep with the plain cell and, given two strengths, the taught one, each confirmed three times."""
    of_parent = {"label_names": '["DR"]', **tags, "settings": json.dumps(SETTINGS | (settings or {}))}
    parent = str(store.sweep(dataset, name, data, **of_parent))
    for cell, strength in zip((PLAIN, TAUGHT), strengths, strict=False):
        for seed in range(3):
            rows = predictions(seed + 10 * len(name), strength, salt)
            own = {"version": tags.get("version", "0.1.0"), "averaged_labels": '["DR"]'}
            store.trial(parent, seed=seed, metrics={"test_auc": 0.7}, predictions=rows, tags=own, **cell)
    return parent


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = compare.main(list(arguments))
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.fixture
def two(store: Any) -> Any:
    """The second sweep is of a newer version, without rotation, and its plain student is much better."""
    add(store, "old", [0.5, 1.0])
    add(store, "new", [3.5, 1.0], settings={"rotation_deg": 0.0}, version="0.2.0", ablation_sha256="abc")
    return store


def test_settings_scores_and_differences_are_printed(
    two: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = ran(capsys, "old", "new", "--tracking-uri", two.uri, "--out", str(tmp_path))
    assert status == 0 and err.strip() == str(tmp_path / "compare" / "old-new" / "index.html")
    settings = out.split("\n\n")[0].splitlines()
    assert settings[0] == "What differs between A (old) and B (new)"
    assert [line.split() for line in settings[4:7]] == [
        ["software", "version", "0.1.0", "0.2.0"], ["ablation", "file", "-", "abc"], ["rotation_deg", "15", "0"],
    ]  # fmt: skip
    assert "AUC: B minus A, cell by cell" in out and "Weighted F1" not in out  # one label has no classes
    (plain,) = re.findall(r"^transfer/none/densenet40/all .*$", out, flags=re.MULTILINE)
    assert plain.split()[-3:] == ["paired", "3", "50"]
    assert "AUC: B differs from A in 1 of the 2 shared cells: Plain transfer, DenseNet-40 (transfer/none" in out


def test_the_csv_is_one_frame_and_its_difference_is_b_minus_a(
    two: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = ran(capsys, "old", "new", "--tracking-uri", two.uri, "--out", str(tmp_path), "--format", "csv")
    frame = pd.read_csv(StringIO(out))
    assert out == (tmp_path / "compare" / "old-new" / "differences.csv").read_text()
    taught, plain = frame.to_dict("records")
    assert plain["cell"].startswith("transfer") and taught["cell"].startswith("attention")
    assert plain["difference"] == pytest.approx(plain["first_mean"] - plain["second_mean"]) and plain["low"] > 0.05
    assert plain["p_holm"] < 0.05 < taught["p_holm"]
    _, back, _ = ran(capsys, "new", "old", "--tracking-uri", two.uri, "--out", str(tmp_path), "--format", "csv")
    assert pd.read_csv(StringIO(back))["difference"].tolist() == pytest.approx((-frame["difference"]).tolist())


@pytest.mark.usefixtures("svg_alone")
def test_the_page_has_the_forest_first_and_every_file(
    two: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran(capsys, "old", "new", "--tracking-uri", two.uri, "--out", str(tmp_path))
    folder = tmp_path / "compare" / "old-new"
    html = (folder / "index.html").read_text()
    order = ["B differs from A in 1 of the 2", "B minus A: AUC", "What differs between", "B minus A, cell by cell"]
    places = [html.index(text) for text in order]
    assert places == sorted(places) and "python -m analysis.compare old new" in html
    for link in re.findall(r'href="([^"#h][^"]*)"', html):
        assert (folder / link).exists(), link


def test_two_sites_are_compared_unpaired_and_each_has_its_own_store(
    new_store: Callable[[Path], Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for site in ("a", "b"):
        (tmp_path / site).mkdir()
        add(new_store(tmp_path / site), "paper", [1.0 if site == "a" else 1.5], salt=site.encode())
    places = ["--results", str(tmp_path / "a"), "--other-results", str(tmp_path / "b"), "--out", str(tmp_path)]
    status, out, _ = ran(capsys, "paper", "paper", *places)
    assert status == 0 and " unpaired " in out and "B and A were tested on different images" in out
    assert "what else the sweeps recorded of their settings is the same" in out and "nothing  -  -" in out


def test_a_cell_that_only_one_has_is_listed(store: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(store, "small", [1.0])
    add(store, "large", [1.0, 1.2])
    _, out, _ = ran(capsys, "small", "large", "--tracking-uri", store.uri, "--out", str(tmp_path))
    alone = out.split("Cells that only one of the two has")[1]
    assert re.search(r"attention/imagenet/densenet40/all\s+B\n", alone)
    assert "no difference between A and B can be shown in any of the 1 shared cell." in out


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    status, out, err = ran(capsys, *arguments)
    assert (status, out) == (2, "")
    return err


def test_what_cannot_be_compared_says_why(two: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ("--tracking-uri", two.uri, "--out", str(tmp_path))
    add(two, "drawn", [1.0], data="phantom")
    add(two, "lungs", [1.0], dataset="chexpert", label_names='["Edema"]')
    add(two, "old", [1.0], dataset="eyes")
    add(two, "eyes", [1.0], dataset="eyes")
    unfinished = two.sweep(name="begun")
    two.trial(unfinished, status="RUNNING", **PLAIN)
    add(two, "hints", [])
    two.trial(two.sweep(name="other"), method="hints", teacher="imagenet", student="densenet40", beta=2.0)
    assert "B must be one of the sweeps in sqlite:" in (text := refusal(capsys, "new", "nwe", *place))
    assert "(did you mean new?)" in text
    assert "A must be one sweep, but 'old' is in eyes and retina; say" in refusal(capsys, "old", "new", *place)
    assert "one of the sweeps of eyes" in refusal(capsys, "old", "new", *place, "--dataset", "eyes")
    assert "both are 'new' of one MLflow" in refusal(capsys, "new", "new", *place)
    assert "never share a table, but got A (new) on real images and B (drawn)" in refusal(
        capsys, "new", "drawn", *place
    )
    assert "A (new) is of retina (DR) and B (lungs) is of chexpert (Edema)" in refusal(capsys, "new", "lungs", *place)
    assert "B (begun) cannot be compared: it has no finished" in (text := refusal(capsys, "new", "begun", *place))
    assert "(1 unfinished)" in text
    assert "B (hints) cannot be compared: it has no confirming repeat yet" in refusal(capsys, "new", "hints", *place)
    assert "these share none: A (new) has attention/" in refusal(capsys, "new", "other", *place)
    status, out, _ = ran(capsys, "new", "eyes", *place)  # another name of the data set, and the same labels
    assert status == 0 and "B minus A" in out


def test_a_sweep_in_another_form_is_named(
    two: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = two.sweep(name="ancient", record="1")
    two.trial(parent, metrics={"test_auc": 0.7}, tags={"record": "1"}, **PLAIN)
    text = refusal(capsys, "new", "ancient", "--tracking-uri", two.uri, "--out", str(tmp_path))
    assert text.startswith("B (ancient) cannot be read: the runs of retina must be recorded in form")
    assert f"form {record_form.RECORD_VERSION} to be read, but are in form 1; use the version of the code" in text
    two.trial(two.sweep(name="knobless"), metrics={"test_auc": 0.7}, tags={"recipe": ""}, status="FAILED", **PLAIN)
    text = refusal(capsys, "new", "knobless", "--tracking-uri", two.uri, "--out", str(tmp_path))
    assert "B (knobless) cannot be compared" in text and "1 failed" in text


@pytest.mark.parametrize("flag", ["--tracking-uri", "--other-tracking-uri"])
def test_a_store_that_is_not_there_is_refused_at_once(
    flag: str, two: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"--tracking-uri": two.uri, flag: f"sqlite:///{tmp_path / 'typo.db'}"}
    arguments = [word for pair in places.items() for word in pair]
    assert f"no MLflow file at {tmp_path / 'typo.db'}" in refusal(capsys, "old", "new", *arguments)
