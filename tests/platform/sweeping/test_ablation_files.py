"""Each ablation that comes with the platform is read, says what it asks, and makes a sweep that can run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import platform.phantoms.sets
from platform.command_line.ablation import FOLDER, packaged
from platform.command_line.ablation_file import read
from platform.command_line.ablation_request import sweep_request
from platform.command_line.parsing import parser_of
from platform.command_line.sweep_requests import SweepRequest
from platform.sources.names import check_sweep
from platform.sources.places import Places
from platform.sweeping.gathering import prepare_sweep
from platform.sweeping.plan import config_of
from platform.sweeping.setup import Setup
from search_spaces.space import controls_of
from trainables.cell import ITSELF
from trainables.data.catalogue import DATASETS
from trainables.knob import SETUP, knobs
from trainables.models.architectures import build
from trainables.recipe import Recipe
from trainables.teachers import shelf
from trainables.teachers.lite0_names import LITE0
from trainables.transfer import METHODS

NAMES = (
    "imagenet_knowledge", "methods", "paper_figure_3", "paper_table_4", "paper_table_5", "recipe", "teachers",
    "unfreeze_depth", "unlabelled",
)  # fmt: skip
SMALL = ("--image-size", "32", "--average-labels", "defined", "--trials", "1", "--repeats", "1")
SIZES = {"retina": 14, "chexpert": 32}


@pytest.fixture(scope="module")
def drawn(draw_phantoms: Callable[..., Path]) -> Path:
    return draw_phantoms(**SIZES)


@pytest.fixture
def setup_of(drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Setup]:
    """The sweep of an ablation and further words, on small phantoms and with stand-ins for teachers."""
    monkeypatch.setattr(platform.phantoms.sets, "PHANTOM_IMAGE_SIZE_PX", 32)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    places = Places.under(tmp_path / "results")
    shutil.copytree(drawn, places.phantoms)
    shelf.save(  # the one teacher that an ablation's head has the user train first
        places.teachers(phantom=True, image_size_px=32),
        build(LITE0, 5).state_dict(),
        name="lite0-retina",
        architecture=LITE0,
        task="multiclass",
        label_names=DATASETS["retina"].label_names,
        source="drawn",
        is_phantom=True,
    )

    def make(name: str, *more: str) -> Setup:
        size = str(SIZES[str(read(name).values["dataset"])])
        words = ["--ablation", name, "--phantom-size", size, "--preset", "quick", *SMALL, *more]
        request = sweep_request(parser_of(SweepRequest, "platform.sweep", "a sweep").parse_args(words))
        check_sweep(request, places)
        return prepare_sweep(request, places, stand_ins=tmp_path)

    return make


def test_they_are_all_there() -> None:
    assert packaged() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_its_head_has_the_command_the_time_and_its_text_the_question(name: str) -> None:
    ablation = read(name)
    head = ablation.text.partition("\nquestion = ")[0]
    assert all(line.startswith("#") for line in head.splitlines())
    assert f"python -m platform.sweep --ablation {name}" in head and "# Running time: " in head
    assert ablation.question.endswith("?") and ablation.path == FOLDER / f"{name}.toml"


@pytest.mark.parametrize("name", NAMES)
def test_every_cell_of_it_can_be_trained(name: str, setup_of: Callable[..., Setup]) -> None:
    setup = setup_of(name)
    assert setup.name.startswith(f"{name}-")
    cells = setup.space.cells
    assert len(cells) == len(set(cells)) >= 6
    for cell in cells:  # a configuration is checked as it is made
        setup.spec(config_of(setup.base, cell, {} if cell.method == ITSELF else setup.space.first(cell)))
    assert {cell.baseline() for cell in cells if cell.method not in (ITSELF, "transfer")} <= set(cells)


def test_the_papers_tables_have_the_papers_columns(setup_of: Callable[..., Setup]) -> None:
    columns = {
        "transfer/none/densenet121/all", "transfer/none/densenet121/last34", "transfer/none/densenet40/all",
        "attention/imagenet/densenet121/all", "attention/imagenet/densenet40/all",
        "attention/mimic-cxr/densenet121/all", "attention/mimic-cxr/densenet40/all",
    }  # fmt: skip
    for name in ("paper_table_4", "paper_table_5"):
        assert {cell.name for cell in setup_of(name).space.cells} == columns
        assert dict(read(name).values).items() >= {"search": "grid", "repeats": 3, "preset": "paper"}.items()


def test_the_file_of_methods_has_them_all() -> None:
    controls = {cell.method for cell in controls_of(["imagenet"])}
    listed = read("methods").values["methods"]
    assert len(listed) == len(set(listed)) and set(listed) == set(METHODS) - (controls - {"attention"})
    assert read("methods").values["controls"] is True


def test_the_recipe_changes_one_knob_at_a_time(setup_of: Callable[..., Setup]) -> None:
    cells = setup_of("recipe").space.cells
    changed = [cell for cell in cells if cell.departures]
    assert all(len(cell.departures) == 1 for cell in changed)
    baselines = [cell.name for cell in cells if not cell.departures]
    assert baselines == ["transfer/none/densenet121/all", "attention/imagenet/densenet121/all"]
    not_there = {
        "lr_halving_epochs", "focal_gamma",  # they refine a schedule and a loss
        "max_epochs", "unlabelled_epochs",  # how long
        "batch_size", "image_size_px", "precision", "compiled",  # how large and how fast
    }  # fmt: skip
    names = {knob.name for knob in knobs(Recipe, SETUP)} - not_there
    assert {name for cell in changed for name, _ in cell.varied} == names


def test_the_depths_go_from_a_probe_to_the_whole_network(setup_of: Callable[..., Setup]) -> None:
    cells = setup_of("unfreeze_depth").space.cells
    for student in ("densenet121", "densenet40"):
        for method in ("transfer", "attention"):
            depths = [cell.unfreeze for cell in cells if (cell.method, cell.student) == (method, student)]
            assert "all" in depths and len(depths) >= 3, (method, student)
    assert {cell.unfreeze for cell in cells if cell.method == "transfer"} >= {"head", "all", "last34"}


def test_each_number_of_labels_is_taught_with_and_without_other_images(setup_of: Callable[..., Setup]) -> None:
    cells = setup_of("unlabelled").space.cells
    for method, kinds in (("transfer", 1), ("attention", 2), ("similarity", 2)):
        names = {(cell.data_fraction, cell.variations) for cell in cells if cell.method == method}
        assert len(names) == 4 * kinds and {fraction for fraction, _ in names} == {0.1, 0.25, 0.5, 1.0}


def test_another_data_set_takes_the_same_file(setup_of: Callable[..., Setup]) -> None:
    setup = setup_of("paper_table_5", "chexpert", "--phantom-size", "32")
    assert (setup.store.dataset, setup.facts["overrides"].split()[0]) == ("chexpert", "chexpert")
    assert setup.facts["ablation_file"] == "paper_table_5.toml"


def test_imagenet_reaches_a_student_as_weights_or_through_the_teacher(setup_of: Callable[..., Setup]) -> None:
    setup = setup_of("imagenet_knowledge")
    assert {cell.name for cell in setup.space.cells} == {
        "transfer/none/tf_efficientnet_lite0/all@from-random",
        "transfer/none/tf_efficientnet_lite0/all",
        "transfer/none/densenet40/all@from-random",
        "distillation/lite0-retina/densenet40/all@from-random",
        "similarity/lite0-retina/densenet40/all@from-random",
        "embedding-queue/lite0-retina/densenet40/all@from-random",
        "itself/lite0-retina/none/none",
    }
    assert setup.teachers["lite0-retina"].source == "drawn"  # the teacher at hand, not random weights in its place
    assert set(setup.teachers) == {"lite0-retina", "imagenet-tf_efficientnet_lite0"}  # DenseNet-121's are not needed
