"""An ablation from its file to its table, and again with larger numbers: nothing is trained twice."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

import analysis.report
from tests import forking
from tests.small_sweep import CELLS, IMAGE_SIZE_PX, draw_teacher, environment, finish, numbers, query, trials

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

FILE = f"""# What this file asks, it asks of phantoms.
question = "Does a teacher help?"
dataset = "retina"
students = ["densenet40"]
teacher-names = ["imagenet"]
cells = CELLS
trials = TRIALS
repeats = REPEATS
epochs = 1
image-size = {IMAGE_SIZE_PX}
phantom-size = 24
average-labels = "defined" # in twelve validation images no class is frequent
"""


def text(cells: tuple[str, ...], num_trials: int, num_repeats: int) -> str:
    words = {"CELLS": json.dumps(cells), "TRIALS": str(num_trials), "REPEATS": str(num_repeats)}
    written = FILE
    for word, value in words.items():
        written = written.replace(word, value)
    return written


def run(results: Path, content: str, *flags: str) -> str:
    """Writes the file and runs it; what the sweep prints."""
    (results.parent / "mine.toml").write_text(content)
    arguments = [
        "--ablation",
        str(results.parent / "mine.toml"),
        "--results",
        str(results),
        "--concurrent",
        "1",
        *flags,
    ]
    return finish(forking.start("platform.sweep", *arguments, environment=environment()))


def tags(results: Path) -> dict[str, str]:
    """Those of the sweep's own run."""
    own = "select run_uuid from tags where key = 'kind' and value = 'sweep'"
    assert len(query(results, own)) == 1  # however often it was started
    return dict(query(results, f"select key, value from tags where run_uuid in ({own})"))


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One cell with one trial; then two cells, two trials and two repeats by the same file."""
    results = tmp_path_factory.mktemp("ablation") / "results"
    draw_teacher(results)
    small, large = text(CELLS[:1], 1, 1), text(CELLS, 1, 2)
    printed = run(results, small)
    before = {"tags": tags(results), "trials": trials(results), "numbers": numbers(results)}
    return {
        "results": results, "small": small, "large": large, "printed": printed, "before": before,
        "again": run(results, large, "--trials", "2"), "tags": tags(results), "trials": trials(results),
    }  # fmt: skip


def test_the_record_holds_the_file_its_hash_its_question_and_what_was_typed(grown: dict[str, Any]) -> None:
    for recorded, content, overrides in (
        (grown["before"]["tags"], grown["small"], ""), (grown["tags"], grown["large"], "--trials 2"),
    ):  # fmt: skip
        assert (recorded["ablation"], recorded["ablation_file"]) == (content, "mine.toml")
        assert recorded["ablation_sha256"] == hashlib.sha256(content.encode()).hexdigest()
        assert (recorded["ablation_question"], recorded["overrides"]) == ("Does a teacher help?", overrides)
    (artifact,) = grown["results"].glob("artifacts/*/artifacts/ablation.toml")
    assert artifact.read_text() == grown["large"]


def test_a_larger_file_goes_on_with_the_same_sweep_and_trains_nothing_twice(grown: dict[str, Any]) -> None:
    before, after = grown["before"], grown["trials"]
    assert len(before["trials"]) == 2 and before["trials"].items() <= after.items()
    now = numbers(grown["results"])
    assert {key: now[key] for key in before["numbers"]} == before["numbers"]
    replaced = "opened twice" in grown["again"]  # the second trial of the first cell may be better than the first
    assert len(after) == 2 * (2 + 2) + replaced
    assert grown["printed"].splitlines()[0] == grown["again"].splitlines()[0]
    assert grown["printed"].startswith("sweep mine-retina-phantom-")


def test_the_record_says_in_which_order_it_grew(grown: dict[str, Any]) -> None:
    starts = json.loads(grown["tags"]["growth"])
    assert [(each["cells"], each["trials"], each["repeats"], each["ended"]) for each in starts] == [
        (1, 1, 1, 0), (2, 4, 2, 2),
    ]  # fmt: skip
    assert [each["ablation_sha256"] for each in starts] == [
        hashlib.sha256(grown[which].encode()).hexdigest()[:12] for which in ("small", "large")
    ]


def test_the_report_shows_question_file_and_growth(grown: dict[str, Any], tmp_path: Path) -> None:
    arguments = ["retina", "--results", str(grown["results"]), "--out", str(tmp_path)]
    assert analysis.report.main(arguments) == 0
    page = (tmp_path / "retina" / "index.html").read_text()
    assert '<p class="question">Does a teacher help?</p>' in page
    assert "<code>mine.toml</code>" in page and hashlib.sha256(grown["large"].encode()).hexdigest() in page
    assert "<code>--trials 2</code>" in page and "phantom-size = 24" in page
    assert "In which order the sweep grew" in page
