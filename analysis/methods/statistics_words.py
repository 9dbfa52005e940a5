"""The paragraph on statistics: scores, intervals and tests, as this report computes them from the runs."""

from __future__ import annotations

from analysis.methods.ledger_facts import Recorded
from analysis.methods.paragraph import Paragraph
from analysis.methods.phrases import count, plain, sentences
from analysis.reading.averages import averages
from analysis.scores.comparisons import LEVEL, NUM_DRAWS
from analysis.stats import intervals
from analysis.stats.resampled import RESAMPLED_NAME
from trainables.data.averaging import MIN_POSITIVES


def statistics(recorded: Recorded, num_comparisons: int) -> Paragraph:
    """What is scored, how its interval is made, and how comparisons are judged.

    Args:
        num_comparisons: how many comparisons Holm's correction covers.
    """
    runs = recorded.runs
    design, level = runs.design, f"{plain(round(100 * intervals.LEVEL))}%"
    averaged = averages(runs)
    which = f"; its mean is over {averaged.which} ({averaged.why})" if averaged else ""
    few = f"this mean is unreliable: it holds labels with fewer than {MIN_POSITIVES} positives or negatives there"
    if design.is_on_one_split:
        tests = (
            f"differences between cells are paired by test image: their {level} intervals come from a hierarchical "
            f"bootstrap over repeats and test patients ({NUM_DRAWS:,} draws), and their p is the larger of that "
            "bootstrap's and of Welch's t-test over repeats"
        )
    else:
        tests = (
            f"differences between cells are paired by {design.parts}, and judged by the {RESAMPLED_NAME} over the "
            f"{design.parts}"
        )
    corrected = f"Holm's correction covers {count(num_comparisons, 'comparison')}"
    parts = [
        f"AUC is that of one label, or class, against the rest{which}",
        few if averaged and not averaged.is_reliable else "",
        f"scores are means over {design.repeats} with {level} intervals ({_interval(recorded)})",
        tests,
        f"{corrected}; a corrected p of {plain(LEVEL)} or more is reported as no difference that can be shown"
        if num_comparisons
        else "no two cells were compared",
        f"with fewer than {plain(intervals.MIN_REPEATS)} {design.repeats}, neither an interval nor a verdict is given",
    ]
    return Paragraph(name="statistics", title="Statistics", text=sentences(parts))


def _interval(recorded: Recorded) -> str:
    return intervals.T_NAME if recorded.runs.design.is_on_one_split else RESAMPLED_NAME
