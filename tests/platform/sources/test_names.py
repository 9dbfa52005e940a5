"""A data set's name is checked before anything heavy is imported, and a misspelt one gets the nearest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from platform.sources.names import check_dataset
from platform.sources.places import Places
from trainables.data import readers
from trainables.data.catalogue import DATASETS

ROOT = Path(__file__).parents[3]
HEAVY = {"torch", "ray", "mlflow", "pandas", "numpy"}


def test_the_names_are_those_of_the_catalogue() -> None:
    assert set(readers.names()) == set(DATASETS)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("retin", "retina"), ("chexprt", "chexpert"), ("mimic_cxr", "mimic-cxr"), ("clinics", "clinic"), ("brain", None)],
)
def test_a_misspelt_name_gets_the_nearest_one(tmp_path: Path, name: str, nearest: str | None) -> None:
    places = Places.under(tmp_path)
    own = places.own_dataset("clinic")
    own.parent.mkdir()
    own.write_text("{}")
    for known in ("retina", "clinic"):
        check_dataset(known, places)
    with pytest.raises(ValueError, match=r"or a user's own \(clinic\), but got") as caught:
        check_dataset(name, places)
    assert ("did you mean" in str(caught.value)) == (nearest is not None)
    assert nearest is None or f"but got {name!r} (did you mean {nearest}?); " in str(caught.value)


@pytest.mark.parametrize("command", ["sweep", "pretrain", "prepare"])
def test_nothing_heavy_is_imported_to_refuse_a_name(tmp_path: Path, command: str) -> None:
    program = f"""
import sys, platform.{command}
try:
    platform.{command}.main(["retin", "--results", {str(tmp_path)!r}])
finally:
    print(*sorted({HEAVY!r} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "\n") and "did you mean retina?" in done.stderr
