"""The list of patients who have withdrawn, and a store that is rewritten without them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.trainables.data.test_store import make, write_retina
from trainables.data.store import Store, salted_hashes
from trainables.data.store_without import rewrite_without
from trainables.data.withdrawn import FILE, NOT_NAMED, Withdrawn, closed_up, kept_rows, withdrawn_in, write_withdrawn


def test_a_list_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert withdrawn_in(tmp_path) == Withdrawn()
    withdrawn = Withdrawn(salt="s", patients={"retina": ("a", "b")}, before={"0" * 16: ("r.arrow", {"a": "test"})})
    write_withdrawn(tmp_path, withdrawn)
    assert withdrawn_in(tmp_path) == withdrawn


@pytest.mark.parametrize("content", ["", "[]", '{"patients": {}}', '{"salt": "", "patients": [], "before": {}}'])
def test_a_list_that_cannot_be_read_is_never_taken_for_an_empty_one(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    with pytest.raises(ValueError, match="must be the list of patients who have withdrawn, but cannot be read"):
        withdrawn_in(tmp_path)


def test_who_withdraws_from_one_set_leaves_those_that_share_its_patients() -> None:
    withdrawn = Withdrawn(patients={"retina": ("a",), "eyepacs": ("b",), "mine": ("c",)})
    assert withdrawn.of("retina") == {"a", "b"} == withdrawn.of("eyepacs")
    assert withdrawn.of("mine") == {"c"} and withdrawn.of("chexpert") == set()


def test_only_caches_of_these_images_or_of_none_that_are_named_are_stale(tmp_path: Path) -> None:
    cache, local = tmp_path / "cache", tmp_path / "local"
    mine, other, unnamed = ("0" * 16 + "-1234"), ("1" * 16 + "-1234"), "1234567812345678"
    for name in (mine, other, unnamed):
        (cache / name).mkdir(parents=True)
        (cache / name / "shape.json").touch()
    (cache / "photographs").mkdir()
    (cache / "photographs" / "one.png").touch()
    (local / "stores").mkdir(parents=True)
    for name in (f"s-{'0' * 16}.arrow", f"s-{'0' * 16}.lock", f"s-{'1' * 16}.arrow"):
        (local / "stores" / name).touch()
    assert Withdrawn().clear(local, cache) == []
    withdrawn = Withdrawn(before={"0" * 16: ("s.arrow", {})})
    assert withdrawn.stale(None, cache) == [cache / mine, cache / unnamed]
    assert {path.name for path in withdrawn.clear(local, None)} == {f"s-{'0' * 16}.arrow", f"s-{'0' * 16}.lock"}
    withdrawn.clear(None, cache)
    assert {path.name for path in cache.iterdir()} == {other, "photographs"}
    assert withdrawn.clear(tmp_path / "absent", tmp_path / "absent") == []


def test_ranks_close_their_gaps() -> None:
    ranks, gone = np.array([4, -1, 0, 2, 1, -1, 3]), np.array([0, 1, 1, 0, 0, 0, 1], bool)
    assert closed_up(ranks, gone)[~gone].tolist() == [2, 1, 0, -1]
    rows = pd.DataFrame({"patient": list("abcdefg"), "train_rank": ranks})
    assert kept_rows(rows, {"b", "c", "g"}, "x")["train_rank"].tolist() == [2, 1, 0, -1]
    assert kept_rows(rows, set(), "x") is rows
    with pytest.raises(ValueError, match="every patient of x has withdrawn"):
        kept_rows(rows, set("abcdefg"), "x")


def test_a_store_that_is_rewritten_is_the_one_that_would_be_made(tmp_path: Path) -> None:
    write_retina(tmp_path / "retina")
    (tmp_path / "retina" / "train" / "3_left.jpeg").write_bytes(b"damaged")
    gone = set(salted_hashes(["2", "7"], b"salt"))
    store = make(tmp_path / "retina", tmp_path / "stores" / "a.arrow", skip_unreadable=True)
    assert "3_left" in str(store.left_out)
    rewrite_without(store, gone)
    rewritten = Store.open(store.path)
    anew = make(tmp_path / "retina", tmp_path / "stores" / "b.arrow", skip_unreadable=True, withdrawn=gone)
    assert rewritten.fingerprint == anew.fingerprint == rewritten.recomputed_fingerprint()
    assert rewritten.path.read_bytes() == anew.path.read_bytes()
    assert [list(each) for each in rewritten.left_out] == [NOT_NAMED] and not gone & set(rewritten.patient)
