"""Where a sweep stands: per study what is done, left, best and confirmed; and the file that `platform.status` reads.

The file is a picture of the plan, which the ledger can restore: nothing of a sweep is ever read back from it.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from analysis.stats.intervals import shown_half_width, t_interval
from platform.sweeping.plan import Plan
from platform.sweeping.records import TrialRecord
from platform.sweeping.redraws import FOLD, in_fold
from platform.sweeping.study import Study
from platform.sweeping.wording import auc
from trainables import atomic

EVERY_S = 2.0  # how often it is written at most


@dataclass(frozen=True, kw_only=True)
class StudyStanding:
    """One line of a sweep's standing; scores are fractions."""

    name: str  # the study's: a cell's name, unless one study searches several
    cell: str  # the best configuration's; "" while there is none
    searched: int
    to_search: int  # in all
    confirmed: int
    to_confirm: int  # in all
    best: float | None  # validation score of the best configuration so far
    test_auc: float | None  # mean over the confirmed repeats that draw all sources anew
    half_width: float | None  # of its 95% interval, if that can be given
    num_scored: int  # these repeats, as far as they have a test AUC


def standing_of(study: Study, plan: Plan) -> StudyStanding:
    """How far a study is."""
    (searches, repeats), (to_search, to_confirm) = plan.num_open(study), plan.num_planned(study)
    best = study.best
    repeated = plan.confirmed(study)
    scored = [record for record in repeated if (record.drawn or "seed") in (FOLD, plan.redraws.word)]
    aucs = [record.test_auc for record in scored if record.test_auc is not None]
    cell = study.cell(study.asked[best[0]]).name if best else repeated[0].spec.cell.name if repeated else ""
    return StudyStanding(
        name=study.name,
        cell=cell,
        searched=to_search - searches,
        to_search=to_search,
        confirmed=to_confirm - repeats,
        to_confirm=to_confirm,
        best=best[1] if best else None,
        test_auc=sum(aucs) / len(aucs) if aucs else None,
        # Test sets of several splits overlap, so that this interval would be too narrow: the closing table has another.
        half_width=None if plan.redraws.splits else _half_width(aucs),
        num_scored=len(aucs),
    )


def _half_width(aucs: Sequence[float]) -> float | None:
    if len(aucs) < 2:
        return None
    half_width = shown_half_width(t_interval(aucs), low=0.0, high=1.0)
    return None if math.isnan(half_width) else half_width  # NaN where n is too small


def finished_line(record: TrialRecord, plan: Plan) -> str:
    """What a trial that has just ended completes, its cell's search or its repeats, and how that did; "" if neither."""
    study = plan.studies.get(record.study)
    if study is None:
        return ""
    searches, repeats = plan.num_open(study)
    is_repeat = record.spec.config.phase == "confirm"
    if repeats if is_repeat else searches:
        return ""
    own, all_standings = standing_of(study, plan), [standing_of(each, plan) for each in plan.studies.values()]
    if is_repeat:
        done = [each for each in all_standings if each.to_confirm and each.confirmed == each.to_confirm]
        how_many = f"{len(done)} of {len(all_standings)}"
        how_many = f"{how_many} folds of cells" if study.fold else f"cell {how_many}"
        alike = [each for each in done if plan.studies[each.name].fold == study.fold]  # tested on the same images
        return f"{how_many} done: {own.cell}{in_fold(study.fold)}: {_score(own)}{_rank(own, alike)}"
    done = [each for each in all_standings if each.to_search and each.searched == each.to_search]
    if own.best is None:
        return f"search {len(done)} of {len(all_standings)} done: {own.name}: every trial failed"
    of_fold = in_fold(study.fold)
    return (
        f"search {len(done)} of {len(all_standings)} done: {own.cell}{of_fold}: best of {own.to_search}: {own.best:.3f}"
    )


def _score(standing: StudyStanding) -> str:
    if standing.test_auc is None:
        return "no test AUC"
    return f"test AUC {auc(standing.test_auc, standing.half_width, standing.num_scored)}"


def _rank(own: StudyStanding, done: Sequence[StudyStanding]) -> str:
    scores = sorted((each.test_auc for each in done if each.test_auc is not None), reverse=True)
    if own.test_auc is None or len(scores) < 2:
        return ""
    return f", {scores.index(own.test_auc) + 1} of {len(scores)}"


class Standing:
    """Keeps a sweep's standing in a file.

    Args:
        path: of the file.
        plan: of the sweep.
        left_s: the seconds left, None where they are not known.
        facts: what does not change: the sweep's name, the metric, a trial's CPUs and GPUs, the command, ...
    """

    def __init__(self, path: Path, plan: Plan, left_s: Callable[[], float | None], *, facts: dict[str, Any]) -> None:
        self._path, self._plan, self._facts, self._left_s = path, plan, facts, left_s
        self._written_s = float("-inf")

    def write(self, *, at_once: bool = False) -> None:
        """Writes the standing, unless that was done a moment ago; a full disk costs the file, never the sweep."""
        now_s = time.monotonic()
        if at_once or now_s - self._written_s >= EVERY_S:
            self._written_s = now_s
            with suppress(OSError):
                atomic.write_bytes(self._path, json.dumps(self._content()).encode())

    def _content(self) -> dict[str, Any]:
        plan, records = self._plan, list(self._plan.records.values())
        return {
            **self._facts,
            "updated_s": time.time(),
            "trials": plan.num_trials,
            "trials_done": plan.num_trials - plan.num_open_trials,
            "left_s": self._left_s(),
            "slot_s": sum(record.seconds for record in records),
            "studies": [asdict(standing_of(study, plan)) for study in plan.studies.values()],
            "running": [
                {"trial": f"{r.spec.cell.name} {r.title}", "epoch": len(r.best_scores), "of": r.spec.config.num_reports}
                for r in records
                if r.status == "RUNNING"
            ],
            "failed": [
                {"trial": f"{r.spec.cell.name} {r.title}", "reason": r.error} for r in records if r.status == "FAILED"
            ],
        }
