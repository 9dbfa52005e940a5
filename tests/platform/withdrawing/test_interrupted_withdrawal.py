"""A withdrawal that ends at any of its steps: nothing reads what is half done, and doing it again finishes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis.reading.trials import runs
from platform.withdrawing import conduct_withdrawal, recorded_runs, removal
from tests.platform.withdrawing.conftest import Clinic, contents, frames, holding
from tests.platform.withdrawing.left_behind import NAME
from trainables.data.store import Store
from trainables.data.withdrawn import FILE

STEPS: dict[str, tuple[Any, str, int]] = {  # where, the function, and the call that does not return
    "the list": (removal, "write_withdrawn", 1),
    "the tags": (recorded_runs.RecordedRuns, "set_tags", 1),
    "the first predictions": (recorded_runs.PredictionFile, "rewrite_without", 1),
    "the second predictions": (recorded_runs.PredictionFile, "rewrite_without", 2),
    "the cache": (removal, "_delete", 1),
    "the copied store": (removal, "_delete", 2),
    "the store": (removal, "rewrite_without", 1),
    "the sweep": (removal, "_end_sweep", 1),
    "a part": (removal, "_delete", 5),
    "the table": (conduct_withdrawal, "write_bytes", 1),
}


class CutError(OSError):
    """The power goes."""


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_withdrawal_that_is_cut_off_is_finished_by_the_next(
    clinic: Clinic, step: str, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, name, number = STEPS[step]
    old = clinic.store
    with monkeypatch.context() as patched:
        patched.setattr(place, name, cut(getattr(place, name), number, after=after))
        with pytest.raises(SystemExit) as ended:
            clinic.withdraw()
        assert ended.value.code == 2
    # The list comes first: of images that are gone already, nothing else would say who was in them.
    assert (clinic.results / FILE).exists() or (step, after) == ("the list", False)
    if (clinic.results / FILE).exists() and old.path.read_bytes().count(next(iter(clinic.leaving)).encode()):
        with pytest.raises(ValueError, match="finish what was interrupted"):
            Store.open(old.path)
    assert clinic.withdraw() == 0
    assert {path.name for path in holding(clinic.results, clinic)} == {FILE, "teacher.json"}
    assert not holding(clinic.results.parent / "local", clinic)
    assert not list(clinic.results.rglob("*.part")) and not list(clinic.results.glob("cache/*"))
    assert set(runs(clinic.places.tracking_uri, NAME).trials["tags.withdrawn"]) == {"3"}
    assert clinic.store.num_images == 34
    assert sorted(len(frame) for frame in frames(clinic.results, "predictions.parquet")) == [6, 12, 12]
    table = (clinic.results / "stores" / f"{NAME}.withdrawn-1.csv").read_text()
    assert table.count("student, confirm") == 2 and table.count("teacher,") == 2
    before = contents(clinic.results)
    clinic.withdraw()
    assert contents(clinic.results) == before


def cut(function: Callable[..., Any], number: int, *, after: bool) -> Callable[..., Any]:
    """The function, but that its call number `number` fails, before or after it has done its work."""
    calls = 0

    def failing(*given: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls != number:
            return function(*given, **named)
        if after:
            function(*given, **named)
        raise CutError("no power")

    return failing


def test_a_full_disk_leaves_the_old_store_until_there_is_room(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    path, content = clinic.store.path, clinic.store.path.read_bytes()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("trainables.data.store_writing.write", full)
        with pytest.raises(SystemExit):
            clinic.withdraw()
    assert path.read_bytes() == content and not list(Path(path.parent).glob(f".{path.name}.part"))
    clinic.withdraw()
    assert clinic.store.num_images == 34
