"""A patient withdraws: nothing of them is left where something was, and everybody else stays as they were."""

from __future__ import annotations

import numpy as np

from tests.platform.withdrawing.conftest import Clinic, frames


def test_smoke(clinic: Clinic, capsys) -> None:
    before = clinic.store
    from trainables.data.store import salted_hashes
    names=[f"pat-{n:02d}" for n in range(20)]
    d=dict(zip(before.patient,before.split))
    print({n:d[h] for n,h in zip(names,salted_hashes(names,clinic.places.salt()))})
    print(capsys.readouterr().out[-700:])
    print({n:d[h] for n,h in zip(names,salted_hashes(names,clinic.places.salt()))})
    assert clinic.withdraw("--dry-run") == 0
    print(capsys.readouterr().out)
    assert clinic.withdraw() == 0
    after = clinic.store
    assert after.num_images == before.num_images - 4
    assert not set(after.patient) & clinic.leaving
    assert np.all(~np.isin(frames(clinic.results, "predictions.parquet")[0]["patient"], list(clinic.leaving)))
    assert clinic.withdraw() == 0
    assert 0
