"""Answers to items of reporting checklists that ask about networks, training, evaluation and openness."""

from __future__ import annotations

from analysis.methods.answer import (
    CONFIRMATION,
    DATA,
    MACHINES,
    METHODS,
    NETWORKS,
    RECIPE,
    SEARCH,
    STATISTICS,
    TEACHERS,
    Answer,
    answered,
    not_applicable,
    partly,
    table,
)
from analysis.methods.ledger_facts import Recorded
from analysis.methods.phrases import count, listed, plain
from analysis.methods.recipe_words import METRICS
from analysis.methods.stopping_words import searched_by
from analysis.reading import openings
from trainables import titles
from trainables.data import catalogue

SUBGROUPS = table("Subgroups", "table-subgroups")


def author(recorded: Recorded) -> Answer:
    """What no ledger knows."""
    return Answer()


def for_the_title(recorded: Recorded) -> Answer:
    """What a title has to name."""
    networks = [titles.student(str(name)) for name in recorded.values("params.student")]
    if not networks:
        return Answer()
    title = catalogue.title(recorded.runs.dataset)
    return partly(f"deep learning ({listed(networks)}) on {title}", "the wording", **DATA)


def question(recorded: Recorded) -> Answer:
    """The question in an ablation's file."""
    asked = recorded.tag("ablation_question")
    return partly(f"the ablation asks: {asked}", "hypotheses", place="the head of this report") if asked else Answer()


def goal(recorded: Recorded) -> Answer:
    """What kind of study it is."""
    cells = count(len(recorded.cells), "way")
    design = recorded.runs.design
    where = "the same test images" if design.is_on_one_split else f"the test images of the same {design.parts}"
    beyond = f", and evaluation on {listed(recorded.hospitals)}" if recorded.hospitals else ""
    text = f"development and internal evaluation{beyond}: {cells} to train a network, compared on {where}"
    return partly(text, "what the networks are meant for", **CONFIRMATION)


def building(recorded: Recorded) -> Answer:
    """How students are trained and tuned."""
    trials = len(recorded.runs.search)
    epochs = recorded.own("max_epochs")
    if epochs is None:
        return Answer()
    how = searched_by(recorded.facts("search_plan"))
    budget = f"{count(trials, 'trial')} of a search on validation images{how}, " if trials else ""
    return answered(f"{budget}up to {count(epochs, 'epoch')} each, all settings by name", **RECIPE)


def selection(recorded: Recorded) -> Answer:
    """What chooses epoch and configuration."""
    metrics = [METRICS.get(str(each), str(each)) for each in recorded.values("params.selection_metric")]
    return answered(f"the best {listed(metrics, 'or')} on the validation images", **SEARCH) if metrics else Answer()


def architecture(recorded: Recorded) -> Answer:
    """Which networks, and how large."""
    networks = [titles.student(str(name)) for name in recorded.values("params.student")]
    if not networks:
        return Answer()
    return answered(f"{listed(networks)}, with their parameters and depths", **NETWORKS)


def initialisation(recorded: Recorded) -> Answer:
    """First weights."""
    inits = [titles.first_weights(str(name)) for name in recorded.values("params.init")]
    return answered(f"training began {listed(inits, 'or')}", **NETWORKS) if inits else Answer()


def ensembles(recorded: Recorded) -> Answer:
    """Whether teachers taught together, and students are averaged."""
    several = [titles.teacher(str(name)) for name in recorded.values("params.teacher") if "+" in str(name)]
    if several:
        return answered(f"{listed(several)} taught together; each score is of single students", **TEACHERS)
    return answered("scores in the main tables are of single students, averaged over repeats", **CONFIRMATION)


def software(recorded: Recorded) -> Answer:
    """Versions."""
    versions = [str(each) for each in recorded.values("tags.version", recorded.runs.trials)]
    if not recorded.environments and not versions:
        return Answer()
    if not recorded.environments:
        return partly(f"version {listed(versions)} of this software", "the libraries", **MACHINES)
    libraries = recorded.environments[-1].get("libraries", {})
    return answered(
        f"Python {libraries.get('python', '')}, PyTorch {libraries.get('torch', '')} and others", **MACHINES
    )


def code(recorded: Recorded) -> Answer:
    """Which code this was."""
    codes = {str(each["code"]) for each in recorded.environments if each.get("code")}
    versions = [str(each) for each in recorded.values("tags.version", recorded.runs.trials)]
    if not versions:
        return Answer()
    commit = f", commit {listed(sorted(codes))}" if codes else ""
    return partly(
        f"version {listed(versions)}{commit}; Apache-2.0", "where code, models and data are to be had", **MACHINES
    )


def protocol(recorded: Recorded) -> Answer:
    """An ablation's file is what was laid down before."""
    sha256 = recorded.tag("ablation_sha256")
    if not sha256:
        return Answer()
    file = recorded.tag("ablation_file")
    return partly(f"the ablation {file}, SHA-256 {sha256[:12]}", "the protocol", place="the head of this report")


def model(recorded: Recorded) -> Answer:
    """Where the students are."""
    if recorded.runs.confirm.empty:
        return Answer()
    text = "weights of each confirmed student in MLflow; `platform.export` writes them as safetensors and ONNX"
    return partly(text, "where they are published, and under which terms", **CONFIRMATION)


def predictions(recorded: Recorded) -> Answer:
    """How predictions were made."""
    if recorded.runs.confirm.empty:
        return Answer()
    text = "by each confirmed student at the weights of its best epoch, image by image, kept as predictions.parquet"
    return answered(text, **CONFIRMATION)


def output(recorded: Recorded) -> Answer:
    """What students answer."""
    of_class = recorded.facts("cohort").get("task") == "multiclass"
    text = "a probability for each class, which add up to one" if of_class else "a probability for each label"
    return answered(
        f"{text}; thresholds are chosen on validation images", **table("Operating points", "operating_points")
    )


def measures(recorded: Recorded) -> Answer:
    """What is measured."""
    kinds = ("auc", "f1_weighted", "accuracy", "kappa")
    known = [METRICS[name] for name in kinds if f"metrics.test_{name}" in recorded.runs.confirm]
    return answered(f"{listed(known)}, and calibration", **STATISTICS) if known else Answer()


def uncertainty(recorded: Recorded) -> Answer:
    """Intervals and tests."""
    return answered("intervals over repeats and patients, paired tests, Holm's correction", **STATISTICS)


def performance(recorded: Recorded) -> Answer:
    """Scores with intervals."""
    number = recorded.runs.confirm["tags.cell"].nunique()
    if not number:
        return Answer()
    return answered(f"test scores of {count(number, 'cell')} with intervals, and by subgroup where known", **SUBGROUPS)


def robustness(recorded: Recorded) -> Answer:
    """What was changed to see what depends on it."""
    spread = recorded.runs.design.spread
    repeats = f"repeats with another {spread}" if spread else f"{recorded.runs.design.num_folds} folds"
    varied = [f"{name} ({', '.join(map(plain, values))})" for name, values in recorded.varied.items()]
    return answered("; ".join([repeats, *varied]), **CONFIRMATION)


def internal(recorded: Recorded) -> Answer:
    """Test images of the same data set, and what speaks against their being unseen."""
    confirm = recorded.runs.confirm
    if confirm.empty:
        return Answer()
    doubts = [
        *(
            ["the test set was opened for more than one configuration"]
            if max(openings.of_cells(confirm).values()) > 1
            else []
        ),
        *([recorded.tag("teacher_overlap")] if recorded.tag("teacher_overlap") else []),
    ]
    if doubts:
        return partly(f"test images of the same data set, but {listed(doubts)}", "what follows from it", **CONFIRMATION)
    students = "no student's training and no choice has"
    if recorded.runs.design.num_folds:
        students = "neither the training nor the choice of the students of that fold has"
    return answered(f"test images of patients whom {students} seen, opened at the end", **CONFIRMATION)


def external(recorded: Recorded) -> Answer:
    """Another hospital's images, which have a chapter of their own."""
    if not recorded.hospitals:
        return partly("no other data set was opened", "why not", **EXTERNAL)
    return answered(f"{listed(recorded.hospitals)}; nothing was trained, fitted or chosen there", **EXTERNAL)


def clusters(recorded: Recorded) -> Answer:
    """Hospitals are clusters that only another data set shows."""
    return partly("no hospitals are told apart within the data set", "other sites", **EXTERNAL)


def fairness(recorded: Recorded) -> Answer:
    """Nothing in the training aims at it; the report shows it."""
    text = "nothing in training aims at fairness; scores by sex, age and view are shown where they are known"
    return answered(text, **table("Who is harmed", "who_is_harmed"))


def failures(recorded: Recorded) -> Answer:
    """Incorrect answers in numbers."""
    return partly("false positives and negatives", "examples", **table("Operating points", "operating_points"))


def explanations(recorded: Recorded) -> Answer:
    """Attention maps have a page of their own."""
    return partly("`analysis.attention_maps` shows maps and the pointing game", "whether that was run")


def limitations(recorded: Recorded) -> Answer:
    """What the ledger cannot say is a limitation, and the size of the test set."""
    return partly("what is not recorded is named as such", "everything else", place="Methods, in words", anchor=METHODS)


def no_updating(recorded: Recorded) -> Answer:
    """No student is changed after it was tested."""
    return not_applicable(
        "no student is changed after its test; a temperature is fitted on validation images, and shown apart"
    )


EXTERNAL = table("Another hospital", "external")
