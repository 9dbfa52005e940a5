"""One call of the command: trains curves until the time is up, and gathers what is finished."""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from tests.benchmarks.recording import pieces
from tests.benchmarks.recording.card import card, facts_of_run
from tests.benchmarks.recording.curve import Place, rows_of
from tests.benchmarks.recording.design import Point, Setting, in_order
from tests.benchmarks.recording.sources import facts_of_sources, place_of
from trainables.atomic import write_bytes
from trainables.judging import NonFiniteLossError, UndefinedScoreError

PIECES = "curves"  # the working folder's part with one file per finished curve
CARD = "card.md"


@dataclass(frozen=True, kw_only=True)
class Session:
    """What one call is to do.

    Args:
        design: all settings, by name.
        names: of the settings that are recorded now.
        work: folder of images, teachers and finished curves.
        out: the Parquet file.
        data: folder of the real images.
        may_begin: asked before each curve.
        command: what was typed, for the card.
    """

    design: Mapping[str, Setting]
    names: Sequence[str]
    work: Path
    out: Path
    data: Path | None
    num_processes: int
    may_begin: Callable[[], bool]
    command: str

    def run(self) -> tuple[int, int]:
        """Trains and gathers; how many curves are finished, and how many are left.

        Raises:
            Timeout: another call is recording in the same working folder.
            FileNotFoundError: the images are real, and absent.
            OtherSourcesError: the file was recorded with other images, teachers or settings.
        """
        self.work.mkdir(parents=True, exist_ok=True)
        with FileLock(self.work / "lock", timeout=0):
            return self._run()

    def _run(self) -> tuple[int, int]:
        chosen = {name: self.design[name] for name in self.names}
        places = {name: place_of(setting, self.work, self.data) for name, setting in chosen.items()}
        facts = {name: facts_of_sources(setting, places[name]) for name, setting in chosen.items()}
        done = self._gather(facts)
        points = [point for point in in_order(chosen) if point.identity not in done]
        tasks = [(chosen[each.setting], each, places[each.setting], self.work / PIECES) for each in points]
        num_before = len(done)
        try:
            self._train(tasks)
        finally:
            done = self._gather(facts)
        return len(done), num_before + len(points) - len(done)

    def _train(self, tasks: Sequence[tuple[Setting, Point, Place, Path]]) -> None:
        if self.num_processes == 1:
            for task in tasks:
                if not self.may_begin():
                    return
                finish(*task)
            return
        waiting = deque(tasks)
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self.num_processes, mp_context=context) as pool:
            running: set[Future[None]] = set()
            while True:
                while waiting and len(running) < self.num_processes and self.may_begin():
                    running.add(pool.submit(finish, *waiting.popleft()))
                if not running:
                    return
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    future.result()

    def _gather(self, facts: Mapping[str, Any]) -> set[tuple[object, ...]]:
        """Writes the file and its card, where there is something to write; the finished curves."""
        before = pieces.facts_of(self.out)
        settings = {**before.get("settings", {}), **facts}
        curves, failures = pieces.gathered(self.work / PIECES, self.out, {"settings": settings})
        done = pieces.identities(curves, failures)
        num_before = before.get("num_curves", 0)
        if len(done) > num_before:
            run = {**facts_of_run(self.command), "num_curves": len(done) - num_before}
            kept = {
                "settings": settings,
                "failures": failures,
                "num_curves": len(done),
                "runs": [*before.get("runs", []), run],
            }
            pieces.write(curves, self.out, kept)
            write_bytes(self.out.with_name(CARD), card(curves, kept, self.design).encode())
        return done


def finish(setting: Setting, point: Point, place: Place, folder: Path) -> None:
    """Trains one curve and keeps it."""
    started_s = time.perf_counter()
    try:
        rows = rows_of(setting, point, place)
    except (NonFiniteLossError, UndefinedScoreError) as error:
        pieces.keep_failure(folder, point, str(error))
        return
    pieces.keep(folder, point, rows)
    beta = "" if point.beta is None else f" beta {point.beta:g}"
    print(
        f"{time.strftime('%H:%M:%S')} {point.setting} {point.cell} {point.design}{beta} lr {point.learning_rate:.2g} "
        f"seed {point.seed}: {rows[-1]['score']:.3f} in {time.perf_counter() - started_s:.0f} s",
        file=sys.stderr,
        flush=True,
    )
