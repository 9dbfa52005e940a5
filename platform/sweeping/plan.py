"""The order of a sweep's trials: search every cell with an equal budget, then confirm the best of each.

The plan has no state that the ledger could not restore: rebuilt from the ledger's records, it continues where the last
process stopped. It knows nothing of Ray or MLflow.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from platform.sweeping.records import TrialRecord
from platform.sweeping.redraws import Redraws, Repeat
from platform.sweeping.study import Params, Study
from trainables.cell import ITSELF, NO_TEACHER, Cell
from trainables.config import TrialConfig
from trainables.knob import AXIS, TUNED, knobs
from trainables.trial import TUNED_FIELDS, TrialSpec


class Plan:
    """What to run next, and what is known so far.

    Args:
        studies: the searches: one per cell, or one per question over all cells that ask it.
        base: what all trials of the sweep share.
        spec_of: adds the fingerprints of data, teacher and first weights to a configuration.
        num_repeats: trainings of each study's best configuration in the confirm phase.
        records: what the ledger holds of this sweep.
        redraws: what the repeats draw anew.
    """

    def __init__(
        self,
        studies: list[Study],
        base: TrialConfig,
        spec_of: Callable[[TrialConfig], TrialSpec],
        num_repeats: int,
        records: Iterable[TrialRecord] = (),
        *,
        redraws: Redraws | None = None,
    ) -> None:
        self.studies = {study.name: study for study in studies}
        self.records: dict[str, TrialRecord] = {}
        self._base = base
        self._spec_of = spec_of
        self._num_repeats = num_repeats
        self.redraws = redraws or Redraws()
        self._unfinished: deque[TrialRecord] = deque()
        for record in records:
            self._take_up(record)

    def next(self) -> TrialRecord | None:
        """The next trial to run; None while others must end first, or once all are done (see `finished`).

        Unfinished trials come first. Then the studies take turns, one trial each, so that all cells have had the same
        budget at any moment, and a study knows as much as possible when it is asked.
        """
        if self._unfinished:
            return self._unfinished.popleft()
        open_studies = [study for study in self.studies.values() if not study.exhausted]
        if open_studies:
            return self._ask(min(open_studies, key=lambda study: len(study.asked)))
        # The scores of all cells first, then what their variance is made of.
        repeats = [(study, *each) for study in self.studies.values() for each in self._repeats(study)]
        for study, repeat, spec in sorted(repeats, key=lambda each: each[1].is_component):
            if spec.key not in self.records:
                return self._add(TrialRecord(spec=spec, study=study.name, number=repeat.number, drawn=repeat.drawn))
        return None

    def next_beside(self, record: TrialRecord) -> TrialRecord | None:
        """A further trial for the pack of `record`; None where there is none that may share it.

        An unfinished one comes first, then the next that its own study asks for: the others catch up, since they have
        been asked for fewer. What a study asks for that may not share the pack is the next trial to run.
        """
        if record.spec.why_alone:
            return None
        for other in self._unfinished:
            if not record.spec.why_apart(other.spec):
                self._unfinished.remove(other)
                return other
        study = self.studies[record.study]
        if record.spec.config.phase == "confirm" or study.exhausted:  # each repeat has draws of its own
            return None
        other = self._ask(study)
        if record.spec.why_apart(other.spec):
            self._unfinished.append(other)
            return None
        return other

    def settle(self, record: TrialRecord) -> None:
        """Notes that a trial has ended; `record.status` and `record.best_scores` say how."""
        if record.spec.config.phase != "confirm" and record.study in self.studies:
            self.studies[record.study].tell(record.number, record.score)

    @property
    def finished(self) -> bool:
        """Whether every planned trial has ended."""
        return self.num_open_trials == 0

    @property
    def num_trials(self) -> int:
        """How many trials the whole sweep has, of both phases."""
        return sum(study.num_trials + self._most_repeats(study) for study in self.studies.values())

    @property
    def num_open_trials(self) -> int:
        """How many trials have not ended; a study whose trials all failed has nothing to confirm."""
        return sum(sum(self.num_open(study)) for study in self.studies.values())

    def num_open(self, study: Study) -> tuple[int, int]:
        """How many of a study's search trials, and how many of its repeats, have not ended."""
        if not study.complete:
            return study.num_trials - len(study.scores), self._most_repeats(study)
        keys = [spec.key for _, spec in self._repeats(study)]
        return 0, sum(key not in self.records or self.records[key].status == "RUNNING" for key in keys)

    def num_planned(self, study: Study) -> tuple[int, int]:
        """How many search trials and repeats a study has in all; one whose trials all failed has no repeats."""
        all_failed = study.complete and study.choice is None
        return study.num_trials, 0 if all_failed else self._most_repeats(study)

    def num_new_seeds(self, study: Study) -> int:
        """How many seeds the repeats of a study have that its search has not: as often, a teacher sees other views."""
        has_others = "seed" in self.redraws.sources and not study.is_fixed
        return self._num_repeats if has_others else 0

    def confirmed(self, study: Study) -> list[TrialRecord]:
        """The finished repeats of a study's choice; those of a choice that a larger search has replaced are not among
        them, and while a search goes on there is no choice."""
        keys = [spec.key for _, spec in self._repeats(study)]
        repeats = [self.records[key] for key in keys if key in self.records]
        return [record for record in repeats if record.status == "FINISHED"]

    def _most_repeats(self, study: Study) -> int:
        return self.redraws.num_repeats(self._num_repeats, is_fixed=study.is_fixed)

    def _config(self, study: Study, params: Params) -> TrialConfig:
        """What a trial of the study trains with these parameters."""
        return replace(config_of(self._base, study.cell(params), params), fold=study.fold)

    def _repeats(self, study: Study) -> list[tuple[Repeat, TrialSpec]]:
        """The best configuration of a completed study, to be trained again with draws that the search has not used."""
        if study.choice is None:
            return []
        cell, best = study.cell(study.choice), self._config(study, study.choice)
        repeats = self.redraws.of(best, self._num_repeats)
        return [(repeat, self._spec(cell, repeat.config)) for repeat in repeats]

    def _spec(self, cell: Cell, config: TrialConfig) -> TrialSpec:
        """The trial of `cell` with that configuration."""
        return replace(self._spec_of(config), varied_from=varied_from(self._base, cell))

    def max_epochs(self, study: Study) -> int:
        """The length of the longest trial of a study."""
        return max(axis_value(self._base, cell, "max_epochs") for cell in study.cells)

    def num_labelled(self, study: Study) -> int:
        """The most epochs with labels that a trial of a study has."""
        return max(
            axis_value(self._base, cell, "max_epochs") - num_unlabelled(self._base, cell) for cell in study.cells
        )

    def _ask(self, study: Study) -> TrialRecord:
        """The trial that a study asks for next."""
        number, params = study.ask()
        spec = self._spec(study.cell(params), self._config(study, params))
        return self._add(TrialRecord(spec=spec, study=study.name, number=number))

    def _add(self, record: TrialRecord) -> TrialRecord:
        self.records[record.spec.key] = record
        return record

    def _take_up(self, record: TrialRecord) -> None:
        """Takes a record from the ledger: as a result if it has ended, else as the next trial to run."""
        study = self.studies.get(record.study)
        if study is None:  # a cell that this command leaves out
            return
        if record.spec.cell.name not in {cell.name for cell in study.cells}:  # the same, of a search over several
            if record.spec.config.phase != "confirm":
                study.left_out.add(record.number)
            return
        self.records[record.spec.key] = record
        if record.spec.config.phase != "confirm":
            study.take_up(record.number, record.spec.searched, record.spec.cell.name)
        if record.status == "RUNNING":
            self._unfinished.append(record)
        else:
            self.settle(record)


def config_of(base: TrialConfig, cell: Cell, params: Params) -> TrialConfig:
    """The configuration of a trial of `cell` with what its study suggests."""
    of_trial = {name: params[name] for name in TUNED_FIELDS if name in params}
    of_method = {name: value for name, value in params.items() if name not in of_trial and name != "cell"}
    return replace(base, **cell.axes, **of_trial, knobs=tuple(sorted(of_method.items())))


def axis_value(base: TrialConfig, cell: Cell, name: str) -> Any:
    """The value of the knob called `name` in `cell`, of a sweep with this `base`."""
    return cell.axes.get(name, getattr(base, name))


def num_unlabelled(base: TrialConfig, cell: Cell) -> int:
    """How many epochs without labels the trainings of `cell` begin with."""
    has_teacher = cell.teacher != NO_TEACHER and cell.method != ITSELF
    return int(axis_value(base, cell, "unlabelled_epochs")) if has_teacher else 0


def varied_from(base: TrialConfig, cell: Cell) -> tuple[tuple[str, Any], ...]:
    """For `TrialSpec.varied_from`: the sweep's own values of the knobs that set `cell` apart from it."""
    roles = {knob.name: knob.role for knob in knobs(TrialConfig)}
    names = [name for name, _ in cell.varied if roles[name] != AXIS]
    return tuple((name, None if roles[name] == TUNED else getattr(base, name)) for name in names)
