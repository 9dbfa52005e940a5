"""Fig. 2 and the results folder: whose attention is shown, on whose image, and whose images are not shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from analysis.figures import figure_2
from analysis.pages.sections import content
from analysis.probes import networks
from analysis.reading import artifacts
from analysis.reading.trials import Runs, runs
from platform.phantoms.writers import write_retina
from trainables.data.readers import retina
from trainables.data.store import Store
from trainables.data.store_making import prepare
from trainables.models.architectures import build
from trainables.teachers import shelf
from trainables.teachers.shelf import Teacher

pytestmark = pytest.mark.slow

GRADES = 5


@pytest.fixture(scope="module")
def results(tiny: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with phantom photographs of 64 px and two teachers of random weights, `imagenet` and `small`."""
    folder = tmp_path_factory.mktemp("results")
    root = write_retina(folder / "phantoms" / "retina", num_patients=14, image_size_px=64, seed=0, progress=False)
    store_path = folder / "stores" / "retina.arrow"
    prepare(retina.read(root), store_path, image_size_px=64, salt=b"s", progress=False)
    for name, architecture in (("imagenet", "densenet121"), ("small", tiny)):
        torch.manual_seed(0)
        facts: dict[str, Any] = {"architecture": architecture, "task": "multiclass", "label_names": ("a", "b")}
        weights = build(architecture, 2).state_dict()
        shelf.save(folder / "teachers" / "x", weights, name=name, source="drawn", is_phantom=True, **facts)
    return folder


@pytest.fixture(scope="module")
def recorded(new_store: Callable[[Path], Any], results: Path, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """An attention cell of each of the paper's students, confirmed once, with weights; the retina of `results`."""
    folder = tmp_path_factory.mktemp("recorded")
    return confirmed(new_store(folder), results, folder, "imagenet", "densenet121", "densenet40")


def confirmed(store: Any, results: Path, folder: Path, teacher_name: str, *students: str) -> Runs:
    """An attention cell of each student with this teacher, from whose weights it starts."""
    data, teacher = artifacts_store(results), teacher_of(results, teacher_name)
    parent = store.sweep(data="phantom", label_names='["0", "1", "2", "3", "4"]')
    for student in students:
        torch.manual_seed(9)
        weights = folder / "best-00002.safetensors"
        save_file(dict(build(student, GRADES).state_dict()), weights)
        tags = {"teacher_fingerprint": teacher.fingerprint, "init_fingerprint": teacher.fingerprint}
        cell = {"method": "attention", "teacher": teacher_name, "init": teacher_name, "beta": 3.0, "student": student}
        run_id = store.trial(
            parent, metrics={"test_auc": 0.6}, data_fingerprint=data.fingerprint, tags=tags, seed=1, **cell
        )
        store.client.log_artifact(run_id, str(weights), "model")
    return runs(store.uri, "retina")


def artifacts_store(results: Path) -> Store:
    return Store.open(results / "stores" / "retina.arrow")


def teacher_of(results: Path, name: str = "imagenet") -> Teacher:
    return shelf.load(results / "teachers" / "x", name)


def test_a_student_that_starts_from_the_teacher_looks_where_it_looks(recorded: Runs, results: Path) -> None:
    all_maps = figure_2.maps_of_cells(recorded, artifacts_store(results), [teacher_of(results)], row=0)
    assert [maps.cell for maps in all_maps] == [
        "attention/imagenet/densenet121/all",
        "attention/imagenet/densenet40/all",
    ]
    whole = all_maps[0].by_network
    assert whole["teacher"].shape == (2, 2)
    np.testing.assert_array_equal(whole["teacher"], whole["student, before"])
    assert np.abs(whole["teacher"] - whole["student, after"]).max() > 1e-3
    frame = figure_2.rows(all_maps)
    assert frame["before"][0] == pytest.approx(1.0) and frame["after"][0] < 0.999
    drawn = figure_2.picture(recorded, artifacts_store(results), [teacher_of(results)], row=0)
    assert drawn is not None
    assert "2 x 2 cells each at this image size (64 px" in drawn.alternative
    assert "a cell is a large square, and nothing finer can be seen" in drawn.alternative


@pytest.mark.parametrize("name", ["densenet40", "resnet18"])
def test_unit_planes_make_a_map_of_at_most_one(name: str, results: Path) -> None:
    image = artifacts_store(results).gather(np.array([0]))[0]
    torch.manual_seed(0)
    network = networks.network(name, "abcde", dict(build(name, 5).state_dict()))
    attention = network.attention(image[None])[0]
    assert attention.shape == (2, 2) and attention.min() >= 0 and attention.max() <= 1


def test_the_results_folder_gives_what_the_fingerprints_name(results: Path) -> None:
    data = artifacts_store(results)
    (results / "stores" / "damaged.arrow").write_bytes(b"no store")
    recorded = artifacts.store_of(results, data.fingerprint)
    assert recorded is not None and recorded.path == data.path
    assert artifacts.store_of(results, "other") is None
    teacher = artifacts.teacher_of(results, teacher_of(results).fingerprint)
    assert teacher is not None and teacher.name == "imagenet"
    assert artifacts.teacher_of(results, "other") is None


def test_the_report_shows_phantoms_and_of_patients_only_what_is_asked_for(
    tiny: str, store: Any, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = confirmed(store, results, tmp_path, "small", tiny)

    def names(folder: Path | None, *, with_images: bool = False) -> set[str]:
        return {picture.name for picture in content(recorded, folder, with_images=with_images).pictures}

    assert {"figure_1", "figure_2"} <= names(results)
    assert not {"figure_1", "figure_2"} & names(None)
    real = artifacts_store(results)
    real.is_phantom = False
    monkeypatch.setattr(artifacts, "store_of", lambda *_: real)
    assert not {"figure_1", "figure_2"} & names(results)
    assert {"figure_1", "figure_2"} <= names(results, with_images=True)


def test_without_the_weights_there_is_no_figure(recorded: Runs, results: Path) -> None:
    assert figure_2.picture(recorded, artifacts_store(results), [], row=0) is None
