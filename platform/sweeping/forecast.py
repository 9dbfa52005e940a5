"""Forecasts what a sweep takes before its first epoch: time, GPU-hours and disk, from steps timed on this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace

from platform.sweeping.plan import Plan, axis_value, config_of, num_unlabelled
from platform.sweeping.records import TrialRecord
from platform.sweeping.schedulers import expected_epochs
from platform.sweeping.setup import Setup
from platform.sweeping.study import Study
from trainables.cell import ITSELF, NO_TEACHER, Cell, members
from trainables.job import Job
from trainables.pace import Pace
from trainables.recipe_views import ViewRecipe

# Knobs that decide a teacher's answers: those of the views, and what its network is given at once.
OF_THE_ANSWERS = {*(each.name for each in fields(ViewRecipe)), "image_size_px", "batch_size"}

NOTHING = Pace(train_s=0.0, teach_s=0.0, evaluate_s=0.0, save_s=0.0, start_s=0.0, weights_bytes=0, knowledge_bytes=0)


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What is left of a plan, in seconds."""

    likely_s: float  # where early scores say nothing of what becomes of a trial
    most_s: float  # where no trial is stopped early


@dataclass(kw_only=True)
class Forecast:
    """What the trials of a sweep take.

    Args:
        setup: of the sweep.
        paces: by cell, as `paces_of` gives them.
        num_slots: how many trials run at once.
    """

    setup: Setup
    paces: Mapping[Cell, Pace]
    num_slots: int
    _taken_s: float = field(default=0.0, init=False)
    _forecast_s: float = field(default=0.0, init=False)
    _counts: dict[tuple[str, float], int] = field(default_factory=dict, init=False)

    def learn(self, cell: Cell, epoch: int, seconds: float) -> None:
        """Takes note of an epoch's duration: what is left is scaled by what was seen of this sweep."""
        self._taken_s += seconds
        self._forecast_s += self.epoch_s(cell, is_labelled=epoch > num_unlabelled(self.setup.base, cell))

    def epoch_s(self, cell: Cell, *, is_labelled: bool = True) -> float:
        """Seconds of an epoch of `cell`; the teacher's answers come from the cache, if that has room for them.

        An epoch without labels has all training images, whatever the cell's fraction of them.
        """
        pace = self.paces[cell]
        scored_s = self._num_images("validation") * pace.evaluate_s
        if cell.method == ITSELF:
            return scored_s
        per_image_s = pace.train_s + (0.0 if self._fits_cache else pace.teach_s)
        fraction = cell.data_fraction if is_labelled else 1.0
        return self._num_images("train", fraction) * per_image_s + scored_s + pace.save_s

    def left(self, plan: Plan) -> Estimate:
        """What the open trials of `plan` take, on all slots together."""
        likely_s = most_s = self._teaching_s(plan)
        for study in plan.studies.values():
            likely_s += self._study_s(study, plan, self._searched_epochs(study, plan))
            most_s += self._study_s(study, plan, None)
        running = [record for record in plan.records.values() if record.status == "RUNNING"]
        begun_s = sum(self._epochs_s(record.spec.cell, len(record.best_scores)) for record in running)
        scale = self._taken_s / self._forecast_s if self._forecast_s else 1.0
        width = max(1, min(self.num_slots, plan.num_open_trials))
        return Estimate(
            likely_s=max(likely_s - begun_s, 0.0) * scale / width, most_s=max(most_s - begun_s, 0.0) * scale / width
        )

    def disk_bytes(self, plan: Plan) -> int:
        """What the sweep will write at most: every trial's best student, the checkpoints of running ones, the cache."""
        largest = max(pace.weights_bytes for pace in self.paces.values())
        cache = min(self.setup.cache_bytes, self._answers_bytes)
        # Copies of a student that a running trial keeps: two states with Adam's moments and the average, and the best.
        decays = [dict(cell.varied).get("ema_decay", self.setup.base.ema_decay) for cell in self.paces]
        copies = 2 * (3 + any(decays)) + 1
        return (plan.num_open_trials + copies * self.num_slots) * largest + cache

    def _num_images(self, split: str, fraction: float = 1.0) -> int:
        key = (split, fraction)
        if key not in self._counts:
            self._counts[key] = len(self.setup.splits.first.rows(split, fraction))
        return self._counts[key]

    def _study_s(self, study: Study, plan: Plan, searched_epochs: float | None) -> float:
        cells = study.cells
        searches, repeats = plan.num_open(study)
        searched_s = [self._trial_s(cell, self._searched(cell, searched_epochs)) for cell in cells]
        tested_s = [self._trial_s(cell, self._num_epochs(cell)) + self._test_s(cell) for cell in cells]
        return (searches * sum(searched_s) + repeats * sum(tested_s)) / len(cells)

    def _trial_s(self, cell: Cell, num_epochs: float) -> float:
        return self.paces[cell].start_s + self._epochs_s(cell, 1 if cell.method == ITSELF else num_epochs)

    def _epochs_s(self, cell: Cell, num_epochs: float) -> float:
        """Seconds of a trial's first epochs, of which the first may have no labels."""
        unlabelled = min(num_unlabelled(self.setup.base, cell), num_epochs)
        labelled_s = (num_epochs - unlabelled) * self.epoch_s(cell)
        return labelled_s + unlabelled * self.epoch_s(cell, is_labelled=False)

    def _test_s(self, cell: Cell) -> float:
        return self._num_images("test") * self.paces[cell].evaluate_s

    def _num_epochs(self, cell: Cell) -> int:
        return int(axis_value(self.setup.base, cell, "max_epochs"))

    def _searched(self, cell: Cell, labelled: float | None) -> float:
        """The length of a search's trial that is expected to have so many epochs with labels; None for all of them."""
        return num_unlabelled(self.setup.base, cell) + labelled if labelled else self._num_epochs(cell)

    def _searched_epochs(self, study: Study, plan: Plan) -> float | None:
        """The expected number of a search's epochs with labels, by which trials are judged; None for all of them."""
        if not (study.stops_early and study.num_trials):
            return None
        return expected_epochs(study.num_trials, plan.num_labelled(study), self.setup.scheduler)

    def _teaching_s(self, plan: Plan) -> float:
        """The teachers' answers that are still to be computed, each once, where the cache keeps them."""
        if not self._fits_cache:
            return 0.0
        seconds: dict[tuple[object, ...], float] = {}
        for study in plan.studies.values():
            (searches, repeats), (all_searches, all_repeats) = plan.num_open(study), plan.num_planned(study)
            rounds = searches / all_searches if all_searches else 0
            rounds += plan.num_new_seeds(study) * repeats / all_repeats if all_repeats else 0
            for cell in study.cells:
                unlabelled = num_unlabelled(self.setup.base, cell)
                num_views = unlabelled * self._num_images("train")
                num_views += (self._num_epochs(cell) - unlabelled) * self._num_images("train", cell.data_fraction)
                seconds_here = rounds * num_views * self.paces[cell].teach_s
                key = _views_of(cell)
                seconds[key] = max(seconds.get(key, 0.0), seconds_here)
        return sum(seconds.values())

    @property
    def _fits_cache(self) -> bool:
        return self._answers_bytes <= self.setup.cache_bytes

    @property
    def _answers_bytes(self) -> int:
        """All answers to the views of one seed: a search's, or those of one round of repeats."""
        per_image: dict[tuple[object, ...], int] = {}
        for cell, pace in self.paces.items():
            num_bytes = pace.knowledge_bytes * self._num_epochs(cell)
            per_image[_views_of(cell)] = max(per_image.get(_views_of(cell), 0), num_bytes)
        return sum(per_image.values()) * self.setup.store.num_images


def paces_of(setup: Setup, measure: Callable[[Job], Pace]) -> dict[Cell, Pace]:
    """The pace of every cell; cells of one student, depth, method and kind of teacher are timed once.

    A cell without a teacher is as fast as one with a teacher, but for that teacher.

    Args:
        measure: times a job's step, in this process or on a machine of the cluster.
    """
    paces: dict[tuple[object, ...], Pace] = {}
    taught = [cell for cell in setup.space.cells if cell.method != ITSELF]
    for cell in sorted(taught, key=lambda cell: cell.teacher == NO_TEACHER):  # those with a teacher first
        kind = _kind(cell, setup)
        alike = [pace for other, pace in paces.items() if other[:3] == kind[:3]]
        if kind not in paces:
            may_share = alike and cell.teacher == NO_TEACHER
            paces[kind] = _without_teacher(alike[0]) if may_share else measure(_job(cell, setup))
    untrained = _without_teacher(max(paces.values(), key=lambda pace: pace.evaluate_s, default=NOTHING))
    return {cell: untrained if cell.method == ITSELF else paces[_kind(cell, setup)] for cell in setup.space.cells}


def _views_of(cell: Cell) -> tuple[object, ...]:
    """Cells of equal values share the teachers' answers (`trainables.job` has the cache's whole key)."""
    return (cell.method, cell.teacher, tuple((name, value) for name, value in cell.varied if name in OF_THE_ANSWERS))


def _kind(cell: Cell, setup: Setup) -> tuple[object, ...]:
    """What decides a cell's pace."""
    architectures = [setup.teachers[name].architecture for name in members(cell.teacher)]
    return (cell.student, cell.unfreeze, cell.varied, cell.method, *architectures)


def _job(cell: Cell, setup: Setup) -> Job:
    """The job of the cell's first trial."""
    spec = setup.spec(config_of(setup.base, cell, setup.space.first(cell)))
    return setup.job(TrialRecord(spec=spec, study="", number=0))


def _without_teacher(pace: Pace) -> Pace:
    return replace(pace, teach_s=0.0, knowledge_bytes=0)
