"""Nothing that tells who a patient is gets into a store of one's own images, or into what a sweep says of it.

`tests/test_additions.py` searches all that a whole sweep and its report leave behind.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from PIL import Image

import platform.prepare
from platform.command_line.sweep_requests import SweepRequest
from platform.sources.places import Places
from platform.sweeping.gathering import prepare_sweep
from tests.typed import typed

NUM_PATIENTS = 24
FORMS = {  # of a patient's id, and of a picture's path
    "a name, in the file's name": ("Mueller-{number:04d}", "scan-{patient}.png"),
    "a number, in folders and in the file's name": ("0047{number}", "{patient}/study1/1.3.6.1.4.1.{patient}.jpg"),
    "a name with blank, comma and umlaut": ("Müller, Jörg {number}", "ward 7/{patient}.jpeg"),
    "a name that only the picture has": ("case{number}", "p{number}.jpg"),
}
SURNAMES = ("Mueller", "Müller", "Schulze")
ARTIST, DESCRIPTION = 0x013B, 0x010E  # tags of EXIF


@pytest.mark.parametrize(("patient_form", "path_form"), FORMS.values(), ids=FORMS)
def test_no_patient_path_or_image_is_in_a_store_or_in_what_a_sweep_says_of_it(
    patient_form: str,
    path_form: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    data, results = tmp_path / "clinic", tmp_path / "results"
    patients = [patient_form.format(number=number) for number in range(9000, 9000 + NUM_PATIENTS)]
    paths = [path_form.format(number=9000 + number, patient=patient) for number, patient in enumerate(patients)]
    rows = [["image", "patient", "label"]]
    for number, (patient, path) in enumerate(zip(patients, paths, strict=True)):
        _save(data / path, contrast=10 + number, patient=patient)
        rows.append([path, patient, "ill" if number % 2 else "well"])
    with (data / "ward7.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    platform.prepare.main([str(data / "ward7.csv"), "--image-size", "32", "--results", str(results)])

    places = Places.under(results)
    flags = ["--teachers", "phantom", "--preset", "quick", "--image-size", "32", "--cells", "transfer/*/densenet40/*"]
    request = typed(SweepRequest, "ward7", *flags, "--init", "random", "--average-labels", "defined")
    setup = prepare_sweep(request, places)
    plan = setup.plan([])
    record = plan.next()
    assert record is not None
    said = [setup.name, json.dumps(setup.facts), setup.announcement(plan, places), json.dumps(setup.tags(record))]
    assert "ill" in setup.facts["label_names"] and setup.store.num_images == NUM_PATIENTS
    printed = capsys.readouterr()
    texts = [text.encode() for text in (*said, printed.out, printed.err)]
    secrets = {*SURNAMES, *patients, *paths, *(Path(path).stem for path in paths)}
    for content in [*texts, *(path.read_bytes() for path in (results / "stores").iterdir())]:
        for secret in secrets:
            assert secret.encode() not in content and secret.encode("latin-1") not in content, secret


def _save(path: Path, *, contrast: int, patient: str) -> None:
    """A picture of noise whose own notes name the patient, and somebody called Schulze."""
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[ARTIST], exif[DESCRIPTION] = "Schulze", patient
    Image.effect_noise((40, 40), contrast).save(path, exif=exif)
    assert b"Schulze" in path.read_bytes()
