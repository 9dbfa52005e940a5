"""The status of sweeps in words, from the files that `platform.sweeping.standing` keeps; no torch, no MLflow."""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime
from typing import Any

from filelock import FileLock, Timeout

from platform.sources.places import LOCK_FILE, Places
from platform.sweeping.wording import auc, hours, in_words
from trainables.pasting import command_line

REFRESH_S = 5.0
CLEAR = "\033[H\033[J"  # the cursor goes home, and what is below it is cleared
NUM_FAILURES = 5  # that are shown; the rest is counted


def show(places: Places, sweep: str | None = None) -> str:
    """Every sweep of these results, or the named one, the newest last.

    Raises:
        LookupError: there is no such sweep.
    """
    files = [path for path in places.standings() if sweep in (None, path.parent.name)]
    if not files and sweep is not None:
        names = ", ".join(path.parent.name for path in places.standings()) or "none"
        raise LookupError(f"the sweep must be one of {names}, but got {sweep!r} (in {places.results})")
    if not files:
        return f"no sweep has begun in {places.results} (one that still prepares images or teachers is not shown)"
    standings = [(json.loads(path.read_text()), _is_running(places, path.parent.name)) for path in files]
    standings.sort(key=lambda pair: pair[0]["updated_s"])
    return "\n\n".join(
        in_lines(content, is_running=is_running, resume=_resume(content, places)) for content, is_running in standings
    )


def watch(places: Places, sweep: str | None = None) -> None:
    """Shows it again and again, until the user stops it; in a terminal each time in the place of the last."""
    try:
        while True:
            page = show(places, sweep)
            sys.stdout.write(CLEAR + page + "\n" if sys.stdout.isatty() else page + "\n\n")
            sys.stdout.flush()
            time.sleep(REFRESH_S)
    except KeyboardInterrupt:
        return


def in_lines(content: dict[str, Any], *, is_running: bool, resume: str = "") -> str:
    """One sweep: a head with the time left, a line per study, the running trials and the failures.

    Args:
        resume: the command that resumes it.
    """
    phantom = " (PHANTOM)" if content["is_phantom"] else ""
    unit, share = ("GPU", content["gpus"]) if content["gpus"] else ("CPU", content["cpus"])
    lines = [
        f"{content['sweep']}{phantom}: {_state(content, is_running=is_running)}",
        f"  {content['trials_done']} of {content['trials']} trials done, "
        f"{hours(content['slot_s'] * share / 3600)} {unit}-hours used, "
        f"as of {datetime.fromtimestamp(content['updated_s']):%Y-%m-%d %H:%M:%S}",
        *_table(content),
    ]
    if is_running:
        lines += [f"  running: {each['trial']}, epoch {each['epoch']} of {each['of']}" for each in content["running"]]
    failed = content["failed"]
    lines += [f"  FAILED: {each['trial']}: {each['reason']}" for each in failed[:NUM_FAILURES]]
    lines += [f"  and {len(failed) - NUM_FAILURES} more failed"] if len(failed) > NUM_FAILURES else []
    if num_withdrawn := content.get("withdrawn"):
        lines.append(f"  patients who have withdrawn from its images since: {num_withdrawn}; it cannot be resumed")
    elif not is_running and content["trials_done"] < content["trials"]:
        lines.append(f"  resume it with\n    {resume}")
    return "\n".join(lines)


def _resume(content: dict[str, Any], places: Places) -> str:
    """The command that began the sweep, for the results where they are now."""
    return command_line(content["command"], *content["words"], *places.options)


def _state(content: dict[str, Any], *, is_running: bool) -> str:
    if content["trials_done"] >= content["trials"]:
        return "finished"
    if not is_running:
        return "stopped"
    left = "" if content["left_s"] is None else f", about {in_words(content['left_s'])} left"
    return f"running{left}"


def _table(content: dict[str, Any]) -> list[str]:
    """One line per study: how much is done, the best validation score, and the test score once it is confirmed."""
    studies = content["studies"]
    width = max(len(study["name"]) for study in studies)
    rows = [f"  {'cell':{width}}  search  repeats  best {content['metric']} (validation), test AUC"]
    for study in studies:
        searched, confirmed = (
            f"{study[done]}/{study[of]}" for done, of in (("searched", "to_search"), ("confirmed", "to_confirm"))
        )
        best = "" if study["best"] is None else f"{study['best']:.3f}"
        mean = study["test_auc"]
        test = "" if mean is None else f", {auc(mean, study['half_width'], study['num_scored'])}"
        which = "" if study["name"].startswith(study["cell"]) else f" in {study['cell']}"  # of a fold, behind its name
        rows.append(f"  {study['name']:{width}}  {searched:>6}  {confirmed:>7}  {best}{which}{test}".rstrip())
    return rows


def _is_running(places: Places, name: str) -> bool:
    """Whether a process holds the sweep's lock; a sweep that starts in this moment waits for ours."""
    try:
        with FileLock(places.sweep(name) / LOCK_FILE, timeout=0, fallback_to_soft=False):
            return False
    except Timeout:
        return True
    except OSError:  # a disk that cannot be written: nothing runs there
        return False
