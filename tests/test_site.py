"""The documents as a site: built without a warning, every page in it, and nothing fetched from anywhere else."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

pytest.importorskip("material")

from tests import site_hook
from tests.site_hook import FILES, PAGES

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
LOADED = {
    "script": "src",
    "img": "src",
    "link": "href",
    "iframe": "src",
    "source": "src",
}  # not what a reader clicks on
ADDRESS = re.compile(r"(?:url\(|@import)\s*['\"]?((?:https?:)?//[^'\")\s]+)")


class Addresses(HTMLParser):
    """What a page loads, what it points to, and where one can point in it."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors.add(values.get("id", ""))
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag in LOADED and values.get(LOADED[tag]) and values.get("rel") not in ("canonical", "next", "prev"):
            self.loaded.append(values[LOADED[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def pages(site: Path) -> Iterator[tuple[Path, Addresses]]:
    yield from ((path, Addresses(path)) for path in sorted(site.rglob("*.html")) if path.name != "404.html")


def is_foreign(address: str) -> bool:
    return bool(urlsplit(address).netloc)


def test_every_document_is_a_page_and_every_page_is_in_the_menu(site: Path) -> None:
    names = {path.stem for path in (ROOT / "docs").rglob("*.md")} | {Path(page).stem for page in PAGES.values()}
    assert {path.stem for path, _ in pages(site)} == names
    menu = set(re.findall(r"(\w+)\.md", yaml.dump(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])))
    assert menu == names
    front = (site / "index.html").read_text()
    assert "Which teacher, which student" in front and "python -m platform.sweep retina" in front


def test_nothing_is_loaded_from_anywhere_else(site: Path) -> None:
    for path, addresses in pages(site):
        assert len(addresses.loaded) > 2
        assert [each for each in addresses.loaded if is_foreign(each)] == [], path.name
        assert ADDRESS.findall(path.read_text(encoding="utf-8")) == [], path.name
    for style in site.rglob("*.css"):
        assert ADDRESS.findall(style.read_text(encoding="utf-8")) == [], style.name


def test_every_link_leads_somewhere(site: Path) -> None:
    anchors = {path.name: addresses.anchors for path, addresses in pages(site)}
    broken = []
    for path, addresses in pages(site):
        for link in (*addresses.links, *addresses.loaded):
            if is_foreign(link) or link.startswith("mailto:"):
                continue
            name, _, anchor = link.partition("#")
            target = (path.parent / unquote(name)).resolve() if name else path
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file() or (anchor and anchor not in anchors.get(target.name, {anchor})):
                broken.append((path.name, link))
    assert broken == []


def test_files_beside_the_pages_are_the_repositorys(site: Path) -> None:
    for name in FILES:
        assert (site / name).read_bytes() == (ROOT / name).read_bytes()
    assert (site / "reading_results.ipynb").read_bytes() == (ROOT / "docs" / "reading_results.ipynb").read_bytes()


def test_links_are_moved_with_the_pages() -> None:
    assert doctest.testmod(site_hook) == (0, 3)


@pytest.mark.parametrize(
    ("text", "foreign"),
    [
        ("@import url(//fonts.example/x)", ["//fonts.example/x"]),
        ("a{background:url('https://x.y/z.png')}", ["https://x.y/z.png"]),
        ("a{background:url(data:image/svg+xml;utf8,<svg xmlns='http://www.w3.org/2000/svg'>)}", []),
    ],
)
def test_a_foreign_address_is_seen(text: str, foreign: list[str]) -> None:
    assert ADDRESS.findall(text) == foreign
