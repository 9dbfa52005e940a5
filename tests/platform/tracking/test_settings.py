"""What a sweep may not change when it goes on, and what it may."""

from __future__ import annotations

import json
from typing import Any

import pytest

from platform.tracking.settings import grown

BEFORE = {"epochs": 3, "teachers": {"imagenet": "abc"}}


def after(now: dict[str, Any], before: dict[str, Any] | None = None) -> Any:
    return json.loads(grown(json.dumps(before or BEFORE), json.dumps(now), "mine"))


def test_a_sweep_may_get_more_teachers_and_forgets_none() -> None:
    both = {"imagenet": "abc", "mimic-cxr": "def"}
    assert after({"epochs": 3, "teachers": {"mimic-cxr": "def"}}) == {"epochs": 3, "teachers": both}
    assert after({"epochs": 3, "teachers": {}}) == BEFORE


def test_a_teacher_that_keeps_its_name_keeps_its_weights() -> None:
    with pytest.raises(
        ValueError, match=r"keep the settings .* mine has other ones \(imagenet: abc before, xyz now\);"
    ):
        after({"epochs": 3, "teachers": {"imagenet": "xyz", "mimic-cxr": "def"}})


def test_a_knob_that_is_not_on_record_had_its_default() -> None:
    assert after({**BEFORE, "batch_size": 32})["batch_size"] == 32
    with pytest.raises(ValueError, match=r"\(batch_size: 32 before, 16 now\)"):
        after({**BEFORE, "batch_size": 16})


def test_the_sampler_of_a_sweep_that_names_none_was_tpe() -> None:
    assert after({**BEFORE, "searcher": "tpe"})["searcher"] == "tpe"
    with pytest.raises(ValueError, match=r"\(searcher: tpe before, gp now\)"):
        after({**BEFORE, "searcher": "gp"})


def test_a_sweep_that_named_no_scheduler_had_asha() -> None:
    assert after({**BEFORE, "scheduler": "asha"})["scheduler"] == "asha"
    with pytest.raises(ValueError, match=r"\(scheduler: asha before, pasha now\)"):
        after({**BEFORE, "scheduler": "pasha"})


@pytest.mark.parametrize("now", [{"teachers": {}}, {"epochs": 4}, {"epochs": 3, "more": 1}])
def test_every_other_change_is_refused(now: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give the same flags, or another --name"):
        after(now)


def test_a_sweep_without_settings_has_none_to_keep() -> None:
    assert grown("", "", "mine") == "{}"


def test_other_images_under_the_same_name_are_named_as_such() -> None:
    with pytest.raises(
        ValueError, match=r"prepared images must stay .* mine began with those of fingerprint ab and finds those of cd:"
    ):
        after({**BEFORE, "data": "cd"}, {**BEFORE, "data": "ab"})
    with pytest.raises(ValueError, match=r"keep the settings .*\(data: ab before, cd now; epochs: 3 before, 4 now\)"):
        after({**BEFORE, "data": "cd", "epochs": 4}, {**BEFORE, "data": "ab"})
