"""The search spaces against the paper's tables."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analysis import published
from search_spaces import SPACES, space_of
from search_spaces.retina import SPACE
from search_spaces.space import PAPER_BETAS, cells_of_tables_4_and_5, controls_of
from trainables import titles
from trainables.cell import Cell
from trainables.data.catalogue import DATASETS
from trainables.models.architectures import ARCHITECTURES
from trainables.transfer import METHODS

CROSSED = {"data_fraction": (0.25, 1.0), "uncertainty": ("zeros", "ignore")}


def test_the_cells_are_the_seven_columns_of_table_5():
    assert [cell.name for cell in SPACE.cells] == [
        "transfer/none/densenet121/all",
        "transfer/none/densenet121/last34",
        "transfer/none/densenet40/all",
        "attention/imagenet/densenet121/all",
        "attention/imagenet/densenet40/all",
        "attention/mimic-cxr/densenet121/all",
        "attention/mimic-cxr/densenet40/all",
    ]


def test_the_papers_grid_of_beta():
    assert PAPER_BETAS == (1, 5, 10, 20, 30, 50, 60, 100, 200, 500, 1000, 2000)


def test_cells_are_chosen_by_patterns_and_crossed_with_fractions():
    narrowed = SPACE.crossed({"data_fraction": (0.25, 1.0)}).narrowed(["transfer/*/densenet40/*"])
    assert [cell.name for cell in narrowed.cells] == [
        "transfer/none/densenet40/all@0.25",
        "transfer/none/densenet40/all",
    ]


def test_a_pattern_without_a_cell_is_named_with_the_cells_there_are():
    with pytest.raises(ValueError, match=r"no cell of retina matches 'hints/\*'; the cells are\n  transfer/none"):
        SPACE.narrowed(["hints/*"])


@pytest.mark.parametrize("fraction", [0.0, -0.5, 1.5])
def test_a_fraction_outside_its_range_is_named(fraction):
    with pytest.raises(ValueError, match=f"{fraction}"):
        SPACE.crossed({"data_fraction": (fraction,)})


def test_the_first_betas_are_table_3s():
    for row in published.betas().itertuples():
        dataset = next(name for name in SPACES if row.dataset in DATASETS[name].fractions)
        fraction = published.rows_of(dataset)[row.dataset]
        cell = Cell(method="attention", teacher=row.teacher, student=row.student, data_fraction=fraction)
        assert SPACES[dataset].first(cell)["beta"] == row.beta, row


def test_a_search_begins_with_the_papers_choice_and_with_both_ends_of_beta():
    def betas(dataset, name):
        openings = SPACES[dataset].openings(Cell.parse(name))
        assert all({**each, "beta": None} == {**openings[0], "beta": None} for each in openings)
        return [each["beta"] for each in openings]

    assert betas("retina", "attention/imagenet/densenet40/all") == [60, 1, 2000]
    assert betas("chexpert", "attention/mimic-cxr/densenet121/all") == [1, 2000]  # Table III's choice is an end
    # Where the paper states no choice, the ends come first.
    assert betas("retina", "attention/mine/densenet40/all") == [1, 2000, 100]
    of = METHODS["hints"].beta
    assert betas("retina", "hints/imagenet/densenet40/all") == [of.low, of.high, of.first]
    baseline = Cell.parse("transfer/none/densenet40/all")
    assert SPACE.openings(baseline) == [SPACE.first(baseline)]
    crossed = SPACE.crossed({"beta": (5.0,)}).cells[-1]  # where beta is an axis, a cell has one
    assert SPACE.openings(crossed) == [SPACE.first(crossed)]


def test_the_fractions_of_chexpert_are_table_2s_images():
    counts = [round(fraction * 178_352) for fraction in DATASETS["chexpert"].fractions.values()]
    assert counts == [5_000, 50_000, 178_352]


def test_a_data_set_without_a_space_of_its_own_has_the_papers_cells():
    assert {"retina", "chexpert", "chestxray8"} <= set(SPACES)
    assert space_of("covid").cells == SPACE.cells and space_of("covid").first_beta == {}


def test_each_policy_on_uncertain_labels_is_a_cell_of_its_own():
    narrowed = SPACES["chexpert"].crossed(CROSSED).narrowed(["transfer/*/densenet40/*"])
    assert [cell.name for cell in narrowed.cells] == [
        "transfer/none/densenet40/all@0.25",
        "transfer/none/densenet40/all@0.25,ignore",
        "transfer/none/densenet40/all",
        "transfer/none/densenet40/all@ignore",
    ]


def test_a_cell_is_its_facts_whatever_its_name():
    cell = Cell(method="attention", teacher="imagenet", student="densenet40", data_fraction=0.25, init="random")
    named = {"method": "attention", "teacher": "imagenet", "student": "densenet40"}
    assert cell.facts == {**named, "data_fraction": 0.25, "init": "random"}
    assert cell.question == {"data_fraction": 0.25} and replace(cell, data_fraction=1.0).question == {}


def test_the_cells_of_a_question_share_a_fraction_and_a_policy():
    space = SPACES["chexpert"].crossed(CROSSED | {"init": ("imagenet", "random")}).narrowed(["*/densenet40/*"])
    parts = space.by_question()
    assert [part.cells[0].question for part in parts] == [
        {"data_fraction": 0.25}, {"data_fraction": 0.25, "uncertainty": "ignore"}, {}, {"uncertainty": "ignore"},
    ]  # fmt: skip
    assert sorted(cell.name for part in parts for cell in part.cells) == sorted(cell.name for cell in space.cells)
    assert {len(part.cells) for part in parts} == {6}  # teachers and first weights are chosen from


def test_another_teacher_takes_the_place_of_the_papers():
    names = [cell.name for cell in cells_of_tables_4_and_5(["nih"])]
    assert names[3:] == ["attention/nih/densenet121/all", "attention/nih/densenet40/all"] and len(names) == 5


def test_another_student_has_the_papers_columns_but_for_the_half_frozen_one():
    names = [cell.name for cell in cells_of_tables_4_and_5(["imagenet"], ["hints"], ["resnet18", "densenet121"])]
    assert names == [
        "transfer/none/resnet18/all",
        "transfer/none/densenet121/all",
        "transfer/none/densenet121/last34",
        "hints/imagenet/resnet18/all",
        "hints/imagenet/densenet121/all",
    ]
    with pytest.raises(ValueError, match=r"the student must be one of densenet121, .*, but got 'vgg'"):
        cells_of_tables_4_and_5(students=["vgg"])
    assert {cell.student for cell in controls_of(["imagenet"], ["resnet18"])} == {"resnet18", "none"}


def test_a_teacher_itself_is_a_cell_at_each_fraction_and_policy_but_has_no_first_weights():
    teachers = ["a", "a+b"]
    alone = replace(SPACES["chexpert"], cells=tuple(cell for cell in controls_of(teachers) if cell.method == "itself"))
    assert [cell.name for cell in alone.cells] == ["itself/a/none/none", "itself/a+b/none/none"]
    crossed = alone.crossed(
        {"data_fraction": (0.25, 1.0), "uncertainty": ("zeros", "ones"), "init": ("imagenet", "random")}
    ).narrowed(["itself/a/*"])
    assert [cell.name for cell in crossed.cells] == [
        "itself/a/none/none@0.25",
        "itself/a/none/none@0.25,ones",
        "itself/a/none/none",
        "itself/a/none/none@ones",
    ]


def test_unfreeze_depths_are_crossed_with_every_method_and_student_that_has_them():
    space = replace(SPACE, cells=(*SPACE.cells, *controls_of(["imagenet"], ["densenet40"])))
    names = [cell.name for cell in space.crossed({"unfreeze": ("head", "last34", "all")}).cells]
    assert names == [
        "transfer/none/densenet121/head",
        "transfer/none/densenet40/head",
        *[f"attention/{teacher}/densenet{n}/head" for teacher in ("imagenet", "mimic-cxr") for n in (121, 40)],
        "attention/random-weights/densenet40/head",
        "attention-permuted/imagenet/densenet40/head",
        "attention-silent/imagenet/densenet40/head",
        "transfer/none/densenet40/head@from-random",
        "itself/imagenet/none/none",  # which trains nothing, once
        "transfer/none/densenet121/last34",
        *[f"attention/{teacher}/densenet121/last34" for teacher in ("imagenet", "mimic-cxr")],
        "transfer/none/densenet121/all",
        "transfer/none/densenet40/all",
        *[f"attention/{teacher}/densenet{n}/all" for teacher in ("imagenet", "mimic-cxr") for n in (121, 40)],
        "attention/random-weights/densenet40/all",
        "attention-permuted/imagenet/densenet40/all",
        "attention-silent/imagenet/densenet40/all",
        "transfer/none/densenet40/all@from-random",
    ]


def test_a_student_of_any_name_keeps_its_own_depths():
    cells = [
        Cell(method="transfer", teacher="none", student=name, unfreeze="all") for name in ("densenet40", "resnet18")
    ]
    assert replace(SPACE, cells=tuple(cells)).crossed({"unfreeze": ("all",)}).cells == tuple(cells)
    crossed = replace(SPACE, cells=tuple(cells)).crossed({"unfreeze": ("from-layer4",)})
    assert [cell.name for cell in crossed.cells] == ["transfer/none/resnet18/from-layer4"]


def test_silent_attention_needs_one_teacher_and_the_other_controls_each():
    names = [cell.name for cell in controls_of(["imagenet", "mimic-cxr"], ["densenet40"])]
    assert names == [
        "attention/random-weights/densenet40/all",
        "attention-permuted/imagenet/densenet40/all",
        "attention-permuted/mimic-cxr/densenet40/all",
        "attention-silent/imagenet/densenet40/all",
        "transfer/none/densenet40/all@from-random",
        "itself/imagenet/none/none",
        "itself/mimic-cxr/none/none",
    ]


def test_a_depth_that_no_student_has_is_refused_with_those_that_they_have():
    with pytest.raises(ValueError, match=r"but got 'from-layer4'; densenet121 has head, last34, .*; densenet40 has"):
        SPACE.crossed({"unfreeze": ("all", "from-layer4")})


def test_a_depth_may_be_the_one_thing_that_changes():
    narrowed = SPACE.narrowed(["transfer/*/all", "attention/imagenet/densenet121/all"])
    assert [cell.name for cell in narrowed.one_at_a_time({"unfreeze": ("last34",)}).cells] == [
        "transfer/none/densenet121/all",
        "transfer/none/densenet121/last34",
        "transfer/none/densenet40/all",  # which has no such depth
        "attention/imagenet/densenet121/all",
        "attention/imagenet/densenet121/last34",
    ]


@pytest.mark.parametrize("name", sorted(METHODS))
def test_each_method_has_a_range_of_its_own_for_each_knob(name):
    cell, space = Cell(method=name, teacher="mimic-cxr", student="densenet40"), space_of("chexpert")
    tuned = {"learning_rate", "weight_decay", "beta", *METHODS[name].knobs}
    assert set(space.first(cell)) == set(space.ranges(cell)) == tuned
    assert len(space.grid_points(cell)) == 12


def test_no_two_cells_have_the_same_words():
    teachers = ("imagenet", "mimic-cxr", "imagenet-resnet50")
    cells = [
        Cell(method=method, teacher=teacher, student=student)
        for method in METHODS
        for teacher in teachers
        for student in ARCHITECTURES
    ]
    cells += [cell for cell in controls_of(teachers) if cell not in cells]
    assert len({titles.cell(cell) for cell in cells}) == len(cells)
