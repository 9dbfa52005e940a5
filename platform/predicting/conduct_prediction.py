"""Asks a student about pictures and writes its answers, once `platform.predict` has checked the options.

Shapes: B pictures, L labels or classes.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

import numpy as np
import torch
from numpy.typing import NDArray

from analysis.reading import tracking_uri
from analysis.reading.chosen import Chosen, chosen
from analysis.reading.origins import notice
from analysis.reading.student_facts import StudentFacts, facts_of
from platform.command_line.endings import EXIT_SOME_UNREADABLE
from platform.command_line.prediction_request import PredictRequest
from platform.predicting.operating_columns import OperatingColumns, operating_columns, rule_of
from platform.predicting.pictures import COLUMN, Batch, Pictures, batches, pictures_of
from trainables import atomic
from trainables.data.shown_names import shown
from trainables.models.deployed import load_student, probabilities
from trainables.steps import steps

PREDICTED, NOTE = "predicted", "note"
THRESHOLD = 0.5  # of a label's probability in the column `PREDICTED`; the operating points have columns of their own
NUM_NAMED = 20  # unreadable pictures that are named at the end; the file has all of them


def conduct_prediction(request: PredictRequest) -> int:
    """Finds the student, asks it about all pictures, and writes the file. Returns the exit status.

    Raises:
        FileExistsError: the file exists already.
        FileNotFoundError, LookupError, ValueError: what is missing or wrong.
    """
    device = device_of(request.device)
    pictures = pictures_of(request.pictures, request.images)
    where = tracking_uri.located(request.tracking_uri, request.results)
    uri, results = where.uri, where.folder
    choice = chosen(uri, request.run, request.dataset, request.sweep)
    facts = facts_of(choice, results, request.channels)
    run_id = str(choice.run["run_id"])
    name = f"{choice.runs.dataset}-{run_id[:8]}-{request.pictures.resolve().stem}.csv"  # of `.`, the folder's own name
    out = request.out or results / "predictions" / name
    if out.exists() and not request.force:
        raise FileExistsError(f"the file must not exist yet, but {out} does; give --force, or another --out")
    print(f"run {run_id}, {choice.why}\n{choice.run['tags.cell']}, {choice.runs.data} data")
    points = operating_columns(choice, facts, rule_of(request.sensitivity, request.specificity))
    # Of a student that rests on phantoms, or has no operating point, every row says so.
    note = "; ".join(filter(None, [notice(str(choice.run["phantom"])), points.note]))
    if note:
        print(note)
    answered = _answers(choice, facts, pictures, request.batch_size, device)
    # A name that is not in UTF-8 is written with its bytes as \\xe9.
    with (
        atomic.new_file(out) as part,
        part.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        unreadable = _write(file, facts, points, answered, note)
    return _closing(out, pictures, unreadable)


def device_of(name: str | None) -> torch.device:
    """The device of that name; None for a GPU where there is one.

    Raises:
        ValueError: a GPU is asked for, and there is none.
    """
    has_gpu = torch.cuda.is_available()
    if name == "cuda" and not has_gpu:
        raise ValueError("--device cuda needs a GPU that PyTorch can use, but there is none; leave it out")
    return torch.device(name or ("cuda" if has_gpu else "cpu"))


def _answers(
    choice: Chosen, facts: StudentFacts, pictures: Pictures, batch_size: int, device: torch.device
) -> Iterator[tuple[Batch, NDArray[np.float32]]]:
    """Each batch with the probabilities [B, L] of its readable pictures."""
    student = load_student(choice.weights_file, facts.architecture, len(facts.label_names)).to(device)
    with steps("predicting", len(pictures.paths), "picture") as advance:
        for batch in batches(pictures, facts.image_size_px, facts.channels, batch_size):
            answers_BL = np.empty((0, len(facts.label_names)), np.float32)
            if len(batch.images_BHWC):
                answers_BL = probabilities(
                    student, facts.task, batch.images_BHWC, batch_size, device=device, precision=facts.precision
                )
            yield batch, answers_BL
            advance(len(batch.paths))


def _write(
    file: TextIO,
    facts: StudentFacts,
    points: OperatingColumns,
    answered: Iterator[tuple[Batch, NDArray[np.float32]]],
    note: str,
) -> list[tuple[str, str]]:
    """Writes one row per picture; returns those that cannot be read, with the reason."""
    writer = csv.writer(file, lineterminator="\n")
    heads = [*(f"probability_{name}" for name in facts.label_names), PREDICTED, *points.heads]
    writer.writerow([COLUMN, *heads, NOTE])
    unreadable: list[tuple[str, str]] = []
    for batch, answers_BL in answered:
        answers = iter(answers_BL)
        for path, reason in zip(batch.paths, batch.reasons, strict=True):
            if reason:
                unreadable.append((path, reason))
                notes = f"unreadable: {reason}" + f"; {note}" * bool(note)
                writer.writerow([path, *("" for _ in heads), notes])
            else:
                answer_L = next(answers)
                # Nine digits give back the same float32.
                fields = [*(f"{value:.9g}" for value in answer_L), predicted(answer_L, facts)]
                writer.writerow([path, *fields, *points.fields(answer_L), note])
    return unreadable


def predicted(answer_L: NDArray[np.float32], facts: StudentFacts) -> str:
    """The most probable class; of a multilabel student, every label from `THRESHOLD` on, separated by semicolons."""
    if facts.task == "multiclass":
        return facts.label_names[int(answer_L.argmax())]
    pairs = zip(facts.label_names, answer_L, strict=True)
    return "; ".join(name for name, probability in pairs if probability >= THRESHOLD)


def _closing(out: Path, pictures: Pictures, unreadable: Sequence[tuple[str, str]]) -> int:
    others = f"; {pictures.num_others} other files were left alone" if pictures.num_others else ""
    print(f"{out}: {len(pictures.paths) - len(unreadable)} of {len(pictures.paths)} pictures{others}")
    if not unreadable:
        return 0
    more = [f"  and {len(unreadable) - NUM_NAMED} more"] if len(unreadable) > NUM_NAMED else []
    lines = [*(f"  {shown(path)}: {reason}" for path, reason in unreadable[:NUM_NAMED]), *more]
    number = f"{len(unreadable)} picture{'s' if len(unreadable) > 1 else ''} cannot be read"
    cure = "repair or remove them, and run the same command again with --force"
    print("\n".join([f"{number}; {cure}:", *lines]), file=sys.stderr)
    return EXIT_SOME_UNREADABLE
