"""Which contrasts the cells of a sweep allow, and what a contrast comes to."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from analysis.scores.comparisons import Draws, comparison_rows
from analysis.scores.questions import contrast_rows, contrasts, welch

PLAIN121, PLAIN40 = "transfer/none/densenet121/all", "transfer/none/densenet40/all"
NET121, NET40 = "attention/imagenet/densenet121/all", "attention/imagenet/densenet40/all"
CXR121, CXR40 = "attention/mimic-cxr/densenet121/all", "attention/mimic-cxr/densenet40/all"
PAPER = [PLAIN121, PLAIN40, NET121, NET40, CXR121, CXR40, "transfer/none/densenet121/last34"]


def draws(mean: float, num_repeats: int = 3, seed: int = 0) -> Draws:
    """Repeats around a mean: the test patients' part is shared by all cells, the seeds' part is each cell's own."""
    patients_B = np.random.default_rng(99).normal(scale=0.03, size=400)
    own_S = np.random.default_rng(seed).normal(scale=0.01, size=num_repeats)
    points_S = mean + own_S - own_S.mean()
    return Draws(points_S=points_S, draws_SB=points_S[:, None] + patients_B, num_patients=50)


def test_the_papers_cells_ask_the_papers_questions() -> None:
    asked = {contrast.question: contrast for contrast in contrasts(PAPER)}
    assert list(asked) == [
        "Does attention transfer beat plain transfer?",
        "Which teacher?",
        "Which student?",
        "How deep to unfreeze?",
    ]
    method, teacher, student, depth = asked.values()
    assert set(method.pairs) == {(NET121, PLAIN121), (NET40, PLAIN40), (CXR121, PLAIN121), (CXR40, PLAIN40)}
    assert method.weights == {
        PLAIN121: -0.5, PLAIN40: -0.5, NET121: 0.25, NET40: 0.25, CXR121: 0.25, CXR40: 0.25,
    }  # fmt: skip
    assert (teacher.first, teacher.second) == ("MIMIC-CXR teacher", "ImageNet teacher")
    assert set(teacher.pairs) == {(CXR121, NET121), (CXR40, NET40)}
    assert len(student.pairs) == 3 and {first for first, _ in student.pairs} == {PLAIN40, NET40, CXR40}
    assert depth.pairs == ((PLAIN121, "transfer/none/densenet121/last34"),)


@pytest.mark.parametrize("other", [f"{NET40}@ones", f"{NET40}@average_labels=defined"])
def test_scores_over_different_labels_are_not_contrasted(other: str) -> None:
    assert contrasts([NET40, other]) == []


@pytest.mark.parametrize(
    ("names", "question", "choices"),
    [
        ([PLAIN121, f"{PLAIN121}@0.25"], "How much data?", ("all training data", "25% of the training data")),
        ([f"{NET40}@0.5", f"{NET40}@0.25"], "How much data?", ("50% of the training data", "25% of the training data")),
        ([NET40, f"{NET40}@from-random"], "Which first weights?", ("from random weights", "from ImageNet weights")),
        ([f"{NET40}@flip=0", f"{NET40}@flip=5"], "Which value of flip?", ("flip=5", "flip=0")),
        ([PLAIN121, f"{PLAIN121}@flip=false"], "Which value of flip?", ("flip as in the sweep", "flip=false")),
    ],
)  # fmt: skip
def test_every_axis_has_its_question(names: list[str], question: str, choices: tuple[str, str]) -> None:
    (contrast,) = contrasts(names)
    assert contrast.question == question
    assert {contrast.first, contrast.second} == set(choices)
    if question == "How much data?":
        assert (contrast.first, contrast.second) == choices  # more data stands first


HEAD, LAST34, BLOCK3 = (f"transfer/none/densenet121/{depth}" for depth in ("head", "last34", "from-block3"))


def test_each_depth_is_contrasted_with_all_layers_and_the_deeper_one_stands_first() -> None:
    asked = contrasts([HEAD, BLOCK3, PLAIN121, LAST34, f"{HEAD}@0.5", f"{LAST34}@0.5"])
    depths = {(each.first, each.second): each.pairs for each in asked if each.axis == "unfreeze"}
    assert depths == {
        ("all layers trained", "classifier alone trained"): ((PLAIN121, HEAD),),
        ("all layers trained", "last 34 layers trained"): ((PLAIN121, LAST34),),
        ("all layers trained", "trained from block 3 on"): ((PLAIN121, BLOCK3),),
        ("last 34 layers trained", "classifier alone trained"): ((f"{LAST34}@0.5", f"{HEAD}@0.5"),),  # without "all"
    }


def test_a_method_is_contrasted_with_plain_transfer_at_its_own_depth() -> None:
    taught = "attention/imagenet/densenet121/last34"
    (method,) = (each for each in contrasts([PLAIN121, LAST34, taught, NET121]) if each.axis == "method")
    assert set(method.pairs) == {(taught, LAST34), (NET121, PLAIN121)}
    assert not [each for each in contrasts([PLAIN121, taught]) if each.axis == "method"]  # depth differs, too


@pytest.mark.parametrize(
    "names",
    [
        [PLAIN121],
        [PLAIN121, NET40],  # method and student differ
        [PLAIN121, f"{PLAIN121}@ones"],  # the labels mean something else
        [PLAIN121, "itself/mimic-cxr/none/none"],
        [PLAIN121, "attention/random-weights/densenet121/all"],  # a control does not count for its method
        [NET121, "distillation/imagenet/densenet121/all"],  # two methods: each has its question against none
    ],
)
def test_what_is_not_contrasted(names: list[str]) -> None:
    assert contrasts(names) == []


def test_one_pair_is_judged_as_cells_are_compared() -> None:
    cells = {NET121: draws(0.8), PLAIN121: draws(0.7, seed=1)}
    of_question = contrast_rows(cells).iloc[0]
    of_pair = comparison_rows(cells, [(NET121, PLAIN121)]).iloc[0]
    for name in ("difference", "p_seeds", "n", "num_patients"):
        assert of_question[name] == pytest.approx(of_pair[name]), name
    # The draws of seeds are others, those of patients the same.
    assert of_question[["low", "high"]].tolist() == pytest.approx(of_pair[["low", "high"]].tolist(), abs=0.002)
    assert of_question["p_holm"] < 0.05 and of_question["num_pairs"] == 1


def test_several_pairs_are_averaged_and_the_correction_counts_contrasts() -> None:
    values = {PLAIN121: 0.70, PLAIN40: 0.60, NET121: 0.72, NET40: 0.66, CXR121: 0.71, CXR40: 0.61}
    cells = {name: draws(value, seed=number) for number, (name, value) in enumerate(values.items())}
    frame = contrast_rows(cells).set_index("axis")
    # (0.02 + 0.06 + 0.01 + 0.01) / 4, (0.01 + 0.05) / 2, (0.10 + 0.06 + 0.10) / 3
    assert frame["difference"].tolist() == pytest.approx([0.025, 0.03, 0.26 / 3])
    assert frame["num_pairs"].tolist() == [4, 2, 3]
    assert frame.loc["teacher", "first"] == "ImageNet teacher"  # the higher one, which the difference is of
    assert frame.loc["student", "first"] == "DenseNet-121"
    both = frame[["p_patients", "p_seeds"]].max(axis=1)
    assert frame["p_holm"].min() == pytest.approx(3 * both.min())
    assert (frame["low"] < frame["difference"]).all() and (frame["difference"] < frame["high"]).all()


def test_a_pair_that_rests_on_a_phantom_counts_only_where_all_do() -> None:
    phantom = {NET121: "teacher"}
    method, student = contrasts([PLAIN121, PLAIN40, NET121, CXR40], phantom)
    assert method.pairs == ((CXR40, PLAIN40),) and student.pairs == ((PLAIN40, PLAIN121),)
    (method,) = contrasts([PLAIN121, NET121], phantom)
    assert method.pairs == ((NET121, PLAIN121),)


def test_the_order_of_the_cells_changes_nothing() -> None:
    cells = {name: draws(0.7, seed=number) for number, name in enumerate(PAPER)}
    backwards = dict(reversed(cells.items()))
    assert contrast_rows(cells).drop(columns="cells").equals(contrast_rows(backwards).drop(columns="cells"))


def test_one_repeat_has_no_p() -> None:
    row = contrast_rows({NET121: draws(0.9, num_repeats=1), PLAIN121: draws(0.5)}).iloc[0]
    assert np.isnan(row["p_seeds"]) and np.isnan(row["p_holm"]) and row["n"] == 1


def test_nothing_to_ask() -> None:
    assert contrast_rows({}).empty


def test_welch_is_scipys_for_two_groups_and_holds_its_level_for_four() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=4), rng.normal(1, 3, size=7)
    expected = stats.ttest_ind(first, second, equal_var=False).pvalue
    assert welch([first, second], [1, -1]) == pytest.approx(expected)
    assert np.isnan(welch([np.ones(3), np.ones(3)], [1, -1])) and np.isnan(welch([first, second[:1]], [1, -1]))
    weights = [0.5, 0.5, -0.5, -0.5]
    values = [welch([rng.normal(scale=s, size=5) for s in (1, 2, 3, 1)], weights) for _ in range(2000)]
    assert np.mean(np.array(values) < 0.05) == pytest.approx(0.05, abs=0.015)
