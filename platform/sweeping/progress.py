"""What a person who watches a sweep sees: the running cell and trial, its last score, what remains, the time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import TextIO

from tqdm import tqdm

from platform.sweeping.plan import Plan
from platform.sweeping.records import TrialRecord
from trainables.cell import ITSELF

QUIET_S = 10.0  # outside a terminal, the epochs of a trial are printed at most this often


class Progress:
    """Lines for trials as they start, progress and end; in a terminal also a bar that stays at the bottom.

    Args:
        plan: knows what remains.
        max_epochs: the length of a trial.
        metric: the name of the score that is shown.
        stream: where the lines go; None for standard output.
    """

    def __init__(
        self,
        plan: Plan,
        max_epochs: int,
        metric: str,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plan, self._max_epochs, self._metric = plan, max_epochs, metric
        self._stream = stream or sys.stdout
        self._clock = clock
        self._started_s = clock()
        self._shown_at_s: dict[str, float] = {}
        self._answers: dict[str, tuple[float, str]] = {}  # by trial: best score, and a note on constant answers
        self._epochs_done = 0
        self._trials_done = plan.num_trials - plan.num_open_trials
        self._bar = tqdm(
            total=plan.num_trials,
            initial=self._trials_done,
            unit="trial",
            file=self._stream,
            disable=not self._stream.isatty(),
            bar_format="{bar:20} {n_fmt}/{total_fmt} trials {postfix}",
        )

    def start(self, record: TrialRecord) -> None:
        """A trial begins, or resumes after its first epochs."""
        config = record.spec.config
        if config.method == ITSELF:
            self._say(record, "starts (scored as it is)")
            return
        knobs = f"lr {config.learning_rate:.2g}, wd {config.weight_decay:.2g}"
        knobs += "" if config.beta is None else f", beta {config.beta:.3g}"
        resumed = f", resumed after epoch {len(record.best_scores)}" if record.best_scores else ""
        self._say(record, f"starts ({knobs}{resumed})")

    def note(self, record: TrialRecord, result: Mapping[str, float]) -> None:
        """Remembers whether the best epoch's answers vary; counts epochs that a resumed trial repeats, too."""
        best = result["best_score"]
        if best > self._answers.get(record.spec.key, (float("-inf"), ""))[0]:
            self._answers[record.spec.key] = (best, _constant(result))

    def epoch(self, record: TrialRecord, epoch: int, result: Mapping[str, float]) -> None:
        """An epoch of a trial has ended."""
        self._epochs_done += 1
        now_s = self._clock()
        if record.spec.config.method == ITSELF:  # its end says all
            return
        last = epoch == self._max_epochs
        if not self._stream.isatty() and not last and now_s - self._shown_at_s.get(record.spec.key, -QUIET_S) < QUIET_S:
            return
        self._shown_at_s[record.spec.key] = now_s
        score, best = f"{result['score']:.3f}", f"{result['best_score']:.3f}"
        text = f"epoch {epoch}/{self._max_epochs}  {self._metric} {score} (best {best})"
        self._say(record, text + _constant(result))

    def end(self, record: TrialRecord, error: str = "") -> None:
        """A trial has ended."""
        self._trials_done += 1
        self._bar.update(1)
        constant = self._answers.pop(record.spec.key, (0.0, ""))[1]
        if error:
            self._say(record, f"FAILED: {error}")
        elif record.stopped:
            self._say(record, f"stopped early after epoch {len(record.best_scores)}, best {record.score:.3f}{constant}")
        elif record.score is not None:
            self._say(record, f"done, best {record.score:.3f}{constant}")

    def close(self) -> None:
        """Removes the bar."""
        self._bar.close()

    def _say(self, record: TrialRecord, what: str) -> None:
        config = record.spec.config
        number = f"trial {record.number + 1}" if config.phase != "confirm" else f"repeat {record.number}"
        done = f"[{self._trials_done}/{self._plan.num_trials}, {self._left()}]"
        self._bar.set_postfix_str(self._left(), refresh=False)
        tqdm.write(f"{done} {config.phase} {config.cell.name} {number}: {what}", file=self._stream)
        self._stream.flush()

    def _left(self) -> str:
        """The time left, at most: trials that are stopped early take less."""
        if not self._epochs_done:
            return "time left unknown"
        s_per_epoch = (self._clock() - self._started_s) / self._epochs_done
        left_s = int(s_per_epoch * max(0, self._plan.num_open_trials * self._max_epochs - self._running_epochs()))
        return f"at most {left_s // 3600}:{left_s % 3600 // 60:02d}:{left_s % 60:02d} left"

    def _running_epochs(self) -> int:
        return sum(len(r.best_scores) for r in self._plan.records.values() if r.status == "RUNNING")


def _constant(result: Mapping[str, float]) -> str:
    """Which of an epoch's answers are the same for every image; "" if none. Only classes have an F1."""
    number = int(result.get("val_num_constant", 0))
    if not number:
        return ""
    if "val_f1_weighted" in result:
        return ", answers one class only"
    return f", gives all images the same answer for {number} label{'s' if number > 1 else ''}"
