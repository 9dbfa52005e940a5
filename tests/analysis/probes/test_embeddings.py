"""Embeddings are what the head sees; every repeat, first weights and teachers are among the subjects, once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from analysis.probes import networks
from analysis.probes.embeddings import embed, of_runs
from analysis.probes.networks import AFTER, BEFORE, TEACHER, Network
from analysis.reading.trials import runs
from platform.phantoms.nih_writer import write_chestxray8
from tests.tiny_network import NAME
from trainables.data.readers import chestxray8
from trainables.data.store import Store
from trainables.data.store_making import prepare
from trainables.models.architectures import build, known
from trainables.models.beginning import give_first_weights
from trainables.teachers import shelf
from trainables.teachers.imagenet import name_of

pytestmark = pytest.mark.slow

NAMES = ("a", "b")
PLAIN, TAUGHT = f"transfer/none/{NAME}/all", f"attention/one+two/{NAME}/all"
ROWS = np.arange(5)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("data")
    write_chestxray8(folder / "chestxray8", num_images=20, image_size_px=32, seed=0, progress=False)
    listing = chestxray8.read(folder / "chestxray8")
    return prepare(listing, folder / "store.arrow", image_size_px=32, salt=b"s", progress=False)


def network(architecture: str, seed: int = 0) -> networks.Network:
    torch.manual_seed(seed)
    return networks.network(architecture, NAMES, build(architecture, 2).state_dict())


@pytest.mark.parametrize("architecture", ["densenet121", "densenet40", "resnet18", "vit_tiny_patch16_224"])
def test_the_head_sees_the_embedding(architecture: str, data: Store) -> None:
    subjects = network(architecture)
    embeddings = embed(subjects, data, ROWS)
    assert embeddings.shape == (5, known(architecture).taps["embedding"].num_planes)
    head = subjects.module.get_submodule(known(architecture).output)
    with torch.no_grad():
        logits = subjects.module(networks.views(data.gather(ROWS)))
        np.testing.assert_allclose(head(torch.from_numpy(embeddings)), logits, atol=1e-5)


def add_teacher(folder: Path, name: str, seed: int) -> shelf.Teacher:
    weights = network(NAME, seed).module.state_dict()
    facts: dict[str, Any] = {"architecture": NAME, "task": "multilabel", "label_names": NAMES, "source": "drawn"}
    return shelf.save(folder / "teachers" / "x", weights, name=name, is_phantom=True, **facts)


@pytest.fixture
def results(tiny: str, store: Any, tmp_path: Path) -> Path:
    """Two repeats of plain transfer, and two of a student of two teachers, one of which is without weights."""
    names = ("one", "two", name_of(NAME))
    prints = [add_teacher(tmp_path, name, seed).fingerprint for seed, name in enumerate(names)]
    parent = store.sweep(data="phantom")
    taught = {"method": "attention", "teacher": "one+two", "beta": 3.0}
    for number, config in enumerate([{}, {}, taught, taught]):
        tags = {"teacher_fingerprint": "+".join(prints[:2]), "init_fingerprint": prints[2]}
        run = store.trial(parent, seed=number % 2, student=NAME, tags=tags, **config)
        if number < 3:
            save_file(network(NAME, number + 5).module.state_dict(), tmp_path / "best-00001.safetensors")
            store.client.log_artifact(run, str(tmp_path / "best-00001.safetensors"), "model")
    return tmp_path


def test_every_network_behind_the_cells_is_there_once(
    store: Any, results: Path, data: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    subjects = of_runs(runs(store.uri, "retina"), results, NAMES, data, ROWS)
    assert capsys.readouterr().err.startswith("embeddings: 4 runs ...\n")
    assert [(subject.name, subject.kind, len(subject.repeats)) for subject in subjects.subjects] == [
        (TAUGHT, AFTER, 1),
        (PLAIN, AFTER, 2),
        (f"{NAME} from imagenet, before training", BEFORE, 1),  # both seeds begin with the same backbone
        ("teacher one", TEACHER, 1),
        ("teacher two", TEACHER, 1),
    ]
    assert [subject.baseline for subject in subjects.subjects] == [PLAIN, PLAIN, PLAIN, "", ""]
    assert [teacher.name for teacher in subjects.subjects[0].teachers] == ["one", "two", name_of(NAME)]
    assert [teacher.name for teacher in subjects.subjects[1].teachers] == [name_of(NAME)]
    assert subjects.left_out == (f"{TAUGHT}, seed 1: its weights are missing",)
    np.testing.assert_array_equal(subjects.subjects[1].repeats[1], embed(network(NAME, 6), data, ROWS))
    np.testing.assert_array_equal(subjects.subjects[2].repeats[0], embed(network(NAME, 2), data, ROWS))


def test_a_student_of_matched_weights_is_drawn_again_as_its_trial_drew_it(
    store: Any, tiny: str, tmp_path: Path, data: Store
) -> None:
    teacher, parent = add_teacher(tmp_path, name_of(NAME), 2), store.sweep(data="phantom")
    save_file(network(NAME, 5).module.state_dict(), tmp_path / "best-00001.safetensors")
    for seed in (0, 1):
        tags = {"init_fingerprint": teacher.fingerprint}
        run = store.trial(parent, seed=seed, student=NAME, init="matched-imagenet", tags=tags)
        store.client.log_artifact(run, str(tmp_path / "best-00001.safetensors"), "model")
    subjects = of_runs(runs(store.uri, "retina"), tmp_path, NAMES, data, ROWS, progress=False).subjects
    (before,) = (subject for subject in subjects if subject.kind == BEFORE)
    assert before.name == f"{NAME} from matched-imagenet, before training" and len(before.repeats) == 2
    for seed, embeddings in enumerate(before.repeats):
        torch.manual_seed(seed)
        student = build(NAME, len(NAMES))
        give_first_weights(student, NAME, "matched-imagenet", teacher.state_dict())
        drawn = Network(architecture=NAME, label_names=NAMES, module=student.eval())
        np.testing.assert_array_equal(embeddings, embed(drawn, data, ROWS))


def test_a_student_of_another_image_size_is_left_out(store: Any, results: Path, data: Store) -> None:
    (parent,) = store.parents
    tags = {"cell": f"{PLAIN}@image_size_px=512"}
    tags["sweep_setup"] = json.dumps({"image_size_px": 256, "data_fingerprint": "data-a"})
    run = store.trial(parent, data_fingerprint="data-b", tags=tags, student=NAME, image_size_px=512)
    store.client.log_artifact(run, str(results / "best-00001.safetensors"), "model")
    subjects = of_runs(runs(store.uri, "retina"), results, NAMES, data, ROWS, progress=False)
    assert [subject.name for subject in subjects.subjects if subject.kind == AFTER] == [TAUGHT, PLAIN]
    assert subjects.left_out[0] == f"{PLAIN}@image_size_px=512: it was trained on images of another size"


@pytest.mark.usefixtures("tiny")
def test_without_any_weights_there_is_nothing_to_compare(store: Any, tmp_path: Path, data: Store) -> None:
    store.trial(store.sweep(), student=NAME)
    with pytest.raises(
        LookupError, match=f"no cell of retina has its weights: {PLAIN}, seed 0: its weights are missing"
    ):
        of_runs(runs(store.uri, "retina"), tmp_path, NAMES, data, ROWS, progress=False)
