"""Nothing that tells who a patient is gets into a store of one's own images, or into what a sweep says of it.

`tests/test_additions.py` searches all that a whole sweep and its report leave behind.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

import platform.prepare
from platform.command_line.sweep_requests import SweepRequest
from platform.sources.places import Places
from platform.sweeping.gathering import prepare_sweep
from tests.typed import typed

PATIENTS = [f"Mueller-{number:04d}" for number in range(9000, 9024)]


def test_no_patient_path_or_image_is_in_a_store_or_in_what_a_sweep_says_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    data, results = tmp_path / "clinic", tmp_path / "results"
    data.mkdir()
    lines = ["image,patient,label"]
    for number, patient in enumerate(PATIENTS):
        Image.effect_noise((40, 40), 10 + number).save(data / f"scan-{patient}.png")
        lines.append(f"scan-{patient}.png,{patient},{'ill' if number % 2 else 'well'}")
    (data / "ward7.csv").write_text("\n".join(lines))
    platform.prepare.main([str(data / "ward7.csv"), "--image-size", "32", "--results", str(results)])

    places = Places.under(results)
    flags = ["--teachers", "phantom", "--preset", "quick", "--image-size", "32", "--cells", "transfer/*/densenet40/*"]
    request = typed(SweepRequest, "ward7", *flags, "--init", "random", "--average-labels", "defined")
    setup = prepare_sweep(request, places)
    plan = setup.plan([])
    record = plan.next()
    assert record is not None
    said = [setup.name, json.dumps(setup.facts), setup.announcement(plan, places), json.dumps(setup.tags(record))]
    assert "ill" in setup.facts["label_names"] and setup.store.num_images == len(PATIENTS)
    printed = capsys.readouterr()
    texts = [text.encode() for text in (*said, printed.out, printed.err)]
    for content in [*texts, *(path.read_bytes() for path in (results / "stores").iterdir())]:
        assert b"Mueller" not in content and b"scan-" not in content
