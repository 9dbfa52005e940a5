"""Many simulated searches, each once: results lie in a file, and only what it lacks is played."""

from __future__ import annotations

import hashlib
import multiprocessing
import signal
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from platform.sweeping.records import TrialRecord
from platform.sweeping.study import Params
from search_spaces.space import Space
from tests.benchmarks.recording.design import SETTINGS, ranges_of
from tests.benchmarks.replay.engine import CurveOf
from tests.benchmarks.replay.measures import Grid, grid_of, measured
from tests.benchmarks.replay.searchers import DEFAULT, GRID, SEARCHERS, SISTER, Searcher
from tests.benchmarks.replay.surrogate import Surrogate, surrogates
from trainables.cell import Cell

VERSION = 1  # raised whenever a change of this code changes a result
SAVE_EVERY_S = 20.0
NUM_FOR_CEILING = 400  # configurations among which the best of a cell is looked for
IDENTITY = ["setting", "cell", "searcher", "definition", "recording", "seed"]


@dataclass(frozen=True, kw_only=True)
class Simulated:
    """One cell of one setting, to be searched again and again.

    Args:
        sister: the cell of the other student, where it was recorded too.
    """

    setting: str
    cell: str
    space: Space
    model: Surrogate
    sister: Simulated | None = field(default=None, repr=False)

    @property
    def has_grid(self) -> bool:
        """Whether the paper's grid has more points than one, that is, whether there is a beta."""
        return len(self.space.grid_points(self.space.cells[0])) > 1

    def curve_of(self, seed: int) -> CurveOf:
        """The curves of a search with that seed: each training of each configuration has one."""

        def curve_of(record: TrialRecord) -> Any:
            return self.model.curve(record.spec.searched, (seed, record.spec.config.seed))

        return curve_of

    def row(self, name: str, seed: int) -> dict[str, Any]:
        """What the searcher of that name comes to with that seed."""
        trace = self._trace(SEARCHERS[name], seed)
        results = measured(trace, self._grid(seed), self.model, self._ceiling, seed)
        return {**self.identity(name), "seed": seed, **results}

    def identity(self, name: str) -> dict[str, str]:
        """What a result rests on, but for its seed."""
        starts_there = self.sister and SISTER in (SEARCHERS[name].openings or ())
        sister = self.sister.identity(DEFAULT) if self.sister and starts_there else {}
        begins = self.space.openings(self.space.cells[0])
        text = repr(
            (VERSION, SEARCHERS[name].definition(self.model.num_epochs), dict(self.space.tuned), begins, sister)
        )
        definition = hashlib.sha256(text.encode()).hexdigest()[:16]
        facts = {"setting": self.setting, "cell": self.cell, "searcher": name}
        return {**facts, "definition": definition, "recording": self.model.digest}

    def _trace(self, searcher: Searcher, seed: int) -> Any:
        sister = self.sister.found(seed) if self.sister and SISTER in (searcher.openings or ()) else None
        return searcher.run(self.space, self.model.num_epochs, self.curve_of(seed), seed, sister)

    def found(self, seed: int) -> Params:
        """What the default search of this cell chooses."""
        trace = self._trace(SEARCHERS[DEFAULT], seed)
        return trace.params[int(trace.leader[-1])]

    def _grid(self, seed: int) -> Grid:
        return grid_of(self._trace(SEARCHERS[GRID], seed), self.model)

    @cached_property
    def _ceiling(self) -> float:
        """What the best of many configurations is worth on validation, those of the grid among them."""
        rng = np.random.default_rng(0)
        of_cell = self.space.cells[0]
        ranges = self.space.ranges(of_cell)
        logs = {
            name: rng.uniform(np.log(each.low), np.log(each.high), NUM_FOR_CEILING) for name, each in ranges.items()
        }
        drawn = [{name: float(np.exp(logs[name][number])) for name in logs} for number in range(NUM_FOR_CEILING)]
        return max(self.model.expected(params)[0] for params in [*drawn, *self.space.grid_points(of_cell)])


def cells_of(recording: pd.DataFrame) -> list[Simulated]:
    """Every cell of the recording; those whose sister was recorded know it."""
    models = surrogates(recording)
    simulated = {}
    for (setting, name), model in models.items():
        facts: dict[str, Any] = {"setting": setting, "cell": name, "model": model}
        simulated[setting, name] = Simulated(**facts, space=searched(setting, name))
    whole = []
    for (setting, name), each in simulated.items():
        others = [
            other
            for (of, called), other in simulated.items()
            if of == setting and called != name and _but_student(called) == _but_student(name)
        ]
        whole.append(replace(each, sister=others[0] if others else None))
    return whole


def _but_student(name: str) -> dict[str, object]:
    """All that makes a cell, but for its student."""
    return {axis: value for axis, value in Cell.parse(name).axes.items() if axis != "student"}


def searched(setting: str, name: str) -> Space:
    """The space of a cell, in the ranges in which its setting was recorded."""
    return replace(ranges_of(SETTINGS[setting]), cells=(Cell.parse(name),))


class Results:
    """The file of results."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.rows = pd.read_parquet(path) if path.exists() else pd.DataFrame(columns=IDENTITY)

    def lacking(self, cells: Sequence[Simulated], seeds: Mapping[str, int]) -> list[tuple[int, str, int]]:
        """(number of the cell, searcher, seed) of all that was not played yet; the first seeds of all come first.

        Where there is no beta, the default alone is played: there is no grid to compare searchers with.
        """
        known = set(self.rows[IDENTITY].itertuples(index=False, name=None))
        wanted = []
        for number, cell in enumerate(cells):
            for name, num_seeds in seeds.items():
                if name != DEFAULT and not cell.has_grid:
                    continue
                identity = tuple(cell.identity(name).values())
                wanted += [(number, name, seed) for seed in range(num_seeds) if (*identity, seed) not in known]
        return sorted(wanted, key=lambda each: each[2])

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Adds rows and writes the file, as a whole or not at all."""
        fresh = pd.DataFrame(rows)
        self.rows = pd.concat([self.rows, fresh], ignore_index=True) if len(self.rows) else fresh
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_suffix(".part")
        self.rows.to_parquet(part, index=False, compression="zstd")
        part.replace(self._path)

    def current(self, cells: Sequence[Simulated], names: Iterable[str]) -> pd.DataFrame:
        """The rows of these cells and searchers as they are recorded and defined now."""
        wanted = [tuple(cell.identity(name).values()) for cell in cells for name in names]
        keys = pd.MultiIndex.from_frame(self.rows[IDENTITY[:-1]])
        return self.rows[keys.isin(wanted)].reset_index(drop=True)


_cells: Sequence[Simulated] = ()  # what the processes of `play` inherit


def _row(task: tuple[int, str, int]) -> dict[str, Any]:
    number, name, seed = task
    return _cells[number].row(name, seed)


@contextmanager
def _rows(tasks: Sequence[tuple[int, str, int]], num_processes: int) -> Iterator[Iterable[dict[str, Any]]]:
    """The results of all tasks as they come; what is still played when the block ends is given up."""
    if num_processes == 1:
        yield map(_row, tasks)
        return
    with multiprocessing.get_context("fork").Pool(num_processes, initializer=_end_when_told) as pool:
        yield pool.imap_unordered(_row, tasks, chunksize=4)


def _end_when_told() -> None:
    """A process that was forked may have inherited handlers of these signals."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def play(
    cells: Sequence[Simulated], seeds: Mapping[str, int], results: Results, *, minutes: float, num_processes: int
) -> int:
    """Plays what the results lack, and adds it; how many searches were left when the time was over."""
    global _cells
    _cells = cells
    tasks, deadline_s = results.lacking(cells, seeds), time.monotonic() + 60 * minutes
    rows: list[dict[str, Any]] = []
    num_done, saved_s = 0, time.monotonic()
    if not tasks:
        return 0
    with _rows(tasks, num_processes) as played:
        for row in played:
            rows.append(row)
            num_done += 1
            if time.monotonic() - saved_s > SAVE_EVERY_S:
                results.add(rows)
                rows, saved_s = [], time.monotonic()
            if time.monotonic() > deadline_s:
                break
    if rows:
        results.add(rows)
    return len(tasks) - num_done
