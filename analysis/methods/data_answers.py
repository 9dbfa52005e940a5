"""Answers to items of reporting checklists that ask about images, labels, patients and splits."""

from __future__ import annotations

from analysis.methods.answer import (
    DATA,
    RECIPE,
    SPLIT,
    STATISTICS,
    Answer,
    answered,
    not_applicable,
    partly,
)
from analysis.methods.data_words import LABELLED, UNCERTAIN
from analysis.methods.ledger_facts import Recorded
from analysis.methods.phrases import begun, count, listed, plain
from analysis.tables.rendering import MISSING
from trainables.data import catalogue
from trainables.data.splits import SPLITS
from trainables.recipe_learning import LOSSES

LABELS_SHOWN = 6


def source(recorded: Recorded) -> Answer:
    """Where the images come from."""
    named = recorded.facts("cohort").get("source")
    title = catalogue.title(recorded.runs.dataset)
    return partly(f"{title}: {named}", "why these data, and whom they represent", **DATA) if named else Answer()


def left_out(recorded: Recorded) -> Answer:
    """How many images could not be used."""
    number = recorded.facts("cohort").get("left_out")
    if number is None:
        return Answer()
    text = f"{count(number, 'image')} left out, as unreadable or not usable" if number else "no image left out"
    return partly(text, "who was eligible", **DATA)


def missing(recorded: Recorded) -> Answer:
    """What became of labels that are uncertain or absent."""
    policies = [UNCERTAIN[str(each)] for each in recorded.values("params.uncertainty")]
    if recorded.facts("cohort").get("task") != "multilabel" or not policies:
        return Answer()
    text = f"uncertain labels were counted {listed(policies, 'or')}, and labels that are not mentioned as negative"
    return partly(text, "what else is missing", **SPLIT)


def outcome(recorded: Recorded) -> Answer:
    """What is predicted, and how it was labelled."""
    names = recorded.labels
    if not names:
        return Answer()
    labelled = LABELLED.get(str(recorded.facts("table_1").get("labeling", MISSING)), "")
    shown = listed(names) if len(names) <= LABELS_SHOWN else count(len(names), "label")
    text = f"{shown}; {labelled}" if labelled else shown
    return partly(text, "their definitions, and why these", **DATA)


def annotators(recorded: Recorded) -> Answer:
    """Whether people or a program labelled the images."""
    labelled = LABELLED.get(str(recorded.facts("table_1").get("labeling", MISSING)), "")
    return (
        partly(labelled, "who they were, how they were trained, and with which tools", **DATA) if labelled else Answer()
    )


def preparation(recorded: Recorded) -> Answer:
    """What is done to an image before a network sees it."""
    px = recorded.own("image_size_px")
    if px is None:
        return Answer()
    return partly(
        f"images reduced to {plain(px)} x {plain(px)} pixels, the same for everybody", "quality checks", **RECIPE
    )


def predictors(recorded: Recorded) -> Answer:
    """What a network is given."""
    return answered("the pixels of one image, and nothing else of the patient", **RECIPE)


def inputs(recorded: Recorded) -> Answer:
    """How an image enters a network."""
    px = recorded.own("image_size_px")
    if px is None:
        return Answer()
    return partly(f"one image of {plain(px)} x {plain(px)} pixels, as a whole", "how it was taken", **RECIPE)


def no_reader(recorded: Recorded) -> Answer:
    """Nobody judges an image before a network does."""
    return not_applicable("the predictors are pixels, which nobody has to judge")


def partition(recorded: Recorded) -> Answer:
    """How images were assigned to training, validation and test."""
    rows = {name: recorded.facts(f"cohort_{name}").get("images") for name in SPLITS}
    kind = {"drawn": "drawn at random", "official": "the release's own split"}.get(
        recorded.facts("split_rule").get("kind", ""), ""
    )
    if not kind or None in rows.values():
        return Answer()
    folds = recorded.runs.design.num_folds
    what = f"{folds} folds by patient; in the first, " if folds else f"{kind}, by patient: "
    return answered(what + ", ".join(f"{name} {number:,}" for name, number in rows.items()), **SPLIT)


def disjoint(recorded: Recorded) -> Answer:
    """At which level splits are apart."""
    return answered("patient: all images of a patient are in one split, which is checked at each opening", **SPLIT)


def subsets(recorded: Recorded) -> Answer:
    """Whether all images were used."""
    shares = sorted(float(each) for each in recorded.values("params.data_fraction") if float(each) < 1)
    if not shares:
        return answered("every cell was trained on all training images", **SPLIT)
    texts = listed(f"{plain(round(100 * share, 2))}%" for share in shares)
    return answered(f"cells with {texts} of the training images beside others, drawn by patient", **SPLIT)


def differences(recorded: Recorded) -> Answer:
    """What tells training images from test images."""
    if recorded.facts("split_rule").get("kind") != "drawn":
        return Answer()
    return answered("none by design: parts of one data set, drawn by patient with labels in proportion", **SPLIT)


def flow(recorded: Recorded) -> Answer:
    """How many images and patients went where."""
    rows = {name: recorded.facts(f"cohort_{name}") for name in SPLITS}
    if not all(rows.values()):
        return Answer()
    texts = [f"{name} {row['images']:,} images of {count(row['patients'], 'patient')}" for name, row in rows.items()]
    return partly(f"{listed(texts)}, with the positives of each label", "whom the release itself left out", **SPLIT)


def characteristics(recorded: Recorded) -> Answer:
    """Whether sex, age and views are known, by split."""
    rows = [recorded.facts(f"cohort_{name}") for name in SPLITS]
    known = [words for name, words in (("sex", "sex"), ("age_years", "age"), ("views", "view"), ("positive", "label"))
             if any(row.get(name) for row in rows)]  # fmt: skip
    if not known:
        return Answer()
    return partly(f"{begun(listed(known))} by split", "what else tells the patients apart", **SPLIT)


def imbalance(recorded: Recorded) -> Answer:
    """Whether a loss was one that is made for rare labels."""
    losses = {str(each) for each in recorded.values("params.loss")}
    if not losses:
        return Answer()
    against = [name for name in ("weighted", "focal") if name in losses]
    if not against:
        return answered("no method against class imbalance was used in training", **RECIPE)
    which = "all cells" if losses == {*against} else "some cells"
    text = f"{listed((LOSSES[name] for name in against), 'or')} in {which}; no recalibration after it"
    return answered(text, **RECIPE)


def sample_size(recorded: Recorded) -> Answer:
    """The size is known; whether it is enough is another question."""
    row = recorded.facts("cohort_test")
    if not row:
        return Answer()
    text = (
        f"{row['images']:,} test images of {count(row['patients'], 'patient')}; no calculation made before is recorded"
    )
    return partly(text, "why this is enough", **STATISTICS)


def deidentified(recorded: Recorded) -> Answer:
    """What the record itself holds of patients."""
    text = "the record holds salted hashes in the place of patients and images, and no path or pixel"
    return partly(text, "how the release was de-identified", **DATA)


def data_access(recorded: Recorded) -> Answer:
    """Where the images are to be had."""
    named = recorded.facts("cohort").get("source")
    return partly(str(named), "how to get them, and under which terms", **DATA) if named else Answer()
