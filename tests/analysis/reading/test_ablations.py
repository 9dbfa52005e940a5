"""The files behind sweeps, as their runs hold them and as a page shows them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from analysis.pages.page import Section, write_page
from analysis.reading.ablations import Ablation, ablations
from analysis.reading.trials import runs

TEXT = 'question = "Why < how?"\ndataset = "retina"\n'


def tags(text: str = TEXT, **more: str) -> dict[str, str]:
    sha = hashlib.sha256(TEXT.encode()).hexdigest()
    asked = {"ablation_question": "Why < how?", "ablation_file": "why.toml", "overrides": ""}
    return {"ablation": text, "ablation_sha256": sha, **asked, **more}


def test_a_sweep_has_the_file_that_it_was_made_from(store: Any) -> None:
    store.trial(store.sweep(name="asked", **tags(overrides="--trials 3")), metrics={"test_auc": 0.7})
    (found,) = ablations(runs(store.uri, "retina"))
    assert (found.sweep, found.file, found.question) == ("", "why.toml", "Why < how?")
    assert (found.text, found.overrides, found.is_cut) == (TEXT, "--trials 3", False)


def test_of_several_sweeps_each_names_its_own(store: Any) -> None:
    for number, (name, more) in enumerate({"asked": tags(), "typed": {}, "long": tags(TEXT[:9])}.items()):
        store.trial(store.sweep(name=name, **more), seed=number, metrics={"test_auc": 0.7})
    found = ablations(runs(store.uri, "retina"))
    assert [(each.sweep, each.is_cut) for each in found] == [("asked", False), ("long", True)]


def test_a_sweep_without_a_file_has_none(store: Any) -> None:
    store.trial(store.sweep(), metrics={"test_auc": 0.7})
    assert ablations(runs(store.uri, "retina")) == []


def page(tmp_path: Path, **changes: Any) -> str:
    facts: dict[str, Any] = {"sweep": "", "file": "why.toml", "question": "Why < how?", "text": TEXT, "overrides": ""}
    facts |= {"sha256": hashlib.sha256(TEXT.encode()).hexdigest(), **changes}
    parts: dict[str, Any] = {"facts": [], "sentences": [], "tables": [], "pictures": [], "left_out": []}
    section = Section(anchor="a", title="A", ablations=[Ablation(**facts)], **parts)
    return write_page(tmp_path, "A page", [], [section], phantom="").read_text()


def test_the_page_shows_question_hash_and_text(tmp_path: Path) -> None:
    text = page(tmp_path)
    assert '<p class="question">Why &lt; how?</p>' in text and "<code>why.toml</code>" in text
    assert "dataset = &#34;retina&#34;" in text and hashlib.sha256(TEXT.encode()).hexdigest() in text
    assert "typed beside it" not in text and "in the sweep" not in text and "shows the beginning" not in text
    more = page(tmp_path, overrides="--trials 3", sweep="mine", text=TEXT[:9])
    assert "typed beside it: <code>--trials 3</code>" in more and "in the sweep mine" in more
    assert "shows the beginning" in more
