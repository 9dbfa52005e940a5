"""The methods in words say what the ledger holds: each number is in it, and another parameter changes a sentence."""

from __future__ import annotations

import doctest
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from analysis.methods import phrases
from analysis.methods.paragraph import FORMS, Paragraph
from analysis.methods.paragraphs import paragraphs
from analysis.reading.trials import Runs, runs
from analysis.scores.comparisons import LEVEL, NUM_DRAWS
from tests.analysis.methods.conftest import CELLS, FINDINGS, GRADES, PASHA, PHOTOGRAPHS, PLAN, cohort, sweep_tags

NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
NAMES = ("DenseNet-121", "DenseNet-40", "L_AT / beta", "safetensors")


def words(recorded: Runs, num_comparisons: int = 1) -> dict[str, str]:
    return {each.name: each.text for each in paragraphs(recorded, num_comparisons)}


@pytest.fixture(scope="module")
def usual(photographs: Runs) -> dict[str, str]:
    return words(photographs)


def numbers(text: str) -> set[float]:
    for name in NAMES:
        text = text.replace(name, "")
    return {float(found.replace(",", "").rstrip(".")) for found in NUMBER.findall(text)}


def in_the_ledger(recorded: Runs) -> set[float]:
    """Every number in any tag and parameter, and how many runs there are of each kind."""
    known: set[float] = set()
    for frame in (recorded.trials, recorded.sweeps):
        for column in frame.columns[frame.columns.str.startswith(("params.", "tags."))]:
            for value in frame[column].dropna().unique():
                known |= numbers(str(value)) | ({float(value)} if isinstance(value, float) else set())
                known |= {float(found) for found in re.findall(r"\d(?:\.\d+)?e-?\d+", str(value))}
    search, confirm = recorded.search, recorded.trained
    counts = [
        len(search),
        search["tags.cell"].nunique(),
        *search.groupby("tags.cell").size(),
        *confirm.groupby("tags.cell").size(),
    ]
    counts += [search["tags.stopped"].notna().sum(), search["tags.node"].nunique(), recorded.design.num_draws]
    counts += [len(json.loads(recorded.sweeps["tags.label_names"].iloc[-1]))]
    return known | {float(each) for each in counts}  # fmt: skip


def test_each_number_is_in_the_ledger(photographs: Runs) -> None:
    told = words(photographs, num_comparisons=7)
    statistics = numbers(told.pop("statistics"))
    known = in_the_ledger(photographs)
    for name, text in told.items():
        gpus = {2.0} if name == "machines" else set()  # counted from the list of their names
        assert numbers(text) - known - gpus == set(), (name, text)
    own = {95.0, float(NUM_DRAWS), LEVEL, 7.0}  # the report's own, not the ledger's
    assert own <= statistics and statistics - known <= own


@pytest.mark.parametrize(
    ("change", "paragraph", "before", "after"),
    [
        ({"rotation_deg": 20.0}, "recipe", "up to 15 degrees", "up to 20 degrees"),
        ({"lr_halving_epochs": 5}, "recipe", "halved every 16 epochs", "halved every 5 epochs"),
        ({"optimizer": "adamw"}, "recipe", "with Adam.", "with AdamW."),
        ({"schedule": "cosine"}, "recipe", "halved every", "along half a cosine"),
        ({"warmup_epochs": 1}, "recipe", "every 16 epochs.", "had risen in equal steps for 1 epoch."),
        ({"flip": False}, "recipe", "mirrored left to right", "(nearest pixels); teacher"),
        ({"label_smoothing": 0.1}, "recipe", "over the classes.", "(label smoothing 0.1)."),
        ({"loss": "weighted"}, "recipe", "was cross-entropy", "was class-weighted cross-entropy"),
        ({"mixup_alpha": 0.2}, "recipe", "same views. The", "by shares from Beta(0.2, 0.2)."),
        ({"ema_decay": 0.999}, "recipe", "float32. The", "(decay 0.999)"),
        ({"precision": "bfloat16"}, "recipe", "in float32", "in bfloat16"),
        ({"compiled": True}, "recipe", "in float32.", "float32, compiled with torch.compile."),
        ({"image_size_px": 64}, "recipe", "256 x 256", "64 x 64"),
        ({"crop_scale_min": 0.5}, "recipe", "half of them; teacher", "at least 0.5 of the image's area"),
        ({"brightness": 0.3}, "recipe", "half of them; teacher", "in brightness by a random factor"),
        ({"selection_metric": "kappa"}, "recipe", "best mean AUC", "best quadratic weighted kappa"),
        ({"selection_metric": "accuracy"}, "search", "best mean AUC", "best accuracy"),
        ({"unlabelled_epochs": 9}, "transfer", "a small beta is much attention`.", "in the first 9 epochs"),
        ({"data_fraction": 0.25}, "split", "144 validation", "trained on 25% of the training images"),
        ({"init": "random"}, "networks", "from ImageNet weights", "from random weights"),
        ({"tags": {"num_trainable": "5"}}, "networks", "all of which were trained", "all layers (5 parameters)"),
        ({"tags": {"version": "9.8"}}, "machines", "version 0.1.0", "version 9.8"),
        ({"tags": {"hardware": "NVIDIA H100"}}, "machines", "16 CPU cores", "trained on NVIDIA H100."),
        ({"tags": {"num_threads": "1"}}, "machines", "4 CPU threads", "1 CPU thread each"),
    ],
)  # fmt: skip
def test_another_parameter_makes_another_sentence(
    of_photographs: Callable[..., Runs],
    usual: dict[str, str],
    change: dict[str, Any],
    paragraph: str,
    before: str,
    after: str,
) -> None:
    assert before in usual[paragraph]
    changed = words(of_photographs(**change))[paragraph]
    assert after.lower() in changed.lower(), changed


@pytest.mark.parametrize(
    ("fact", "value", "paragraph", "after"),
    [
        ("split_rule", {"kind": "official"}, "split", "The split is the release's own."),
        ("split_rule", None, "split", "[not recorded: how the split was made]"),
        ("cohort", None, "data", "[not recorded: where the images come from]"),
        ("cohort_test", None, "split", "There were 432 training, 144 validation and 145 test images. [not recorded:"),
        ("search_plan", None, "search", "[not recorded: the sampler of the search]"),
        ("search_plan", {"mode": "grid"}, "search", "each to its full length"),
        ("search_plan", PLAN, "search", "halving (ASHA), at the earliest after 8 epochs with labels"),
        ("search_plan", PLAN | {"scheduler": "none"}, "search", "Every trial was trained to its full length; 2 trials"),
        ("search_plan", PLAN | PASHA, "search", "halving (PASHA; Bohdal, without its pauses), at the earliest after 8"),
        ("search_plan", PLAN | {"scheduler": "new"}, "search", "[not recorded: how the rule of early stopping called"),
        ("method_facts/attention", None, "transfer", "Attention transfer: [not recorded: formula and source]"),
        ("teacher_facts/imagenet", None, "teachers", "`imagenet`: [not recorded: network, source, licence"),
        ("student_facts/densenet40", None, "networks", "has [not recorded: its number of parameters]"),
    ],
)
def test_facts_of_the_sweep_are_told_or_named_as_not_recorded(
    of_photographs: Callable[..., Runs], fact: str, value: Any, paragraph: str, after: str
) -> None:
    assert after in words(of_photographs({fact: value}))[paragraph]


@pytest.mark.parametrize(
    ("plan", "after"),
    [
        (
            {"sampler": "TPE"},
            "by Optuna's TPE sampler (multivariate), which learnt from earlier trials once there were 3",
        ),
        (
            {"sampler": "GP", "sampler_source": "A, 2012"},
            "by Optuna's sampler with a Gaussian process [A, 2012], which",
        ),
        ({"sampler": "CMA-ES", "sampler_source": "B, 2001"}, "suggested by Optuna's CMA-ES sampler [B, 2001], which"),
        ({"sampler": "random", "sampler_source": "C, 2013"}, "at random over their ranges, whatever earlier ones had"),
    ],
)
def test_each_sampler_is_told_with_its_source(of_photographs: Callable[..., Runs], plan: Any, after: str) -> None:
    usual = {name: value for name, value in PLAN.items() if name not in ("sampler", "sampler_source")}
    if plan["sampler"] == "random":
        usual.pop("startup_trials")
    told = words(of_photographs({"search_plan": usual | plan}))["search"]
    assert after in told and "the first trials of a cell" in told
    assert plan.get("sampler_source", "") in told


def test_what_a_paper_would_say(usual: dict[str, str]) -> None:
    assert usual["data"] == (
        "The data set was Retina: 721 images of 360 patients (views: left/right eyes). Source: A hospital, 2015. Each "
        "image belongs to one of 2 classes: No DR and DR. The labels were given by human readers, as the release says. "
        "7 images were left out, as unreadable or not usable. The prepared images have the fingerprint `data-a`."
    )
    assert (
        "432 training images of 216 patients, 144 validation images of 72 patients and 145 test images"
        in usual["split"]
    )
    assert "Images of each class (training, validation, test): No DR 40, 51, 62; DR 43, 54, 65." in usual["split"]
    assert (
        "Each of 2 cells was searched in a study of its own, with 2 trials; 4 trials were finished in all."
        in usual["search"]
    )
    assert (
        "the learning rate from 0.00001 to 0.001 on a logarithmic scale, first 0.00005; beta from 1 to 2,000"
        in usual["search"]
    )
    assert "2 trials ended early" in usual["search"]
    assert "trained again at full length, 3 times. Their seeds were 1, 2 and 3." in usual["confirmation"]
    assert "16 CPU cores (A processor) and 2 GPUs (A GPU)" in usual["machines"]
    assert "Python 3.11.9, PyTorch 2.9.1, Ray 2.60.0 and Optuna 5.0.0" in usual["machines"]
    assert "licence: BSD-3-Clause; it was trained on `imagenet`; fingerprint" in usual["teachers"]
    assert not any("[not recorded" in text for text in usual.values())


def test_varied_knobs_folds_and_uncertain_labels_read_well(store: Any, of_photographs: Callable[..., Runs]) -> None:
    varied = [{**CELLS[0], "rotation_deg": value} for value in (15.0, 0.0, 45.0)]
    parent = store.sweep(**sweep_tags(GRADES, PHOTOGRAPHS))
    for cell in varied:
        own = {} if cell["rotation_deg"] == 15 else {"sweep_setup": '{"rotation_deg": 15.0}'}
        name = "" if cell["rotation_deg"] == 15 else f"@rotation_deg={cell['rotation_deg']:g}"
        for seed in (1, 2):
            store.trial(parent, seed=seed, tags={**own, "cell": f"transfer/none/densenet40/all{name}"}, **cell)
    told = words(runs(store.uri, "retina"))
    assert "up to 15 degrees" in told["recipe"]
    assert told["recipe"].endswith("Some cells differ from this on purpose: `rotation_deg` was 0 or 45 instead of 15.")
    assert told["search"] == "The ledger holds no trial of a search." and "2 times" in told["confirmation"]


def test_folds_are_told(store: Any) -> None:
    parent = store.sweep(**sweep_tags(GRADES, PHOTOGRAPHS, num_folds="3"))
    for fold in (1, 2, 3):
        store.trial(parent, phase="search", fold=fold, num_folds=3, **CELLS[0])
        store.trial(parent, seed=1, fold=fold, num_folds=3, tags={"drawn": "fold"}, **CELLS[0])
    told = words(runs(store.uri, "retina"))
    assert (
        "in a cross-validation with 3 folds" in told["split"].lower()
        and "In the first fold, there were" in told["split"]
    )
    assert "The one cell was searched in a study of its own in each fold, with 1 trial" in told["search"]
    assert "1 time in each fold. The seed was 1." in told["confirmation"]


def test_averaged_weights_have_opened_the_test_set_as_well(of_photographs: Callable[..., Runs]) -> None:
    told = words(of_photographs(sweep={"weight_averages": "transfer/none/densenet40/all"}))["confirmation"]
    assert "Only these runs" not in told and "These runs opened the test set" in told
    assert "opened once more for the averaged weights of transfer/none/densenet40/all" in told


def test_labels_that_are_uncertain_are_told(store: Any) -> None:
    facts = cohort("multilabel", FINDINGS, uncertain={"Edema": 5}, sex={"F": 20, "M": 31}, age_years=[33.0, 45.5, 57.0])
    parent = store.sweep("chexpert", **sweep_tags(FINDINGS, PHOTOGRAPHS | facts))
    for policy in ("zeros", "ignore"):
        store.trial(parent, uncertainty=policy, **CELLS[0])
    told = words(runs(store.uri, "chexpert"))
    assert "Each image may show any of 3 labels: Edema, Effusion and Mass." in told["data"]
    assert (
        "Edema 5, 5, 5. They were counted as negative or neither in the loss nor in the scores, by cell."
        in told["split"]
    )
    assert "Patients by sex (training, validation, test): F 20, 20, 20; M 31, 31, 31." in told["split"]
    assert "45.5 (33 to 57); 45.5 (33 to 57)" in told["split"]


def test_the_forms_of_a_paragraph() -> None:
    each = [Paragraph(name="a", title="Data", text="50% of `x_1`; [not recorded: a_b].")]
    assert FORMS["txt"]("Methods", each) == "Methods\n\nData. 50% of x_1; [not recorded: a_b]."
    assert FORMS["md"]("Methods", each) == "## Methods\n\n**Data.** 50% of `x_1`; **[not recorded: a_b]**."
    assert FORMS["tex"]("Methods", each) == (
        "\\section{Methods}\n\n\\paragraph{Data.} 50\\% of \\texttt{x\\_1}; \\textbf{[not recorded: a\\_b]}."
    )
    assert each[0].num_open == 1


def test_the_examples_of_the_phrases_hold() -> None:
    assert doctest.testmod(phrases).failed == 0
