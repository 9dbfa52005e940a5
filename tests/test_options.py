"""The documents' page of options is the one that the declarations give."""

from __future__ import annotations

from tests.options import PAGE, page


def test_the_page_of_options_is_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "docs/options.md is stale: `make docs` rewrites it"
