"""The paragraphs on the images: what they are, who is on them, and how they were split."""

from __future__ import annotations

from collections.abc import Mapping

from analysis.methods.ledger_facts import Facts, Recorded
from analysis.methods.paragraph import Paragraph
from analysis.methods.phrases import count, listed, plain, sentences, span, unknown
from analysis.reading.origins import PHANTOM_NOTICE
from analysis.tables.rendering import MISSING
from trainables.data import catalogue
from trainables.data.splits import SPLITS

IN_WORDS = {"train": "training", "validation": "validation", "test": "test"}
ORDER = f"({', '.join(IN_WORDS.values())})"
LABELLED = {
    "manual": "the labels were given by human readers, as the release says",
    "automatic": "the labels were mined from radiological reports, as the release says",
}
UNCERTAIN = {"zeros": "as negative", "ones": "as positive", "ignore": "neither in the loss nor in the scores"}


def data(recorded: Recorded) -> Paragraph:
    """What the images show, whose they are, and how many of them show what."""
    known = recorded.facts("table_1")
    cohort = recorded.facts("cohort")
    title = catalogue.title(recorded.runs.dataset)
    size = (
        f"{count(known['images'], 'image')} of {count(known['patients'], 'patient')}"
        if known
        else unknown("the numbers of images and patients")
    )
    parts = [
        PHANTOM_NOTICE if recorded.runs.data == "phantom" else "",
        f"the data set was {title}: {size}{_views(known)}",
        _source(recorded, cohort),
        _labels(recorded, cohort),
        LABELLED.get(str(known.get("labeling", MISSING)), unknown("how the images were labelled")),
        _left_out(cohort),
        f"the prepared images have the fingerprint `{recorded.runs.data_fingerprint}`",
    ]
    return Paragraph(name="data", title="Data", text=sentences(parts))


def _source(recorded: Recorded, cohort: Facts) -> str:
    if not cohort.get("source"):
        return unknown("where the images come from")
    return f"{'in the layout of' if recorded.runs.data == 'phantom' else 'source'}: {cohort['source']}"


def _views(known: Facts) -> str:
    views = str(known.get("views", MISSING))
    return "" if views == MISSING else f" (views: {views})"


def _labels(recorded: Recorded, cohort: Facts) -> str:
    names = recorded.labels
    if not names:
        return unknown("the labels")
    number = len(names)
    if cohort.get("task") == "multiclass":
        return f"each image belongs to one of {count(number, 'class', 'classes')}: {listed(names)}"
    if cohort.get("task") == "multilabel" and number > 1:
        return f"each image may show any of {count(number, 'label')}: {listed(names)}"
    return f"there {'is' if number == 1 else 'are'} {count(number, 'label')}: {listed(names)}"


def _left_out(cohort: Facts) -> str:
    if "left_out" not in cohort:
        return unknown("how many images were left out, and why")
    number = int(cohort["left_out"])
    if not number:
        return "no image was left out"
    return f"{count(number, 'image')} {'was' if number == 1 else 'were'} left out, as unreadable or not usable"


def split(recorded: Recorded) -> Paragraph:
    """Who trains, validates and tests: how that was decided, and how many they are."""
    design = recorded.runs.design
    kind = recorded.facts("split_rule").get("kind", "")
    how = {
        "drawn": "the split was drawn at random, by patient, with the labels in proportion",
        "official": "the split is the release's own",
    }.get(kind, unknown("how the split was made"))
    held_out = recorded.tag("held_out")
    parts = [
        "all images of a patient are in the same split",
        how,
        f"its fingerprint is `{recorded.runs.split_fingerprint}`",
        *_counts(recorded),
        f"{held_out} was held out of training and validation" if held_out else "",
        _redrawn(recorded) if design.num_draws else "",
        _fractions(recorded),
    ]
    return Paragraph(name="split", title="Splits", text=sentences(parts))


def _counts(recorded: Recorded) -> list[str]:
    """Images and patients per split, and what is known of them; of the first fold in a cross-validation."""
    num_folds = recorded.runs.design.num_folds
    where = "in the first fold, there were" if num_folds else "there were"
    folds = (
        f"in a cross-validation with {count(num_folds, 'fold')}, each fold was the test set once, and the images of "
        "the others were divided into training and validation images"
    )
    before = [folds] if num_folds else []
    by_split = {name: recorded.facts(f"cohort_{name}") for name in SPLITS}
    if not all(by_split.values()):
        rows = recorded.facts("table_2").values()
        if not rows:
            return [*before, unknown("the numbers of images per split")]
        largest = max(rows, key=lambda row: row["train"])
        numbers = listed(f"{largest[name]:,} {IN_WORDS[name]}" for name in SPLITS)
        return [*before, f"{where} {numbers} images", unknown("patients and positives per split")]
    numbers = listed(
        f"{each['images']:,} {IN_WORDS[name]} {'image' if each['images'] == 1 else 'images'} of "
        f"{count(each['patients'], 'patient')}"
        for name, each in by_split.items()
    )
    return [*before, f"{where} {numbers}", *_cohort(recorded, by_split)]


def _cohort(recorded: Recorded, by_split: Mapping[str, Facts]) -> list[str]:
    """Labels, sex, age and views by split."""
    of_class = recorded.facts("cohort").get("task") == "multiclass"
    positive = _by_name(by_split, "positive")
    title = "images of each class" if of_class else "images that show each label"
    lines = [f"{title} {ORDER}: {positive}" if positive else unknown(f"{title}, by split")]
    if uncertain := _by_name(by_split, "uncertain"):
        policies = [UNCERTAIN[str(each)] for each in recorded.values("params.uncertainty")]
        counted = f"they were counted {listed(policies, 'or')}{', by cell' if len(policies) > 1 else ''}"
        lines += [f"uncertain labels {ORDER}: {uncertain}", counted]
    sexes, views = _by_name(by_split, "sex"), _by_name(by_split, "views")
    ages = [f"{plain(each['age_years'][1])} ({span(each['age_years'][::2])})" for each in by_split.values()
            if each.get("age_years")]  # fmt: skip
    lines.append(f"patients by sex {ORDER}: {sexes}" if sexes else "the data set does not give the patients' sex")
    has_age = len(ages) == len(by_split)
    lines.append(
        f"median age in years, with quartiles {ORDER}: {'; '.join(ages)}"
        if has_age
        else "the data set does not give the patients' age"
    )
    return [*lines, f"images by view {ORDER}: {views}" if views else ""]


def _by_name(by_split: Mapping[str, Facts], what: str) -> str:
    """``F 20, 6, 7; M 31, 9, 8``; "" where nothing of the kind is recorded."""
    names = list(dict.fromkeys(name for each in by_split.values() for name in each.get(what, {})))
    numbers = {name: [plain(each.get(what, {}).get(name, 0)) for each in by_split.values()] for name in names}
    return "; ".join(f"{name} {', '.join(texts)}" for name, texts in numbers.items())


def _redrawn(recorded: Recorded) -> str:
    number = recorded.runs.design.num_draws
    return f"the repeats had {count(number, 'split')} drawn anew in the same way, of the same sizes"


def _fractions(recorded: Recorded) -> str:
    shares = sorted(float(value) for value in recorded.values("params.data_fraction") if float(value) < 1)
    if not shares:
        return ""
    texts = listed(f"{plain(round(100 * share, 2))}%" for share in shares)
    return f"some cells were trained on {texts} of the training images; a smaller part lies within every larger one"
