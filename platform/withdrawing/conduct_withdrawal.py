"""A patient's withdrawal, from the file that lists them to the table of what remains."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from filelock import FileLock, Timeout

from platform.sources.places import Places
from platform.sources.results_lock import RESULTS_LOCK, in_use_by_nobody_else
from platform.tracking.adopting import check_place, keep_sweeps_out
from platform.withdrawing import remains
from platform.withdrawing.patient_list import patients_in
from platform.withdrawing.removal import remove
from platform.withdrawing.survey import Survey, copies_that_stay, num_images, parts_in, survey
from trainables.atomic import write_bytes
from trainables.data.withdrawn import Withdrawn, withdrawn_in

WHAT = "images can be taken out of results"


def withdraw(dataset: str, file: Path, places: Places, *, dry_run: bool = False) -> list[str]:
    """Takes the patients of `file` out of everything in the results folder; returns what was done, in lines.

    Args:
        dry_run: only says what would be done; no byte is changed.

    Raises:
        FileNotFoundError, ValueError: as `patients_in`; the list of before is of another salt; a store cannot be read;
            or the results folder was moved.
        BlockingIOError: another command is at work in this folder.
        ConnectionError: MLflow does not answer.
        OSError: the disk is full; doing it again finishes it.
    """
    if dry_run and not (places.results / "salt").exists():
        patients_in(file, b"")
        return [f"{places.results} holds nothing yet: the patients would be remembered"]
    before = withdrawn_in(places.results)
    before.check_salt(places.salt_fingerprint())
    patients = patients_in(file, places.salt())
    check_place(places)
    with ExitStack() as held:
        keep_sweeps_out(places.results, held, WHAT)  # says which one runs
        if not dry_run or (places.results / RESULTS_LOCK).exists():  # a dry run makes no file
            held.enter_context(in_use_by_nobody_else(places.results, WHAT))
        _lock_stores(places, held)
        found = survey(dataset, patients, before, places)
        told = _told(found, places) + _unknown(patients, found.withdrawn)
        if dry_run:
            table = remains.remains(dataset, found.withdrawn, found.runs, places)
            return ["nothing is changed (--dry-run); it would be:", *told, *remains.lines(table)]
        csv = remains.csv_of(dataset, places)
        remove(found, places)
        table = remains.remains(dataset, found.withdrawn, found.runs, places)
        write_bytes(csv, table.to_csv(index=False, lineterminator="\n").encode())
    return [*told, *remains.lines(table), f"as a file: {csv}", *_advice(found)]


def _lock_stores(places: Places, held: ExitStack) -> None:
    """Holds the locks of all stores that anybody has made here.

    Raises:
        BlockingIOError: one is being made.
    """
    for lock in sorted((places.results / "stores").glob("*.lock")):
        try:
            held.enter_context(FileLock(lock, timeout=0, fallback_to_soft=False))
        except Timeout:
            raise BlockingIOError(f"{WHAT} only while no other command works on them, but {lock} is held") from None


def _told(found: Survey, places: Places) -> list[str]:
    """What is of the patients, a line per thing."""
    gone = found.withdrawn
    lines = [f"{found.dataset}: {len(gone.of(found.dataset))} patients have withdrawn, counting those of before"]
    if not (found.stores or found.files or found.stale or parts_in(places)):
        lines.append("  nothing of them is left to take out")
    for store in found.stores:
        num = num_images(store, gone)
        what = "the whole file" if num == store.num_images else f"{num} of {store.num_images} images"
        lines.append(
            f"  prepared images: {what} of {places.relative(store.path)}, and their rows in the lists beside it"
        )
        if num_alike := copies_that_stay(store, gone):
            lines.append(f"  WARNING: {num_alike} pairs of copies are of them and of somebody else, whose image stays")
    if found.files:
        num_rows = sum(num for _, num in found.files.values())
        lines.append(f"  predictions: {num_rows} rows in {len(found.files)} files of runs")
    lines += [f"  copy or cache on this machine: {path}" for path in found.stale]
    lines += [f"  left by a killed process: {places.relative(path)}" for path in parts_in(places)]
    for name, num_patients in found.sweeps.items():
        lines.append(
            f"  sweep {name}: {num_patients} patients are gone from its images; it cannot be resumed; its runs are "
            "tagged, and the scores that they recorded stay those of before"
        )
    lines += _on_a_server(found)
    lines += [f"  cannot be rewritten, pack it again and tell whoever has it: {path}" for path in found.bundles]
    return lines


def _on_a_server(found: Survey) -> list[str]:
    """The runs whose predictions only the server can change."""
    if found.runs.is_local:
        return []
    frame = found.runs.frame
    tagged = set(found.runs.affected(found.withdrawn)["run_id"]) | set(found.runs.tags(found.withdrawn))
    asked = frame[frame["run_id"].isin(tagged) & frame["tags.phase"].isin(["confirm", "pretrain"])]
    if asked.empty:
        return []
    return [
        "  MLflow is a server, whose files are not changed from here: of these runs, delete predictions.parquet and "
        "external/ where the server keeps its artifacts",
        *(f"    {run_id}" for run_id in asked["run_id"]),
    ]


def _unknown(patients: Mapping[str, int], withdrawn: Withdrawn) -> list[str]:
    """Which lines name nobody that is known: never the id itself, for the output may be kept."""
    known = {patient for _, left in withdrawn.before.values() for patient in left}
    lines = [str(line) for patient, line in patients.items() if patient not in known]
    if not lines:
        return []
    return [
        f"  WARNING: line {', '.join(lines)} of the file names nobody whose images are here: check the spelling; "
        "remembered all the same"
    ]


def _advice(found: Survey) -> list[str]:
    """What only a person can do."""
    if not (found.sweeps or found.stores or found.files):
        return []
    return [
        "copies of the images on other machines (--local) and their caches are deleted by each machine's next trial "
        "on these results; where none will run, delete that folder",
        "reports and bundles that were made before are not changed: make them again",
    ]
