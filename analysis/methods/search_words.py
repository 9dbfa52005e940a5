"""The paragraphs on search and confirmation: what was tried, what chose, and what a repeat draws anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from analysis.methods.ledger_facts import Facts, Recorded
from analysis.methods.paragraph import Paragraph
from analysis.methods.phrases import begun, count, listed, plain, sentences, span, unknown
from analysis.methods.recipe_words import METRICS, NAMES
from analysis.methods.stopping_words import stopping_rule
from analysis.reading import weight_averages
from trainables import titles
from trainables.cell import ITSELF

GRID, JOINT = "grid", "joint"
RANDOM = "random"  # the sampler that learns nothing
SAMPLERS = {"TPE": "TPE sampler (multivariate)", "GP": "sampler with a Gaussian process"}  # of others: their names
BY_CELL = ["tags.cell", "params.fold"]


def search(recorded: Recorded) -> Paragraph:
    """The budget, the sampler, the ranges, and when a weak trial ended."""
    trials = recorded.runs.search
    if trials.empty:
        return Paragraph(name="search", title="Search", text="The ledger holds no trial of a search.")
    plan = recorded.facts("search_plan")
    mode = str(plan.get("mode") or recorded.settings.get("search") or "")
    parts = [_budget(recorded, mode), _sampler(plan, mode), *_ranges(recorded, mode), _stopped(trials, plan, mode)]
    metrics = listed([METRICS.get(str(each), str(each)) for each in recorded.values("params.selection_metric", trials)])
    parts.append(
        f"no trial of the search saw a test image; the best {metrics} on the validation images chose what was confirmed"
    )
    return Paragraph(name="search", title="Search", text=sentences(parts))


def _budget(recorded: Recorded, mode: str) -> str:
    trials = recorded.runs.search
    total = count(len(trials), "trial")
    sizes = trials.groupby(BY_CELL).size().tolist()
    num_cells = trials["tags.cell"].nunique()
    cells = count(num_cells, "cell")
    where = " in each fold" if recorded.runs.design.num_folds else ""
    each = f"{span(sizes)} trial{'' if set(sizes) == {1} else 's'}"
    if mode == JOINT:
        return f"all cells were searched together{where}: {total} of {cells} were finished, {each} in a cell"
    how = {GRID: "on a grid", "optuna": "in a study of its own"}.get(mode, unknown("how"))
    if num_cells == 1:
        return f"the one cell was searched {how}{where}, with {each}"
    return f"each of {cells} was searched {how}{where}, with {each}; {total} were finished in all"


def _sampler(plan: Facts, mode: str) -> str:
    if mode == GRID:
        return "the points of the grid were tried in order, each to its full length"
    if not plan:
        return unknown("the sampler of the search")
    name, source = plan["sampler"], plan.get("sampler_source")
    cited = f" [{source}]" if source else ""
    first = "the first trials of a cell had the values named first below"
    if name == RANDOM:
        return (
            f"configurations were drawn at random over their ranges, whatever earlier ones had scored{cited}; {first}"
        )
    return (
        f"configurations were suggested by Optuna's {SAMPLERS.get(name, f'{name} sampler')}{cited}, which learnt from "
        f"earlier trials once there were {plain(plan['startup_trials'])} of them; {first}"
    )


def _ranges(recorded: Recorded, mode: str) -> list[str]:
    """What was tuned, each range once, with the methods that it belongs to where others differ."""
    known = {name: facts["tuned"] for name, facts in recorded.family("method_facts").items() if "tuned" in facts}
    if not known:
        shared = recorded.settings.get("tuned", {})
        texts = [f"{_name(name)} from {plain(low)} to {plain(high)}" for name, (low, high) in shared.items()]
        rest = unknown("the ranges of beta and of the methods' own knobs, and whether they are logarithmic")
        return [f"tuned were {listed(texts)}" if texts else "", rest]
    methods: dict[tuple[str, str], list[str]] = {}
    for method, tuned in known.items():
        for name, of in tuned.items():
            methods.setdefault((name, _range(of)), []).append(method)
    having = {name: [method for method, tuned in known.items() if name in tuned] for name, _ in methods}
    lines = [
        f"{_name(name)} {words}" + (f" ({listed(map(titles.method, of))})" if of != having[name] else "")
        for (name, words), of in methods.items()
    ]
    return [f"{'the grid held' if mode == GRID else 'tuned were'} {'; '.join(lines)}" if lines else "nothing was tuned"]


def _range(of: Facts) -> str:
    if "values" in of:
        return f"at {listed(map(plain, of['values']))}"
    scale = " on a logarithmic scale" if of["log"] else ""
    return f"from {plain(of['low'])} to {plain(of['high'])}{scale}, first {listed(map(plain, of['first']), 'or')}"


def _name(knob: str) -> str:
    return NAMES.get(knob, f"`{knob}`")


def _stopped(trials: pd.DataFrame, plan: Facts, mode: str) -> str:
    if mode == GRID:
        return ""
    number = int(trials.reindex(columns=["tags.stopped"])["tags.stopped"].notna().sum())
    ended = f"{count(number, 'trial')} ended early" if number else "no trial ended early"
    return f"{stopping_rule(plan) if plan else unknown('the rule of early stopping')}; {ended}"


def confirmation(recorded: Recorded) -> Paragraph:
    """How often each chosen configuration was trained again, and what differs between the repeats."""
    runs = recorded.runs
    trained = runs.trained
    if runs.confirm.empty:
        return Paragraph(name="confirmation", title="Confirmation", text="No configuration has been confirmed yet.")
    parts = []
    if len(trained):
        sizes = trained.groupby(BY_CELL).size().tolist()
        where = " in each fold" if runs.design.num_folds else ""
        again = f"{span(sizes)} time{'' if set(sizes) == {1} else 's'}"
        parts.append(f"the best configuration of each cell was then trained again at full length, {again}{where}")
        parts.append(_seeds(recorded.values("params.seed", trained)))
    parts += [runs.design.sentence.replace(" (--vary-in-repeats)", "")]
    if len(runs.components):
        parts.append(
            f"{count(len(runs.components), 'further run')} drew one source of variance alone, and are part of no score"
        )
    if (runs.confirm["params.method"] == ITSELF).any():
        parts.append("teachers that were scored as they are have one run per split, since nothing in it is drawn")
    averaged = weight_averages.openings(runs.sweeps)
    parts += [_openings(runs.confirm, is_all=not averaged), *averaged]
    return Paragraph(name="confirmation", title="Confirmation", text=sentences(parts))


def _seeds(seeds: Iterable[float]) -> str:
    known = sorted({int(seed) for seed in seeds})
    return f"{'their seeds were' if len(known) > 1 else 'the seed was'} {listed(map(str, known))}"


def _openings(confirm: pd.DataFrame, *, is_all: bool) -> str:
    """Whether any cell has opened the test set for more than one configuration; `is_all`: whether nothing else has."""
    again: Sequence[str] = confirm.loc[confirm.get("openings", pd.Series(1, confirm.index)) > 1, "tags.cell"].unique()
    if not len(again):
        return f"{'only ' if is_all else ''}these runs opened the test set, each once, at its end"
    return begun(
        f"{listed(again)} opened the test set for more than one configuration, so that it had a part in the choice"
    )
