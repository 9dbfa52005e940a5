"""The whole report from a store with two data sets' worth of runs: complete, traceable, and the same each time."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html import escape, unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis import report
from analysis.reading.origins import PHANTOM_NOTICE
from trainables.metrics import metric_name

pytestmark = pytest.mark.slow

CELLS: list[dict[str, Any]] = [
    {"method": "transfer", "teacher": "none", "student": "densenet40"},
    {"method": "attention", "teacher": "mimic-cxr", "student": "densenet40", "beta": 3.0},
]


def predictions(seed: int, strength: float) -> pd.DataFrame:
    truth = np.arange(80) % 3 == 0
    score = 1 / (1 + np.exp(-(strength * truth + np.random.default_rng(seed).normal(size=80))))
    table = pd.DataFrame({"image": [f"i{i:02d}" for i in range(80)], "patient": [f"p{i // 2:02d}" for i in range(80)]})
    table = table.assign(view=["left", "right"] * 40, sex="", age_years=np.nan, grade=truth.astype(int))
    return table.assign(label_DR=truth.astype(np.int8), probability_DR=score.astype(np.float32))


@pytest.fixture(scope="module")
def filled(new_store: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Two cells with three repeats each, and a failed trial; nothing is added to it."""
    store = new_store(tmp_path_factory.mktemp("filled"))
    parent = store.sweep(data="phantom", name="<b>sweep</b>")
    for number, cell in enumerate(CELLS):
        store.trial(parent, phase="search", curve={"best_score": [0.6, 0.7]}, **cell)
        for seed in range(3):
            metrics = {"test_auc": 0.7 + 0.1 * number + 0.01 * seed, "test_f1_weighted": 0.5}
            rows = predictions(10 * number + seed, 1 + 2 * number)
            store.trial(parent, seed=seed, metrics=metrics, curve={"val_auc": [0.6, 0.7]}, predictions=rows, **cell)
    store.trial(parent, seed=7, status="FAILED")
    return store


def make(store: Any, out: Path) -> Path:
    assert report.main(["retina", "--tracking-uri", store.uri, "--out", str(out)]) == 0
    return out / "retina"


@pytest.fixture(scope="module")
def written(filled: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the report on `filled`; nothing in it is changed."""
    return make(filled, tmp_path_factory.mktemp("reports"))


def test_the_page_is_whole_and_says_what_it_rests_on(written: Path) -> None:
    html = (written / "index.html").read_text()
    assert PHANTOM_NOTICE in html.replace("&#39;", "'")
    assert "80.00" not in html.split("Table V")[0]
    for text in (
        "81.00±2.48",
        "data-a",
        "split-a",
        "teacher-a",
        "python -m analysis.report retina",
        "1 failed",
        "Table V",
    ):
        assert text in html, text
    answer = "<dt>Does attention transfer beat plain transfer?</dt><dd><strong>Yes.</strong> Attention transfer minus"
    assert answer in html
    assert '<td class="name">Attention transfer, MIMIC-CXR teacher, DenseNet-40<code>attention/mimic-cxr' in html
    assert not re.findall(r'(?:src|href)="https?://(?!127\.0\.0\.1:5000/#/experiments/\d+/runs/)', html)


def test_the_page_answers_first_then_shows_all_cells_then_tables_and_says_last_what_it_rests_on(written: Path) -> None:
    html = (written / "index.html").read_text()
    order = [
        'class="alarm"', "Does attention transfer beat plain transfer?", "All cells", "Table V:", "Cells compared",
        "What the search tried", "Left out", "<details>", "data-a", "split-a", "teacher-a", "python -m analysis.report",
    ]  # fmt: skip
    left_out = html.index("Left out")
    places = [
        html.index(text, left_out if number > order.index("Left out") else 0) for number, text in enumerate(order)
    ]
    assert places == sorted(places)
    assert "<details open" not in html and html.index("</details>", left_out) > html.index("teacher-a", left_out)
    assert "<details class=" not in html.partition('<h2 id="retina-')[0]  # no table before the chapters is long
    answers = pd.read_csv(written / "retina_answers.csv")
    assert answers["question"].tolist() == ["Does attention transfer beat plain transfer?"]
    assert answers["num_pairs"].tolist() == [1] and answers["data"].tolist() == ["phantom"]
    assert "Fig. 3, AUC by the amount of training data: all cells are trained on the same amount" in html


def test_every_file_that_the_page_names_is_there(written: Path) -> None:
    named: list[str] = []

    class Links(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            values = dict(attrs)
            if tag == "img":
                assert values["alt"] and str(values["src"]).startswith("data:")
            named.extend(str(values["href"]) for _ in [0] if tag == "a" and not str(values["href"]).startswith("http"))

    Links().feed(page := (written / "index.html").read_text())
    within, files = ([name for name in named if name.startswith("#") == is_within] for is_within in (True, False))
    assert len(within) > 10 and {name[1:] for name in within} <= set(re.findall(r'id="([^"]+)"', page))
    assert len(files) > 20 and all((written / name).stat().st_size for name in files)
    assert len(pd.read_parquet(written / "results.parquet")) == 8


def test_the_same_runs_give_the_same_bytes(filled: Any, written: Path, tmp_path: Path) -> None:
    first, second = written, make(filled, tmp_path / "two")
    files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(second) for path in second.rglob("*") if path.is_file())
    assert [str(name) for name in files if (first / name).read_bytes() != (second / name).read_bytes()] == []


def test_a_copied_number_is_the_number(written: Path) -> None:
    page = (written / "index.html").read_text()
    fields: list[str] = []

    class Text(HTMLParser):
        depth, links = 0, 0

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if tag == "td":
                self.depth += 1
                fields.append("")
            elif tag == "a" and self.depth and not str(dict(attrs)["href"]).startswith("#"):
                self.links += 1
                assert dict(attrs)["aria-label"] == f"run {dict(attrs)['data-number']} in MLflow"

        def handle_endtag(self, tag: str) -> None:
            self.depth -= tag == "td"

        def handle_data(self, data: str) -> None:
            if self.depth:
                fields[-1] += data

    (text := Text()).feed(page)
    assert "81.00±2.48" in fields and text.links > 10
    numbers = [field for field in fields if re.match(r"\d+\.\d\d±", field)]
    assert numbers and all(re.fullmatch(r"\d+\.\d\d±\d+\.\d\d[†‡]*", field) for field in numbers)
    assert "td small { user-select: none; }" in page


def test_files_of_a_table_have_numbers_and_no_links(written: Path) -> None:
    tables = written / "tables"
    assert "| 81.00±2.48 |" in (tables / "retina_table_5.md").read_text()
    assert r"& 81.00$\pm$2.48 " in (tables / "retina_table_5.tex").read_text()
    means = pd.read_csv(tables / "retina_table_5.csv")["mean"]
    assert any(value == pytest.approx(81.0) for value in means)


@pytest.mark.usefixtures("svg_alone")
def test_which_labels_are_averaged_and_that_they_are_few(store: Any, tmp_path: Path) -> None:
    parent = store.sweep(label_names=json.dumps(["DR", "rare"]))
    tags = {"averaged_labels": json.dumps(["DR"]), "average_min_positives": "3", "average_is_reliable": "false"}
    for place, cell in enumerate(CELLS):
        for seed in range(3):
            rows = predictions(seed, 1 + place)
            rows = rows.assign(label_rare=np.int8(0), probability_rare=np.float32(0.5))
            scores = {"test_auc": 0.7, "test_f1_weighted": 0.5, "test_num_constant": float(place)}
            store.trial(
                parent, seed=seed, metrics=scores, curve={"val_auc": [0.6, 0.7]}, predictions=rows, tags=tags, **cell
            )
    folder = make(store, tmp_path / "reports")
    page = (folder / "index.html").read_text()
    first = page.split("What the numbers support")[1].split("<h3>")[0]
    assert "AUC: mean over 1 of 2 labels: DR" in first
    assert "unreliable: labels with only three positives or more." in first
    flat = "Attention transfer, MIMIC-CXR teacher, DenseNet-40 (attention/mimic-cxr/densenet40/all)"
    assert f"<li>Answers one class only: {flat} in 3 of 3 repeats" in first
    written = {path.stem.removeprefix("retina_"): path.read_text() for path in (folder / "tables").glob("*.md")}
    for name in ("table_3", "table_5", "variance", "comparisons", "subgroups", "overfitting"):
        assert "unreliable: labels with only three positives or more" in written[name], name
    for name in ("variance", "comparisons", "overfitting"):
        assert "AUC: mean over 1 of 2 labels: DR" in written[name], name
    assert "not among the labels that the sweep averages: rare" in written["labels"]


def test_no_patient_is_named(written: Path) -> None:
    texts = [path.read_text() for path in written.rglob("*") if path.suffix in {".html", ".csv", ".md", ".tex"}]
    assert not any(re.search(r"\bp\d\d\b|\bi\d\d\b", re.sub(r"base64,[^\"]*", "", text)) for text in texts)


def test_nothing_to_report(store: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report.main(["retina", "--tracking-uri", store.uri, "--out", str(tmp_path)]) == 2
    assert "no finished run of retina" in capsys.readouterr().err
    assert not list(tmp_path.glob("retina/*"))


@pytest.mark.skipif(not shutil.which("chromium"), reason="no chromium on this machine")
@pytest.mark.parametrize("width", [1280, 390])
def test_in_a_browser(written: Path, tmp_path: Path, width: int) -> None:
    # In a frame, since a window of Chromium's may be wider than it is asked to be.
    probe = (
        "const cut = [...document.querySelectorAll('.scroll')].filter(it => it.scrollWidth > it.clientWidth + 1);"
        "const facts = {fits: document.documentElement.scrollWidth <= innerWidth, width: innerWidth,"
        "  cells: document.querySelectorAll('td').length, cut: cut.map(it => it.ariaLabel),"
        "  first: getComputedStyle(document.querySelector('td')).position,"
        "  names: getComputedStyle(document.querySelector('td.name')).whiteSpace,"
        "  sorted: document.querySelector('[aria-sort]').ariaSort};"
        "parent.document.title = JSON.stringify(facts);"
    )
    click = "document.querySelector('th button').click();"
    framed = (written / "index.html").read_text().replace("</script>", f"{click} {probe}</script>")
    page = tmp_path / "framed.html"
    style = f"width: {width}px; height: 900px; border: 0"
    page.write_text(f'<title></title><iframe style="{style}" srcdoc="{escape(framed)}"></iframe>')
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=1400,900", "--dump-dom"]
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    done = subprocess.run(
        ["chromium", *flags, profile, page.as_uri()], capture_output=True, text=True, timeout=90, check=True
    )
    title = re.search(r"<title>(.*?)</title>", done.stdout)
    assert title is not None
    facts = json.loads(unescape(title[1]))
    assert facts["fits"] and facts["width"] == width and facts["cells"] > 100
    assert (facts["first"], facts["names"], facts["sorted"]) == ("sticky", "normal", "ascending")
    if width == 1280:
        assert "Cells compared on the same test images" not in facts["cut"]


@pytest.mark.usefixtures("svg_alone")
def test_html_in_a_label_is_shown_and_not_run_and_what_cannot_be_checked_of_a_teacher_is_repeated(
    store: Any, tmp_path: Path
) -> None:
    hostile, unverifiable = "<script>alert(1)</script>", "the teacher big was trained on a million X-rays"
    labels = json.dumps([hostile, "Mass"])
    parent = store.sweep("chestxray8", data="phantom", label_names=labels, teacher_trained_on=unverifiable)
    for seed in range(2):
        rows = predictions(seed, 2.0).rename(columns=lambda name: name.replace("_DR", f"_{metric_name(hostile)}"))
        rows = rows.drop(columns="grade").assign(label_Mass=rows["sex"].eq("").astype(np.int8), probability_Mass=0.5)
        scores = {"test_auc": 0.7, f"test_auc_{metric_name(hostile)}": 0.7}
        store.trial(parent, seed=seed, metrics=scores, curve={"val_auc": [0.6, 0.7]}, predictions=rows)
    assert report.main(["chestxray8", "--tracking-uri", store.uri, "--out", str(tmp_path)]) == 0
    html = (tmp_path / "chestxray8" / "index.html").read_text()
    assert "alert" in html and hostile not in html
    assert "WARNING" in html and unverifiable in html
