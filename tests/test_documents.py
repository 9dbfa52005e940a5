"""The documents: their links lead somewhere, their example runs, and all of them name one version."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tests import house
from trainables.transfer.method import METHODS
from trainables.version import VERSION

ROOT = Path(__file__).parents[1]
README_LINES = 150
FENCE = re.compile(r"^```.*?^```[ \t]*$", flags=re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")


def documents() -> list[str]:
    """Every Markdown file that is, or could be, in the repository."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if listing.returncode != 0:
        pytest.skip(f"not a git checkout: {listing.stderr.strip()}")
    return sorted(name for name in set(listing.stdout.split("\0")) if name and (ROOT / name).is_file())


def anchors(text: str) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them: a repeated heading gets -1, -2, ...

    >>> sorted(anchors("# Your own images\\n## `a` and b: c\\n## Your own images"))
    ['a-and-b-c', 'your-own-images', 'your-own-images-1']
    """
    slugs: list[str] = []
    for heading in re.findall(r"^#{1,6}\s+(.*?)\s*#*$", FENCE.sub("", text), flags=re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        repeats = sum(re.fullmatch(re.escape(slug) + r"(-\d+)?", other) is not None for other in slugs)
        slugs.append(f"{slug}-{repeats}" if repeats else slug)
    return set(slugs)


def broken_links(document: Path, text: str) -> list[str]:
    """The links of a document, pictures too, whose file or anchor is missing; links to the web are not followed."""
    broken = []
    for link in LINK.findall(FENCE.sub("", text)):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = (document.parent / path) if path else document
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            broken.append(link)
    return broken


def test_every_internal_link_leads_somewhere() -> None:
    names = documents()
    assert {"README.md", "CHANGELOG.md", "docs/house.md"} <= set(names)
    broken = {name: broken_links(ROOT / name, (ROOT / name).read_text(encoding="utf-8")) for name in names}
    assert {name: links for name, links in broken.items() if links} == {}


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("[a](gone.md)", ["gone.md"]),
        ("[a](#gone)\n# Here", ["#gone"]),
        ("[a](#here) ![b](there.md#a-place)\n# Here", []),
        ("[a](there.md#gone)", ["there.md#gone"]),
        ("[a](https://example.org/x#y)", []),
        ("```\n[a](gone.md)\n```", []),
    ],
)
def test_a_broken_link_is_seen(tmp_path: Path, text: str, broken: list[str]) -> None:
    (tmp_path / "there.md").write_text("# A place\n")
    document = tmp_path / "here.md"
    document.write_text(text)
    assert broken_links(document, text) == broken


def test_every_test_that_a_page_names_is_there() -> None:
    named = [
        (name, *found)
        for name in documents()
        for found in re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", (ROOT / name).read_text())
    ]
    assert len(named) > 20
    absent = [
        each
        for each in named
        if not (ROOT / each[1]).is_file() or f"def {each[2]}(" not in (ROOT / each[1]).read_text()
    ]
    assert not absent


def test_the_readme_leads_to_every_page_and_is_short() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= README_LINES
    pages = [name for name in documents() if re.fullmatch(r"docs/[^/]+\.md", name)]
    assert [name for name in pages if f"({name}" not in text] == []


def test_the_tree_of_folders_is_fresh() -> None:
    page = house.PAGE.read_text(encoding="utf-8")
    assert house.with_tree(page) == page, "docs/house.md is out of date: run `python -m tests.house`"


def test_a_page_without_the_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="must have the lines"):
        house.with_tree("# The house\n")


@pytest.mark.parametrize("folder", house.folders(), ids=str)
def test_every_folder_says_what_lives_there(folder: Path) -> None:
    text = house.docstring(folder)
    assert len(house.first_sentence(text)) <= 100, f"the first sentence of {folder}/__init__.py must fit on a line"
    rule = f"{folder}/__init__.py must say in a paragraph what lives there and what does not"
    assert len(re.findall(r"\.(?=\s|$)", text)) >= 2 and len(text.split()) >= 25, rule


def test_the_example_of_a_method_is_a_method(monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "adding.md").read_text(), flags=re.DOTALL)
    monkeypatch.setattr("trainables.transfer.method.METHODS", dict(METHODS))
    names: dict[str, object] = {"__name__": "toy"}
    exec(code, names)
    import trainables.transfer.method as method

    assert method.METHODS["toy"] is names["Toy"]
    assert "toy" not in METHODS


def test_all_documents_name_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    newest = re.search(r"^## (\S+) - (\d{4}-\d\d-\d\d)$", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert newest is not None
    assert {project["version"], citation["version"], newest[1]} == {VERSION}
    assert str(citation["date-released"]) == newest[2]
    assert project["license"] == citation["license"]


def test_the_citation_has_what_its_format_requires() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "abstract"} <= set(citation)
    (paper,) = citation["references"]
    assert {"type", "title", "authors"} <= set(paper)
    assert [author["family-names"] for author in paper["authors"]] == [
        "Akbarian", "Seyyed-Kalantari", "Khalvati", "Dolatabadi",
    ]  # fmt: skip


def test_the_command_prints_the_version() -> None:
    command = [sys.executable, "-m", "platform", "--version"]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout == f"{VERSION}\n"
