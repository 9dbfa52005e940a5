"""Chapters on a report's page, and what they are given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.chapters import contents
from analysis.pages import report_page
from analysis.pages.chapter import Chapter
from analysis.pages.evidence import Evidence, rules_of
from analysis.reading.trials import runs
from analysis.stats.thresholds import Rule
from analysis.tables.rendering import Cell, Table


def predictions(seed: int) -> pd.DataFrame:
    """Twenty validation and thirty test images; the labels of both are the first images'."""
    rng, parts = np.random.default_rng(seed), []
    for split, number in (("validation", 20), ("test", 30)):
        label = (np.arange(number) % 2).astype(np.int8)
        frame = pd.DataFrame({"image": [f"{split}{n}" for n in range(number)], "split": split, "label_DR": label})
        frame["patient"], frame["view"], frame["sex"], frame["age_years"] = frame["image"], "", "", np.nan
        parts.append(frame.assign(probability_DR=rng.random(number).astype(np.float32)))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def sweep(store: Any) -> Any:
    parent = store.sweep("own", averaged_labels='["DR"]')
    for seed in range(3):
        store.trial(parent, seed=seed, metrics={"test_auc": 0.5 + seed / 100}, predictions=predictions(seed))
    return store


def asked(store: Any, out: Path, **facts: Any) -> Path:
    rules = facts.pop("rules", rules_of())
    request = report_page.ReportRequest(
        name="own", tracking_uri=store.uri, sweep=None, results=None, out=out, ui="", with_images=False, rules=rules
    )
    return report_page.write(request)


def test_a_chapter_sees_both_splits_of_the_same_repeats(
    sweep: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[Evidence] = []

    def chapter(evidence: Evidence) -> Chapter:
        seen.append(evidence)
        return Chapter(name="seen", title="Seen", empty="Nothing.")

    monkeypatch.setattr(contents, "CHAPTERS", (chapter,))
    asked(sweep, tmp_path, rules=rules_of(0.8, 0.7))
    (evidence,) = seen
    (cell,) = evidence.tested
    assert evidence.rules == (
        Rule(kind="youden"),
        Rule(kind="sensitivity", level=0.8),
        Rule(kind="specificity", level=0.7),
    )
    for seed, (tested, validated) in enumerate(zip(evidence.tested[cell], evidence.validated[cell], strict=True)):
        rows = predictions(seed).groupby("split", sort=False)["probability_DR"]
        assert tested.probabilities_NL[:, 0].tolist() == rows.get_group("test").tolist()
        assert validated.probabilities_NL[:, 0].tolist() == rows.get_group("validation").tolist()
    assert evidence.runs.dataset == "own" and list(evidence.draws) == [cell]


def test_a_chapter_is_on_the_page_with_its_files_and_its_place_in_the_contents(
    sweep: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    frame = pd.DataFrame({"what": ["a thing"]})
    table = Table(name="things", title="Things", head=[["what"]], body=[[Cell("a thing")]], frame=frame)
    whole = Chapter(name="of_things", title="Of things", question="What is there?", sentences=["One."], tables=[table])
    empty = Chapter(name="of_none", title="Of none", empty="There is none: give `--data DIR`.")
    monkeypatch.setattr(contents, "CHAPTERS", (lambda _: whole, lambda _: empty))
    page = asked(sweep, tmp_path).read_text()
    assert '<a href="#own-of-things">Of things</a>; <a href="#own-of-none">Of none</a></nav>' in page
    for part in ('<h2 id="own-of-things">Of things</h2>', "What is there?", "<li>One.</li>", "<td>a thing</td>"):
        assert part in page
    assert "There is none: give <code>--data DIR</code>." in page
    assert (tmp_path / "tables" / "own_things.csv").read_text() == "what\na thing\n"


def test_the_command_on_the_page_has_the_levels_that_were_asked_for(sweep: Any, tmp_path: Path) -> None:
    page = asked(sweep, tmp_path, rules=rules_of(0.95)).read_text()
    assert "python -m analysis.report own --sensitivity 0.95<" in page


def test_a_chapter_that_says_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="a chapter must show something, or say why not, but silent does neither"):
        Chapter(name="silent", title="Silent")


def test_validation_rows_are_in_no_score_of_the_test_set(sweep: Any) -> None:
    from analysis.reading import predictions as reading

    for cell, repeats in reading.by_cell(sweep.uri, runs(sweep.uri, "own").confirm):
        assert [len(repeat.images) for repeat in repeats] == [30] * 3, cell
