"""What a person who watches a sweep sees: one line per event, the standing after each cell, and the time left.

In a terminal the epochs move a bar at the bottom. A log file gets a line for them, with the time of day in front, and
no bar.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TextIO

from tqdm import tqdm

from platform.sweeping.forecast import Forecast
from platform.sweeping.plan import Plan
from platform.sweeping.records import TrialRecord
from platform.sweeping.standing import Standing, finished_line
from platform.sweeping.wording import in_words
from trainables.cell import ITSELF

QUIET_S = 10.0  # in a log, the epochs of a trial are printed at most this often
MARGIN = "      "  # before the second line of an event that is wider than the terminal


class Progress:
    """Lines for trials as they start, progress and end, and for cells that are finished.

    Args:
        plan: knows what remains.
        forecast: knows the time left; None where no step could be timed, and then the time is not shown.
        standing: is kept up to date in a file, for `platform.status`; None for no file.
        stream: where the lines go; None for standard output.
    """

    def __init__(
        self,
        plan: Plan,
        forecast: Forecast | None = None,
        standing: Standing | None = None,
        stream: TextIO | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plan, self._forecast, self._standing = plan, forecast, standing
        self._stream = stream or sys.stdout
        self._is_terminal = self._stream.isatty()
        self._clock = clock
        self._shown_at_s: dict[str, float] = {}
        self._answers: dict[str, tuple[float, str]] = {}  # by trial: best score, and a note on constant answers
        self._trials_done = plan.num_trials - plan.num_open_trials
        self._bar = tqdm(
            total=plan.num_trials,
            initial=self._trials_done,
            file=self._stream,
            disable=not self._is_terminal,
            bar_format="{bar:20} {n_fmt}/{total_fmt}{postfix}",
        )
        self._note()

    def start(self, record: TrialRecord, *, has_state: bool = True) -> None:
        """A trial begins, or resumes after its first epochs; without a state to resume from it begins again."""
        config = record.spec.config
        if config.method == ITSELF:
            self._say(record, "starts, scored as it is")
            return
        knobs = f"lr {config.learning_rate:.2g}, wd {config.weight_decay:.2g}"
        knobs += "" if config.beta is None else f", beta {config.beta:.3g}"
        resumed = f", resumes after epoch {len(record.best_scores)}" if record.best_scores else ""
        if resumed and not has_state:
            resumed = ": its checkpoints are gone, so that it is trained again from the beginning"
        self._say(record, f"{knobs}{resumed}")
        self._note()

    def note(self, record: TrialRecord, epoch: int, result: Mapping[str, float]) -> None:
        """Remembers whether the best epoch's answers vary; counts epochs that a resumed trial repeats, too."""
        if epoch <= record.spec.config.num_unlabelled:  # such an epoch is never the best of a trial
            return
        best = result["best_score"]
        if best > self._answers.get(record.spec.key, (float("-inf"), ""))[0]:
            self._answers[record.spec.key] = (best, _constant(result))

    def epoch(self, record: TrialRecord, epoch: int, result: Mapping[str, float]) -> None:
        """An epoch of a trial has ended."""
        if self._forecast and epoch > 1:  # the first one's time has Python's imports in it
            self._forecast.learn(record.spec.cell, epoch, result["epoch_s"])
        self._note()
        if record.spec.config.method == ITSELF:  # its end says all
            return
        max_epochs, has_labels = record.spec.config.max_epochs, epoch > record.spec.config.num_unlabelled
        text = f"epoch {epoch}/{max_epochs}" + (f": {result['score']:.3f}" if has_labels else ", without labels")
        if self._is_terminal:
            self._bar.set_postfix_str(", ".join(part for part in (self._left(), text) if part))
            return
        now_s, last = self._clock(), epoch == max_epochs
        if last or now_s - self._shown_at_s.get(record.spec.key, -QUIET_S) >= QUIET_S:
            self._shown_at_s[record.spec.key] = now_s
            best = f" (best {result['best_score']:.3f}){_constant(result)}" if has_labels else ""
            self._say(record, f"{text}{best}")

    def end(self, record: TrialRecord) -> None:
        """A trial has ended."""
        self._trials_done += 1
        self._bar.update(1)
        constant = self._answers.pop(record.spec.key, (0.0, ""))[1]
        outcome = f"done, best {record.score:.3f}{constant}" if record.score is not None else "done"
        if record.error:
            outcome = f"FAILED: {record.error}"
        elif record.stopped:
            outcome = f"stopped early after epoch {len(record.best_scores)}, best {record.score:.3f}{constant}"
        left = self._left()
        self._say(record, outcome if self._is_terminal or not left else f"{outcome}; {left}")
        if line := finished_line(record, self._plan):
            self._write(line)
        self._bar.set_postfix_str(left)
        self._note()

    def warn(self, record: TrialRecord, what: str) -> None:
        """Something that a person may want to see to, whatever else is printed."""
        self._say(record, what)

    def close(self) -> None:
        """Removes the bar."""
        self._bar.close()
        self._note(at_once=True)

    def _say(self, record: TrialRecord, what: str) -> None:
        done = f"{self._trials_done}/{self._plan.num_trials}"
        self._write(f"{done} {record.spec.cell.name} {record.title}: {what}")

    def _write(self, line: str) -> None:
        if self._is_terminal:
            width = shutil.get_terminal_size().columns
            line = textwrap.fill(line, width, subsequent_indent=MARGIN, break_long_words=False, break_on_hyphens=False)
        else:
            line = f"{datetime.now():%H:%M:%S} {line}"
        tqdm.write(line, file=self._stream)
        self._stream.flush()

    def _left(self) -> str:
        """The time left; "" where it is not known."""
        return f"about {in_words(self._forecast.left(self._plan).likely_s)} left" if self._forecast else ""

    def _note(self, *, at_once: bool = False) -> None:
        if self._standing:
            self._standing.write(at_once=at_once)


def _constant(result: Mapping[str, float]) -> str:
    """Which of an epoch's answers are the same for every image; "" if none. Only classes have an F1."""
    number = int(result.get("val_num_constant", 0))
    if not number:
        return ""
    if "val_f1_weighted" in result:
        return ", answers one class only"
    return f", gives all images the same answer for {number} label{'s' if number > 1 else ''}"
