"""The methods and the checklists on a report's page: written to files, and every link of theirs leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from analysis import report
from analysis.chapters import checklists_filled, contents, methods_in_words
from tests.analysis.methods.conftest import CELLS, GRADES, PHOTOGRAPHS, TRIAL, fill, sweep_tags


@pytest.mark.usefixtures("svg_alone")
def test_the_methods_and_the_checklists_are_on_the_page(
    store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "CHAPTERS", (methods_in_words.chapter, checklists_filled.chapter))
    facts = {name: value for name, value in PHOTOGRAPHS.items() if name != "split_rule"}
    fill(store, store.sweep(**sweep_tags(GRADES, facts)), CELLS[:1], {**TRIAL, "num_trainable": "1354917"})
    assert report.main(["retina", "--tracking-uri", store.uri, "--out", str(tmp_path)]) == 0
    folder = tmp_path / "retina"
    page = (folder / "index.html").read_text()
    assert "<strong>[not recorded: how the split was made]</strong>" in page
    assert page.count('<table class="texts">') == 2
    assert "1 fact that a paper needs is not recorded" in page
    assert '<a href="#retina-methods-in-words-split">Methods, in words: Splits</a>' in page
    anchors = re.findall(r'id="([^"]+)"', page)
    assert len(anchors) == len(set(anchors))
    inner = re.findall(r'href="#([^"]+)"', page)
    assert len(inner) > 40 and set(inner) <= set(anchors)
    written = {
        suffix: (folder / "tables" / f"retina_methods_in_words.{suffix}").read_text() for suffix in ("txt", "md", "tex")
    }
    assert written["tex"].startswith(r"\section{Methods, in words}") and "\\paragraph{Splits.}" in written["tex"]
    assert written["md"].startswith("## Methods, in words\n\n**Data.** The data set was Retina: 721 images")
    assert "`" not in written["txt"] and "Splits. All images of a patient" in written["txt"]
    for name in ("tripod_ai_2024", "claim_2024"):
        assert (folder / "tables" / f"retina_{name}.csv").read_text().startswith("item,section,topic,status,answer")
