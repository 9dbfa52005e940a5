"""The operating points of the student that is asked, as columns of its answers: a threshold, and whether it is reached.

Thresholds come from the predictions that the student's own run left of its validation images, as in the report
(`analysis.scores.operating_points`); the pictures that are asked about choose nothing.

Shapes: L labels or classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.reading.chosen import Chosen
from analysis.reading.predictions import VALIDATION, load
from analysis.reading.student_facts import StudentFacts
from analysis.scores.operating_points import REFERABLE, decided, referable_from, referable_score, thresholds
from analysis.stats.thresholds import SENSITIVITY, SPECIFICITY, YOUDEN, Rule

RULE = "operating_point_rule"
GONE = "no operating point: the run left no predictions of validation images"


@dataclass(frozen=True, kw_only=True)
class OperatingColumns:
    """What is written of each question: of each label, or whether an image of graded ones is referable."""

    rule: Rule
    names: tuple[str, ...]
    thresholds: tuple[float | None, ...]  # one per name
    first_referable: int | None  # the number of the first grade that is referable; None where labels are no such grades
    note: str  # why any threshold is missing; "" where none is

    @property
    def heads(self) -> list[str]:
        """The names of the columns."""
        return [RULE, *(f"{kind}_{name}" for name in self.names for kind in ("operating_point", "above"))]

    def fields(self, answer_L: NDArray[np.float32]) -> list[str]:
        """The fields of a picture with these probabilities; empty where there is no threshold."""
        score_L = answer_L
        if self.first_referable is not None:
            score_L = referable_score(answer_L[None], self.first_referable)
        fields = [f"{self.rule.title} on validation images"]
        for score, threshold in zip(score_L, self.thresholds, strict=True):
            # Nine digits give back the same float32.
            fields += ["", ""] if threshold is None else [f"{threshold:.9g}", str(int(score >= threshold))]
        return fields


def rule_of(sensitivity: float | None, specificity: float | None) -> Rule:
    """The rule that a level asks for; without one, Youden's."""
    if sensitivity is not None:
        return Rule(kind=SENSITIVITY, level=sensitivity)
    return Rule(kind=YOUDEN) if specificity is None else Rule(kind=SPECIFICITY, level=specificity)


def operating_columns(choice: Chosen, facts: StudentFacts, rule: Rule) -> OperatingColumns:
    """The operating points of a run, from its predictions of validation images."""
    dataset = choice.runs.dataset
    first = referable_from(dataset, facts.label_names) if facts.task == "multiclass" else None
    names = facts.label_names if first is None else (REFERABLE,)
    validated = load(choice.runs.tracking_uri, choice.run, VALIDATION)
    if validated is None or validated.images.empty:
        found: tuple[float | None, ...] = (None,) * len(names)
        note = GONE
    else:
        found = tuple(thresholds(decided(validated, dataset), rule))
        missing = [name for name, threshold in zip(names, found, strict=True) if threshold is None]
        note = f"no operating point of {', '.join(missing)}: {_why(rule)}" if missing else ""
    return OperatingColumns(rule=rule, names=names, thresholds=found, first_referable=first, note=note)


def _why(rule: Rule) -> str:
    one_class = "the validation images are all of one class"
    return one_class if rule.kind == YOUDEN else f"{one_class}, or none of their probabilities has a {rule.title}"
