"""Which labels a sweep averages, in words: read from the tags that its trials carry."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pandas as pd

from analysis.reading.trials import Runs

UNRELIABLE = "unreliable: labels with only {least} or more"
LEAST = {1: "one positive", 3: "three positives"}
PAPERS_RULE = "every label that has positives and negatives in the test set"
TAGS = ["tags.averaged_labels", "tags.average_rule", "tags.average_min_positives", "tags.average_is_reliable"]


@dataclass(frozen=True, kw_only=True)
class Averages:
    """The labels that all scores of a sweep average."""

    names: tuple[str, ...]
    label_names: tuple[str, ...]  # all of the data set's; () where the sweep does not say
    rule: str  # "frequent" or "defined"
    min_positives: int
    is_reliable: bool

    @property
    def count(self) -> str:
        """``3 of 5 labels``; ``3 labels`` where their total is unknown."""
        if not self.names:
            return f"none of the {len(self.label_names)} labels"
        if not self.label_names:
            return f"{len(self.names)} label" + "s" * (len(self.names) > 1)
        every = len(self.names) == len(self.label_names)
        if every and len(self.names) == 1:
            return "the one label"
        return f"all {len(self.names)} labels" if every else f"{len(self.names)} of {len(self.label_names)} labels"

    @property
    def which(self) -> str:
        """`count` with the names, of those averaged or of those left out, whichever are fewer."""
        left_out = [name for name in self.label_names if name not in self.names]
        if not self.names or (self.label_names and not left_out):
            return self.count
        if self.label_names and len(left_out) < len(self.names):
            return f"{self.count}, without {', '.join(left_out)}"
        return f"{self.count}: {', '.join(self.names)}"

    @property
    def why(self) -> str:
        """The rule that chose them."""
        if self.rule == "defined":
            return PAPERS_RULE
        return f"{self.min_positives} positives and negatives or more in the validation set"

    @property
    def notes(self) -> list[str]:
        """The notes below a table of their averages."""
        return [f"AUC: mean over {self.which} ({self.why})", *self.warnings]

    @property
    def warnings(self) -> list[str]:
        """The warning for numbers that rest on labels with too few positives; [] where there are enough."""
        if self.is_reliable or not self.names:
            return []
        return [UNRELIABLE.format(least=LEAST.get(self.min_positives, f"{self.min_positives} positives"))]


def averages_of(trials: pd.DataFrame, label_names: tuple[str, ...] = ()) -> Averages | None:
    """What the newest of these trials says; None where there is none.

    Raises:
        ValueError: the tag averaged_labels is not JSON.
    """
    if trials.empty:
        return None
    names, rule, min_positives, is_reliable = trials[TAGS].iloc[-1]
    return Averages(
        names=names_in(names),
        label_names=label_names,
        rule=str(rule),
        min_positives=int(min_positives),
        is_reliable=is_reliable != "false",
    )


def averages(runs: Runs) -> Averages | None:
    """The labels that these runs average, which are the same for all runs of a setup; None where there is no run."""
    texts = runs.sweeps.reindex(columns=["tags.label_names"])["tags.label_names"].dropna().tolist()
    return averages_of(runs.trials, tuple(json.loads(texts[-1])) if texts else ())


def names_in(tag: str) -> tuple[str, ...]:
    """The names in a tag ``averaged_labels``.

    Raises:
        ValueError: the tag is not a JSON list.
    """
    try:
        names = json.loads(tag)
    except json.JSONDecodeError:
        names = None
    if not isinstance(names, list):
        raise ValueError(f"the tag averaged_labels of a trial must be a JSON list, but got {tag!r}")
    return tuple(map(str, names))
