"""What is made of the results after somebody has withdrawn, and what was made before."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import platform.export
import platform.prepare
from analysis import report
from analysis.reading import artifacts
from analysis.reading.bundles import ABOUT, FORM
from platform.sources.images import listing_of, store_of
from platform.sweeping.status_page import in_lines
from tests.platform.withdrawing.conftest import HOW, Clinic
from tests.platform.withdrawing.left_behind import NAME, SWEEP
from trainables.data.listing import Listing
from trainables.data.store import Store, salted_hashes
from trainables.data.votes import votes_of, without_votes


@pytest.mark.slow
def test_the_report_of_before_is_made_again_and_says_it(clinic: Clinic, tmp_path: Path, svg_alone: None) -> None:
    clinic.withdraw()
    where = ["--tracking-uri", clinic.places.tracking_uri, "--results", str(clinic.results)]
    assert report.main([NAME, *where, "--out", str(tmp_path)]) == 0
    page = (tmp_path / NAME / "index.html").read_text()
    assert "patients of clinic who have withdrawn since: 3" in page
    assert not any(patient in page for patient in clinic.leaving)


def test_a_plan_counts_the_images_without_them(clinic: Clinic) -> None:
    clinic.withdraw()
    path = clinic.store.path
    counts = {split: len(clinic.store.rows(split)) for split in ("train", "validation", "test")}
    path.unlink()
    listing = listing_of(NAME, None, clinic.places)
    planned = store_of(listing, clinic.places, 32, validation_share=float(HOW[-1]), decode=False)
    assert not path.exists() and {split: len(planned.rows(split)) for split in counts} == counts


def test_a_store_without_a_finding_stays_one(clinic: Clinic) -> None:
    how = [NAME, *HOW, "--hold-out", "Mass", "--results", str(clinic.results)]
    whole = clinic.store.path
    platform.prepare.main(how)
    (path,) = set(clinic.results.glob(f"stores/{NAME}-*.arrow")) - {whole}
    clinic.withdraw()
    rewritten = Store.open(path)
    content = path.read_bytes()
    assert rewritten.held_out == "Mass" and not set(rewritten.patient) & clinic.leaving
    path.unlink()
    platform.prepare.main(how)
    assert path.read_bytes() == content


def test_who_misses_the_images_of_before_is_told_why(clinic: Clinic, capsys: Any) -> None:
    clinic.withdraw()
    assert artifacts.why_gone(clinic.results, clinic.store.fingerprint) == ""
    where = ["--results", str(clinic.results), "--tracking-uri", clinic.places.tracking_uri]
    run_id = next(clinic.results.glob("artifacts/*/artifacts/external")).parts[-3]
    with pytest.raises(SystemExit):
        platform.export.main([run_id, *where])
    assert "3 patients have withdrawn from these images since" in capsys.readouterr().err


def test_archives_of_the_sweep_are_named(clinic: Clinic, capsys: pytest.CaptureFixture[str]) -> None:
    for name, sweep in (("ours", SWEEP), ("others", "second")):
        with zipfile.ZipFile(clinic.results / f"{name}.zip", "w") as archive:
            archive.writestr(f"{name}/{ABOUT}", json.dumps({"form": FORM, "dataset": NAME, "sweep": sweep}))
    (clinic.results / "strange.zip").write_bytes(b"no archive")
    clinic.withdraw()
    named = [line for line in capsys.readouterr().out.splitlines() if ".zip" in line]
    assert len(named) == 1 and "cannot be rewritten" in named[0] and "ours.zip" in named[0]


def test_the_status_does_not_offer_to_resume_it() -> None:
    content: dict[str, Any] = {
        "sweep": SWEEP, "is_phantom": False, "gpus": 0, "cpus": 1, "trials_done": 1, "trials": 2, "slot_s": 0,
        "updated_s": 0, "studies": [], "failed": [], "running": [], "metric": "auc", "left_s": None,
    }  # fmt: skip
    content["studies"] = [
        {"name": "c", "cell": "c", "searched": 1, "to_search": 2, "confirmed": 0, "to_confirm": 0, "best": None,
         "test_auc": None, "half_width": None, "num_scored": 0}
    ]  # fmt: skip
    assert "resume it with" in in_lines(content, is_running=False, resume="again")
    text = in_lines({**content, "withdrawn": 3}, is_running=False, resume="again")
    assert "resume it with" not in text and "have withdrawn from its images since: 3; it cannot be resumed" in text


def test_a_new_table_of_single_readings_is_without_them() -> None:
    rows = pd.DataFrame({"path": ["a", "b"], "patient": ["p", "q"]})
    codes = [np.array([1], np.int8)] * 2
    votes = pd.DataFrame({"path": ["a", "b"], "study": ["s", "t"], "reader": "one", "role": "x", "labels": codes})
    nothing = pd.DataFrame({"path": [], "reason": []})
    listing = Listing(
        dataset="x", root=Path(), task="multilabel", label_names=("Edema",), channels=1, rows=rows, left_out=nothing,
        votes=votes,
    )  # fmt: skip
    (gone,) = salted_hashes(["p"], b"salt")
    kept = votes_of(without_votes(listing, {gone}, b"salt"), b"salt")
    assert kept is not None and kept["image"].tolist() == salted_hashes(["b"], b"salt")
