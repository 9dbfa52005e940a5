"""Makes the documents a site without moving them: MkDocs calls the functions here, as `mkdocs.yml` says.

README.md becomes the front page, and the other pages beside it join those in docs/. Links are changed to where a page
or a file lies in the site, so that in the repository they stay what GitHub needs.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
PAGES = {"README.md": "index.md", "BENCHMARKS.md": "benchmarks.md", "CHANGELOG.md": "changelog.md"}
FILES = ("CITATION.cff", "LICENSE", "Dockerfile", "cluster.yaml")  # which pages point to, taken as they are
LINK = re.compile(r"(\]\()([^)\s#]+)")


def on_files(files: Files, config: Any) -> Files:
    """Adds what lies beside docs/."""
    for name, page in PAGES.items():
        files.append(File.generated(config, page, content=moved((ROOT / name).read_text(encoding="utf-8"), "")))
    for name in FILES:
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Changes the links of a page in docs/; those of the others were changed as they were added."""
    return (
        markdown
        if page.file.src_uri in PAGES.values()
        else moved(markdown, posixpath.join("docs", posixpath.dirname(page.file.src_uri)))
    )


def moved(markdown: str, folder: str) -> str:
    """The text of a page that lies in `folder` of the repository, with links that fit the site.

    >>> moved("[a](docs/b.md#c) ![d](docs/e.png) [f](CHANGELOG.md) [g](https://h.i/docs/j.md) [k](#l)", "")
    '[a](b.md#c) ![d](e.png) [f](changelog.md) [g](https://h.i/docs/j.md) [k](#l)'
    >>> moved("[a](../README.md#b) [c](d.md) [e](../cluster.yaml) [f](cluster/g.sh)", "docs")
    '[a](index.md#b) [c](d.md) [e](cluster.yaml) [f](cluster/g.sh)'
    >>> moved("[a](../../README.md) [b](../c.md) ![d](e.png)", "docs/results")
    '[a](../index.md) [b](../c.md) ![d](e.png)'
    """
    from_root = posixpath.normpath(posixpath.join("/", folder)).removeprefix("/docs").strip("/") or "."

    def place(match: re.Match[str]) -> str:
        target = match[2]
        if re.match(r"[a-z]+:", target):
            return match[0]
        path = posixpath.normpath(posixpath.join(folder, target))
        return match[1] + posixpath.relpath(PAGES.get(path, path.removeprefix("docs/")), from_root)

    return LINK.sub(place, markdown)
