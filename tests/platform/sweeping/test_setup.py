"""What a sweep needs is found, or one line says what is absent and what to do; a phantom is never taken for real."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision.models import DenseNet121_Weights

import platform.phantoms.sets
import platform.sweep
from platform.command_line.sweep_requests import SweepRequest
from platform.phantoms.writers import write_retina
from platform.sources.places import Places
from platform.sweeping.gathering import prepare_sweep
from platform.sweeping.records import TrialRecord
from platform.sweeping.setup import Setup
from tests.typed import typed
from trainables.data.listing import PHANTOM_MARK
from trainables.data.readers import chexpert
from trainables.data.splits import SPLITS
from trainables.teachers import shelf
from trainables.teachers.shelf import Teacher
from trainables.version import VERSION

NUM_PATIENTS, NUM_CHESTS = 14, 32
FINDINGS = chexpert.LABELS
CONTROLS = ("--controls", "--students", "densenet40")


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small phantoms, no weights in torch hub's cache, no tracking server."""
    monkeypatch.setattr(platform.phantoms.sets, "PHANTOM_IMAGE_SIZE_PX", 32)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds `retina`, marked as a phantom."""
    folder = tmp_path_factory.mktemp("phantoms")
    write_retina(folder / "retina", num_patients=NUM_PATIENTS, image_size_px=32, seed=1, progress=False)
    return folder


@pytest.fixture(scope="module")
def data(phantoms: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same photographs, which pass for real."""
    folder = shutil.copytree(phantoms, tmp_path_factory.mktemp("data"), dirs_exist_ok=True)
    (folder / "retina" / PHANTOM_MARK).unlink()
    return folder


@pytest.fixture(scope="module")
def drawn(draw_phantoms: Callable[..., Path]) -> Path:
    """The phantoms of `options` and `chest_options`."""
    return draw_phantoms(retina=NUM_PATIENTS, chexpert=NUM_CHESTS)


@pytest.fixture
def places(drawn: Path, tmp_path: Path) -> Places:
    """A results folder with nothing but phantoms."""
    results = Places.under(tmp_path / "results")
    shutil.copytree(drawn, results.phantoms)
    return results


def options(*flags: str) -> SweepRequest:
    small = ["--image-size", "32", "--phantom-size", str(NUM_PATIENTS), "--average-labels", "defined"]
    return typed(SweepRequest, "retina", *small, *flags)


def first_trial(setup: Setup) -> TrialRecord:
    record = setup.plan([]).next()
    assert record is not None
    return record


def add_teacher(places: Places, name: str, *, phantom: bool, value: float = 0.0, image_size_px: int = 32) -> Teacher:
    """A teacher of that name; its weights are for the fingerprint alone."""
    facts: dict[str, Any] = {"architecture": "densenet121", "task": "multilabel", "label_names": ("a",)}
    folder = places.teachers(phantom=phantom, image_size_px=image_size_px)
    weights = {"w": torch.full((1,), value)}
    return shelf.save(folder, weights, name=name, source="drawn", is_phantom=phantom, **facts)


def add_teachers(places: Places, *, phantom: bool, image_size_px: int = 32) -> dict[str, Teacher]:
    values = {"imagenet": 1.0, "mimic-cxr": 2.0}
    return {
        name: add_teacher(places, name, phantom=phantom, value=value, image_size_px=image_size_px)
        for name, value in values.items()
    }


def test_absent_imagenet_weights_are_named_before_anything_is_decoded(
    places: Places, data: Path, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        prepare_sweep(options("--data", str(data)), places)
    message = str(caught.value)
    place = tmp_path / "torch" / "hub" / "checkpoints" / "densenet121-a639ec97.pth"
    assert f"fetch {DenseNet121_Weights.IMAGENET1K_V1.url} and put it at {place}" in message
    assert not (places.results / "stores").exists()


def test_an_absent_teacher_is_named_with_the_ways_to_one(places: Places, data: Path) -> None:
    add_teacher(places, "imagenet", phantom=False)
    with pytest.raises(FileNotFoundError, match=r"no teacher named 'mimic-cxr' in .*/teachers/real;") as caught:
        prepare_sweep(options("--data", str(data)), places)
    assert "python -m platform.teachers import FILE --name mimic-cxr" in str(caught.value)
    assert "--cells" in str(caught.value) and "--teachers phantom" in str(caught.value)


def test_cells_that_are_left_out_need_no_teacher(places: Places, data: Path) -> None:
    add_teacher(places, "imagenet", phantom=False)
    setup = prepare_sweep(options("--data", str(data), "--cells", "transfer/*", "attention/imagenet/*"), places)
    assert set(setup.teachers) == {"imagenet"}
    assert len(setup.space.cells) % 5 == 0  # five of the seven columns, at each fraction


def test_a_phantom_teacher_never_stands_in_for_a_real_one_unasked(places: Places, data: Path) -> None:
    add_teachers(places, phantom=True)
    with pytest.raises(FileNotFoundError, match="no ImageNet weights of densenet121 on this machine"):
        prepare_sweep(options("--data", str(data)), places)
    setup = prepare_sweep(options("--data", str(data), "--teachers", "phantom"), places)
    assert setup.facts["data"] == "real"
    record = first_trial(setup)
    assert {"data": "real", "init_is_phantom": "true", "teacher_is_phantom": "false"}.items() <= setup.tags(
        record
    ).items()


def test_real_teachers_for_phantom_images_are_refused(places: Places) -> None:
    add_teachers(places, phantom=False)
    with pytest.raises(ValueError, match="phantom images need phantom teachers: give --data, or leave out --teachers"):
        prepare_sweep(options("--teachers", "real"), places)


def test_a_phantom_folder_given_as_data_is_still_a_phantom(
    places: Places, phantoms: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_teachers(places, phantom=True)
    setup = prepare_sweep(options("--data", str(phantoms), "--teachers", "phantom"), places)
    assert setup.store.is_phantom
    assert (setup.facts["data"], setup.tags(first_trial(setup))["data"]) == ("phantom", "phantom")
    assert setup.name.startswith("retina-phantom-")
    assert "28 PHANTOM (synthetic) images" in capsys.readouterr().out


def test_without_data_all_is_phantom_and_quick(places: Places, capsys: pytest.CaptureFixture[str]) -> None:
    teachers = add_teachers(places, phantom=True)
    setup = prepare_sweep(options(), places)
    assert setup.store.is_phantom and setup.facts["data"] == "phantom"
    assert setup.teachers == teachers
    assert (setup.max_epochs, setup.num_trials, setup.num_repeats, setup.base.batch_size) == (2, 2, 3, 8)
    assert len(setup.space.cells) == 7
    assert setup.base.selection_metric == "f1_weighted"
    assert "PHANTOM" in capsys.readouterr().out
    text = setup.announcement(setup.plan([]), places)
    assert f"sweep {setup.name}: 7 cells, optuna search by tpe, 35 trials in all" in text
    assert f"imagenet (PHANTOM) {teachers['imagenet'].fingerprint}" in text
    assert "2 epochs, 32 px, seed 0" in text


def test_with_data_the_paper_is_the_preset(places: Places, data: Path) -> None:
    add_teachers(places, phantom=False)
    setup = prepare_sweep(options("--data", str(data)), places)
    assert (setup.max_epochs, setup.base.batch_size, setup.base.learning_rate) == (128, 32, 5e-5)
    assert setup.name.startswith("retina-real-")
    quick = prepare_sweep(
        options("--data", str(data), "--preset", "quick", "--epochs", "5", "--trials", "4", "--repeats", "2"), places
    )
    assert (quick.max_epochs, quick.num_trials, quick.num_repeats) == (5, 4, 2)


@pytest.fixture
def name_of(places: Places) -> Any:
    add_teachers(places, phantom=True)
    return lambda *flags: prepare_sweep(options(*flags), places).name


def test_the_default_name_changes_with_what_decides_the_numbers(name_of: Any, places: Places) -> None:
    first = name_of()
    assert first == name_of()
    add_teachers(places, phantom=True, image_size_px=64)
    others = [
        name_of("--epochs", "4"),
        name_of("--seed", "1"),
        name_of("--search", "grid"),
        name_of("--searcher", "gp"),
        name_of("--searcher", "random"),
        name_of("--image-size", "64"),
        name_of("--phantom-size", "16"),
    ]
    assert len({first, *others}) == 8
    assert all(name.startswith("retina-phantom-") for name in others)


def test_the_default_name_is_known_before_the_teachers_and_their_change_shows_in_the_settings(places: Places) -> None:
    add_teachers(places, phantom=True)
    first = prepare_sweep(options(), places)
    add_teacher(places, "mimic-cxr", phantom=True, value=3.0)  # a teacher of that name, trained again
    second = prepare_sweep(options(), places)
    assert first.name == second.name
    assert first.facts["settings"] != second.facts["settings"]  # which the ledger refuses


def test_the_name_is_the_first_thing_that_is_printed(places: Places, capsys: pytest.CaptureFixture[str]) -> None:
    add_teachers(places, phantom=True)
    name = prepare_sweep(options(), places).name
    assert re.fullmatch(r"retina-phantom-[0-9a-f]{4}", name)
    assert capsys.readouterr().out.startswith(f"sweep {name}: choose a name of your own with --name\n")
    prepare_sweep(options("--name", "mine"), places)
    assert capsys.readouterr().out.startswith("sweep mine\n")


def test_what_only_makes_a_sweep_larger_keeps_its_name(name_of: Any) -> None:
    first = name_of()
    assert first == name_of("--trials", "9") == name_of("--repeats", "5") == name_of("--concurrent", "2")
    assert name_of("--name", "mine") == "mine"


def test_the_sampler_is_part_of_the_settings_and_the_one_that_earlier_sweeps_had_renames_none(places: Places) -> None:
    add_teachers(places, phantom=True)
    usual, named, other = [
        prepare_sweep(options(*flags), places) for flags in ([], ["--searcher", "tpe"], ["--searcher", "cma-es"])
    ]
    assert (usual.searcher, usual.name) == (named.searcher, named.name) == ("tpe", usual.name) != ("tpe", other.name)
    assert [json.loads(each.facts["settings"])["searcher"] for each in (usual, other)] == ["tpe", "cma-es"]
    assert {vars(study)["searcher"] for study in other.plan([]).studies.values()} == {"cma-es"}
    grid = prepare_sweep(options("--search", "grid"), places)
    assert "searcher" not in json.loads(grid.facts["settings"]) and "7 cells, grid search, " in grid.announcement(
        grid.plan([]), places
    )


def test_the_facts_are_those_of_the_data(places: Places) -> None:
    add_teachers(places, phantom=True)
    setup = prepare_sweep(options("--name", "mine"), places)
    assert json.loads(setup.facts["table_1"])["patients"] == NUM_PATIENTS
    assert list(json.loads(setup.facts["table_2"]).values()) == [{"train": 8, "validation": 10, "test": 10}]
    assert json.loads(setup.facts["label_names"])[0] == "No DR"
    assert setup.facts["version"] == VERSION
    settings = json.loads(setup.facts["settings"])
    assert settings["data"] == setup.store.fingerprint == setup.facts["data_fingerprint"]
    assert settings["teachers"] == {name: teacher.fingerprint for name, teacher in setup.teachers.items()}
    assert (settings["max_epochs"], settings["seed"], settings["image_size_px"]) == (2, 0, 32)
    assert setup.folder == places.sweep("mine")


def test_a_trials_spec_and_job_name_what_it_runs_on(places: Places) -> None:
    teachers = add_teachers(places, phantom=True)
    setup = prepare_sweep(options("--cells", "attention/mimic-cxr/densenet40/all", "--cpus-per-trial", "2"), places)
    record = first_trial(setup)
    spec = record.spec
    assert spec.teacher_fingerprint == teachers["mimic-cxr"].fingerprint
    assert spec.init_fingerprint == teachers["imagenet"].fingerprint
    assert (spec.data_fingerprint, spec.split_fingerprint) == (setup.store.fingerprint, setup.store.split_fingerprint)
    job = setup.job(record)
    assert job.spec == spec and spec.config.selection_metric == "f1_weighted" and job.num_threads == 2
    assert Path(job.folder) == places.sweep(setup.name) / "trials" / spec.key
    assert all(Path(path).is_absolute() for path in (job.store, job.teachers, job.folder))
    assert Path(job.teachers) == places.teachers(phantom=True, image_size_px=32)
    tags = setup.tags(record)
    assert tags["teacher_is_phantom"] == "true" and tags["version"] == VERSION
    assert tags["num_trainable"] == str(1_364_142 - 9 * 1025)  # Table VI's, with five outputs for fourteen
    plain = setup.spec(replace(spec.config, method="transfer", teacher="none", beta=None))
    assert plain.teacher_fingerprint == "none"


@pytest.mark.parametrize(("flags", "cpus"), [([], 1.0), (["--cpus-per-trial", "0"], 0.0)])
def test_no_cpu_for_a_trial_is_not_the_default(places: Places, flags: list[str], cpus: float) -> None:
    add_teachers(places, phantom=True)
    assert prepare_sweep(options(*flags), places).cpus_per_trial == cpus


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--cells", "hints/*"], r"no cell of retina matches 'hints/\*'"),
        (["--cells", "attention/*@0.5"], r"no cell of retina matches 'attention/\*@0\.5'"),
    ],
)
def test_cells_and_fractions_that_do_not_exist_are_named(places: Places, flags: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        prepare_sweep(options(*flags), places)


def test_a_data_folder_that_is_not_there_is_named(places: Places) -> None:
    with pytest.raises(FileNotFoundError, match="the data folder must exist, but there is no no/such/folder"):
        prepare_sweep(options("--data", "no/such/folder"), places)


def test_the_methods_are_listed_without_a_data_set(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        platform.sweep.main(["--list-methods"])
    output = capsys.readouterr().out
    assert ended.value.code == 0
    assert "similarity\n  L = 1/B^2 || G_S - G_T ||_F^2" in output and "  Tung and Mori, ICCV 2019" in output
    assert "transfer (always in a sweep: the baseline)\n  L = CE\n" in output


def add_experts(places: Places) -> dict[str, Teacher]:
    """`one` and `two`, who share the target's classes, beside `imagenet`, who gives the first weights."""
    add_teacher(places, "imagenet", phantom=True)
    experts = {}
    for value, name in enumerate(("one", "two"), 1):
        facts: dict[str, Any] = {"architecture": "densenet121", "task": "multiclass", "source": "drawn"}
        folder = places.teachers(phantom=True, image_size_px=32)
        labels = ("No DR", "Mild", "Moderate", "Severe", "Proliferative DR")
        weights = {"w": torch.full((1,), float(value))}
        experts[name] = shelf.save(folder, weights, name=name, label_names=labels, is_phantom=True, **facts)
    return experts


def test_an_ensemble_is_a_teacher_of_its_own(places: Places) -> None:
    experts = add_experts(places)
    flags = options("--teacher-names", "two+one", "--methods", "compression", "--cells", "compression/*/densenet40/*")
    setup = prepare_sweep(flags, places)
    assert [cell.name for cell in setup.space.cells] == ["compression/one+two/densenet40/all"]
    assert set(setup.teachers) == {"imagenet", "one", "two"}
    record = first_trial(setup)
    assert record.spec.teacher_fingerprint == f"{experts['one'].fingerprint}+{experts['two'].fingerprint}"
    assert setup.tags(record)["teacher_is_phantom"] == "true"


def test_what_does_not_fit_is_reported_before_the_sweep(places: Places, capsys: pytest.CaptureFixture[str]) -> None:
    add_experts(places)
    flags = options("--teacher-names", "one", "one+two", "--methods", "attention", "compression")
    setup = prepare_sweep(flags, places)
    assert not any(cell.name.startswith("attention/one+two") for cell in setup.space.cells)
    assert {"compression/one+two/densenet40/all", "attention/one/densenet40/all"} <= {c.name for c in setup.space.cells}
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("left out: ")]
    assert len(lines) == 2  # one line per cell
    assert (
        "left out: attention/one+two/densenet121/all: attention takes one teacher, but got one+two; those" in lines[0]
    )


def test_a_method_without_labels_in_common_ends_the_sweep_before_it_starts(places: Places) -> None:
    add_teachers(places, phantom=True)
    with pytest.raises(
        ValueError, match=r"distillation compares outputs, .* the teacher imagenet has a and the"
    ) as caught:
        prepare_sweep(options("--methods", "distillation"), places)
    assert "\n" not in str(caught.value)


def test_controls_are_cells_of_their_own(places: Places) -> None:
    add_teachers(places, phantom=True)
    setup = prepare_sweep(options("--controls"), places)
    names = [cell.name for cell in setup.space.cells if cell.student == "densenet40"]
    assert names[3:] == [
        "attention/random-weights/densenet40/all",
        "attention-permuted/imagenet/densenet40/all",
        "attention-permuted/mimic-cxr/densenet40/all",
        "attention-silent/imagenet/densenet40/all",
        "transfer/none/densenet40/all@from-random",
    ]


def add_a_judge(places: Places, label_names: tuple[str, ...], name: str = "judge") -> Teacher:
    """A ResNet-18 with an output for each of the labels."""
    facts: dict[str, Any] = {"architecture": "resnet18", "task": "multilabel", "label_names": label_names}
    folder = places.teachers(phantom=True, image_size_px=32)
    weights = {"w": torch.full((1,), 9.0)}
    return shelf.save(folder, weights, name=name, source="drawn", is_phantom=True, **facts)


def chest_options(*flags: str) -> SweepRequest:
    small = ["--image-size", "32", "--phantom-size", str(NUM_CHESTS), "--average-labels", "defined"]
    return typed(SweepRequest, "chexpert", *small, *flags)


def test_a_teacher_with_every_label_of_the_target_stands_in_the_sweep_itself(
    places: Places, capsys: pytest.CaptureFixture[str]
) -> None:
    add_teachers(places, phantom=True)
    judge = add_a_judge(places, ("Hernia", *FINDINGS))
    setup = prepare_sweep(
        chest_options(*CONTROLS, "--teacher-names", "imagenet", "judge", "--methods", "hints"), places
    )
    assert [cell.name for cell in setup.space.cells if cell.method == "itself"] == ["itself/judge/none/none"]
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("left out: itself/")]
    assert lines == [
        "left out: itself/imagenet/none/none: itself needs an output for every label of the target, but the teacher "
        "imagenet has multilabel outputs for a"
    ]
    trials = iter(setup.plan([]).next, None)
    record = next(trial for trial in trials if trial is not None and trial.spec.config.method == "itself")
    spec = record.spec
    assert (spec.teacher_fingerprint, spec.init_fingerprint) == (judge.fingerprint, "none")
    assert (spec.data_fingerprint, spec.split_fingerprint) == (setup.store.fingerprint, setup.store.split_fingerprint)
    fingerprints: list[dict[str, Any]] = [{f"{name}_fingerprint": "other"} for name in ("data", "split", "teacher")]
    assert len({spec.key, *(replace(spec, **other).key for other in fingerprints)}) == 4
    tags = setup.tags(record)
    assert (tags["num_trainable"], tags["teacher_is_phantom"], tags["init_is_phantom"]) == ("0", "true", "false")


def test_a_teacher_itself_needs_no_other_teacher(places: Places) -> None:
    add_a_judge(places, FINDINGS)
    flags = ["--teacher-names", "judge", "--cells", "itself/*", "--init", "imagenet", "random"]
    setup = prepare_sweep(chest_options(*CONTROLS, *flags), places)
    assert ([cell.name for cell in setup.space.cells], set(setup.teachers)) == (["itself/judge/none/none"], {"judge"})


def test_a_sweep_of_nothing_but_what_is_left_out_ends_with_the_reason(places: Places) -> None:
    add_a_judge(places, FINDINGS[1:])
    flags = chest_options(*CONTROLS, "--teacher-names", "judge", "--cells", "itself/*")
    with pytest.raises(ValueError, match="but the teacher judge has none for No Finding"):
        prepare_sweep(flags, places)


def add_networks(places: Places) -> None:
    """`imagenet`, `imagenet-resnet18` and `chest`, a foundation model that is a ResNet-50."""
    networks = {"imagenet": "densenet121", "imagenet-resnet18": "resnet18", "chest": "resnet50"}
    facts: dict[str, Any] = {"task": "multilabel", "label_names": ("a",), "source": "drawn", "is_phantom": True}
    for value, (name, network) in enumerate(networks.items()):
        note: dict[str, Any] = {"trained_on": "a million X-rays"} if name == "chest" else {}
        weights = {"w": torch.full((1,), float(value))}
        folder = places.teachers(phantom=True, image_size_px=32)
        shelf.save(folder, weights, name=name, architecture=network, **facts, **note)


def test_another_student_begins_with_its_own_weights_and_its_teacher_is_flagged(places: Places) -> None:
    add_networks(places)
    flags = ["--students", "resnet18", "densenet40", "--teacher-names", "chest", "--methods", "hints"]
    setup = prepare_sweep(options(*flags), places)
    warned = "the teacher chest was trained on 'a million X-rays', as its maker says"
    assert setup.facts["teacher_trained_on"].startswith(warned)
    plan = setup.plan([])
    assert f"WARNING:  {warned}" in setup.announcement(plan, places)
    for cell in setup.space.cells:
        beta = None if cell.teacher == "none" else 1.0
        config = replace(setup.base, method=cell.method, student=cell.student, teacher=cell.teacher, beta=beta)
        record = TrialRecord(spec=setup.spec(config), study="", number=0)
        first = {"resnet18": "imagenet-resnet18", "densenet40": "imagenet"}[cell.student]
        assert record.spec.init_fingerprint == setup.teachers[first].fingerprint
        assert setup.tags(record)["teacher_trained_on"].startswith(warned) == (cell.teacher == "chest")


def test_planes_that_differ_are_refused_before_the_sweep(places: Places) -> None:
    add_networks(places)
    with pytest.raises(ValueError, match=r"attention compares plane by plane, .*\(densenet121\) has 32 and resnet18"):
        prepare_sweep(options("--students", "resnet18", "--teacher-names", "imagenet"), places)


def test_another_networks_first_weights_are_refused(places: Places) -> None:
    add_networks(places)
    flags = ["--students", "resnet18", "--teacher-names", "chest", "--methods", "hints", "--init", "chest"]
    with pytest.raises(ValueError, match="of resnet18 must be those of a resnet18, but chest is a resnet50"):
        prepare_sweep(options(*flags), places)


def test_a_sweep_without_a_finding_is_never_an_ordinary_one(places: Places) -> None:
    add_teachers(places, phantom=True)
    variants: list[list[str]] = [[], ["--hold-out", "Edema"], ["--hold-out", "Fracture"]]
    setups = [prepare_sweep(chest_options(*flags), places) for flags in variants]
    assert len({setup.name for setup in setups}) == len({setup.store.fingerprint for setup in setups}) == 3
    config = replace(setups[0].base, beta=None)
    assert len({setup.spec(config).key for setup in setups}) == 3
    assert [setup.facts["held_out"] for setup in setups] == ["", "Edema", "Fracture"]
    settings = [json.loads(setup.facts["settings"]) for setup in setups]
    assert settings[0]["held_out"] == "" and settings[1]["held_out"] == "Edema"
    reduced = setups[1]
    assert "held-out" in reduced.name
    assert "held out of all training: Edema" in reduced.announcement(reduced.plan([]), places)
    assert "Edema" not in reduced.store.label_names
    assert reduced.store.recomputed_fingerprint() == reduced.store.fingerprint
    record = TrialRecord(spec=reduced.spec(config), study="", number=0)
    assert reduced.tags(record)["held_out"] == "Edema"


def test_another_validation_share_is_another_sweep(places: Places) -> None:
    add_teachers(places, phantom=True)
    plain, other = (prepare_sweep(options(*flags), places) for flags in ([], ["--validation-share", "0.2"]))
    assert plain.name != other.name and plain.store.fingerprint != other.store.fingerprint
    counts = [{split: int((setup.store.split == split).sum()) for split in SPLITS} for setup in (plain, other)]
    assert counts == [{"train": 8, "validation": 10, "test": 10}, {"train": 16, "validation": 6, "test": 6}]
    config = replace(plain.base, beta=None)
    assert plain.spec(config).key != other.spec(config).key


def test_another_precision_interpolation_or_compiler_is_another_sweep(places: Places) -> None:
    add_teachers(places, phantom=True)
    variants = ((), ("--precision", "bfloat16"), ("--interpolation", "bilinear"), ("--compile",))
    plain, rounded, smooth, compiled = (prepare_sweep(options(*flags), places) for flags in variants)
    assert len({plain.name, rounded.name, smooth.name, compiled.name}) == 4
    assert (rounded.base.precision, smooth.base.interpolation) == ("bfloat16", "bilinear")
    assert compiled.base.compiled and not plain.base.compiled


def test_a_finding_that_cannot_be_held_out_is_refused(places: Places) -> None:
    add_teachers(places, phantom=True)
    with pytest.raises(ValueError, match=r"the finding must be one of .*, but got 'Covid'"):
        prepare_sweep(chest_options("--hold-out", "Covid"), places)
    with pytest.raises(ValueError, match="only a finding of a multilabel set can be held out, but retina is multicl"):
        prepare_sweep(options("--hold-out", "grade 4"), places)
