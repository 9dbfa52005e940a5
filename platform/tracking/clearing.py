"""Clears a finished trial's folder, most of which are checkpoints, once MLflow verifiably has the trial whole.

Until then the folder stays, whatever happens; so does that of a trial that is unfinished or has failed. A process may
die at any point of this: the next one clears what is left.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import sys
from pathlib import Path

from mlflow.exceptions import MlflowException
from sqlalchemy.exc import OperationalError

from analysis.reading.recorded_places import local_path
from platform.tracking.ledger import Ledger
from trainables import atomic, checkpoint
from trainables.cell import ITSELF
from trainables.prediction_rows import PREDICTIONS_FILE

MODEL = "model"  # the folder of the weights among a run's files


def files_of(folder: Path) -> list[tuple[Path, str]]:
    """The files of a trial's folder that MLflow keeps, each with its folder among the run's files; some may be absent.

    They are the student of the best epoch, and the predictions.
    """
    weights = [(path, MODEL) for path in sorted(folder.glob("best-*.safetensors"))[-1:]]
    return [*weights, (folder / PREDICTIONS_FILE, "")]


def clear(folder: Path, ledger: Ledger, run_id: str) -> None:
    """Deletes the folder of a finished trial if MLflow has all of it; else the folder stays, and a message says why.

    A file that MLflow lacks, or has in part, is sent again first. Where the folder was deleted before MLflow had its
    files, the run is opened again, so that the trial is trained again.
    """
    try:
        missing = _missing(folder, ledger, run_id)
    except (MlflowException, OperationalError, OSError) as error:  # the sweep goes on, and its next start tries again
        missing = f"an answer ({error})"
    else:
        if missing and not folder.is_dir():
            ledger.client.update_run(run_id, status="RUNNING")
            print(
                f"{folder} is gone, and of its run {run_id}, MLflow lacks {missing}: it is not finished",
                file=sys.stderr,
            )
            return
    if missing:
        print(f"{folder} stays: of its run {run_id}, MLflow lacks {missing}", file=sys.stderr)
        return
    # MLflow has everything, so a crash in here leaves nothing but a smaller folder to clear.
    shutil.rmtree(folder, ignore_errors=True)


def _missing(folder: Path, ledger: Ledger, run_id: str) -> str:
    """What MLflow lacks of the trial after all has been sent again that it lacked; "" where nothing."""
    record = ledger.record(run_id)
    num_epochs = checkpoint.newest_epoch(folder)
    if len(record.best_scores) < num_epochs:
        return f"epochs: it has {len(record.best_scores)} of {num_epochs}"
    if record.status != "FINISHED":
        return "its end"
    for path, place in files_of(folder):
        if not path.exists() or _has(ledger, run_id, path, place):
            continue
        sizes = _sizes(ledger, run_id, place)
        is_other = place == MODEL and bool(sizes) and path.name not in sizes  # weights of another epoch
        if is_other or sizes.get(path.name) == path.stat().st_size:  # which is right cannot be seen from here
            return f"{path.name} as it is in this folder"
        ledger.client.log_artifact(run_id, str(path), place or None)
        if not _has(ledger, run_id, path, place):
            return path.name
    config = record.spec.config
    if config.method != ITSELF and not _sizes(ledger, run_id, MODEL):
        return "the weights"
    if config.phase == "confirm" and PREDICTIONS_FILE not in _sizes(ledger, run_id, ""):
        return "the predictions"
    return ""


def _has(ledger: Ledger, run_id: str, path: Path, place: str) -> bool:
    """Whether the run has this file: the same bytes, safe on the disk; of files elsewhere, as many bytes."""
    root = local_path(str(ledger.client.get_run(run_id).info.artifact_uri))
    if root is None:
        return _sizes(ledger, run_id, place).get(path.name) == path.stat().st_size
    copy = root / place / path.name
    if not copy.is_file() or not filecmp.cmp(path, copy, shallow=False):
        return False
    with copy.open("rb") as file:
        os.fsync(file.fileno())  # MLflow does not
    for folder in (copy.parent, root, root.parent, root.parent.parent):  # each may be new
        atomic.sync_folder(folder)
    return True


def _sizes(ledger: Ledger, run_id: str, place: str) -> dict[str, int | None]:
    """The run's files in a folder of theirs, by name, and their sizes in bytes where MLflow knows them."""
    listed = ledger.client.list_artifacts(run_id, place or None)
    return {Path(item.path).name: item.file_size for item in listed if not item.is_dir}
