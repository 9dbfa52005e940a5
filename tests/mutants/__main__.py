"""Tries the tests: changes a line of the code, and sees whether a test notices.

``python -m tests.mutants --minutes 10`` goes on where the last call ended, and adds a row per change to recorded.csv.
``--write`` makes docs/testing.md of the rows.
"""

from __future__ import annotations

import argparse
import datetime
import math
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.mutants import record, testing_page, trying
from tests.mutants.areas import AREAS, Area
from tests.mutants.changes import Change, sample

LEAST_LIMIT_S, TIMES = 40.0, 5.0  # the tests may take so many times their time without a change


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="begin no further change after so many minutes")
    parser.add_argument("--area", choices=[area.name for area in AREAS], help="this area alone")
    parser.add_argument("--again", action="store_true", help="try once more what survived and is not explained")
    parser.add_argument("--show", metavar="MARK", help="print the change of that mark, and what is on record of it")
    parser.add_argument("--write", action="store_true", help="write docs/testing.md from what is on record, and end")
    options = parser.parse_args()
    areas = [area for area in AREAS if options.area in (None, area.name)]
    samples = {area.name: sample(area.files(trying.ROOT), trying.ROOT, testing_page.SAMPLE) for area in areas}
    if options.show:
        _show(options.show, samples)
    elif options.write:
        record.tidy(samples)
        testing_page.write()
    else:
        _try(samples, areas, until=time.monotonic() + 60 * options.minutes, again=options.again)


def _show(mark: str, samples: dict[str, list[Change]]) -> None:
    for area, change in ((area, change) for area, changes in samples.items() for change in changes):
        if change.mark == mark:
            print(f"{area}: {change.file}:{change.line}, {change.operator}\n- {change.before}\n+ {change.after}")
            print(record.read().get((area, mark), "not tried yet"))


def _try(samples: dict[str, list[Change]], areas: list[Area], *, until: float, again: bool) -> None:
    trying.import_libraries()
    known, explained = record.read(), record.explanations()
    with tempfile.TemporaryDirectory() as folder:
        copy = trying.copy_code(Path(folder, "code"))
        for area in areas:
            left = [
                change
                for change in samples[area.name]
                if (row := known.get((area.name, change.mark))) is None
                or (again and not row.is_killed and change.mark not in explained)
            ]
            for row in _rows(area, left, copy, until):
                record.append(row)
                print(f"{row.outcome:9}{row.seconds:6.1f} s  {row.file}:{row.line}  {row.after}", flush=True)


def _rows(area: Area, changes: list[Change], copy: Path, until: float) -> Iterator[record.Row]:
    if not changes or time.monotonic() > until:
        return
    print(f"{area.name}: {len(changes)} changes to try", flush=True)
    unchanged = trying.run_tests(area.tests_of(changes[0].file, copy), copy, math.inf)
    if unchanged.status != "passed":
        sys.exit(f"the tests of {area.name} must pass before anything is changed, but {unchanged.test} does not")
    limit_s = max(LEAST_LIMIT_S, TIMES * unchanged.seconds)
    for change in changes:
        if time.monotonic() > until:
            return
        source = (copy / change.file).read_text()
        (copy / change.file).write_text(change.applied_to(source))
        outcome = trying.run_tests(area.tests_of(change.file, copy), copy, limit_s)
        (copy / change.file).write_text(source)
        yield record.Row(
            area=area.name,
            mark=change.mark,
            file=change.file,
            line=change.line,
            operator=change.operator.removeprefix("core/"),
            before=change.before,
            after=change.after,
            outcome={"passed": "survived", "failed": "killed"}.get(outcome.status, outcome.status),
            seconds=outcome.seconds,
            test=outcome.test,
            date=datetime.date.today().isoformat(),
        )


if __name__ == "__main__":
    main()
