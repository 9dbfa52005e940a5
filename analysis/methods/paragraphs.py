"""The methods section of a paper: all paragraphs, in the order in which such a section has them."""

from __future__ import annotations

from analysis.methods.data_words import data, split
from analysis.methods.ledger_facts import Recorded
from analysis.methods.machine_words import machines
from analysis.methods.network_words import networks, teachers, transfer
from analysis.methods.paragraph import Paragraph
from analysis.methods.recipe_words import recipe
from analysis.methods.search_words import confirmation, search
from analysis.methods.statistics_words import statistics
from analysis.reading.trials import Runs


def paragraphs(runs: Runs, num_comparisons: int) -> list[Paragraph]:
    """What was run, from the ledger alone; what it does not know stands there as not recorded.

    Args:
        num_comparisons: how many comparisons the report corrects for.

    Raises:
        ValueError: a tag is not what every ledger has there; the message names it.
    """
    recorded = Recorded(runs=runs)
    of_runs = (data, split, networks, teachers, transfer, recipe, search, confirmation)
    return [*(write(recorded) for write in of_runs), statistics(recorded, num_comparisons), machines(recorded)]
