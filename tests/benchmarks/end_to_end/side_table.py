"""The record as tables: what both sides took, their ratios, and where the time went; and the verdicts."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from tests.benchmarks import targets
from tests.benchmarks.end_to_end.side_record import QUESTION, rounds
from tests.benchmarks.end_to_end.sides import PARTS

COMPARED = {
    "command to the last trial's end, s": "last_trial_s",
    "to the process's end, s": "wall_s",
    "to the first epoch's begin, s": "first_epoch_s",
    "CPU-seconds": "cpu_s",
    "peak memory, MB": "peak_mb",
    "training in an epoch of attention transfer, s": "attention_epoch_s",
    "without a teacher, s": "transfer_epoch_s",
    "CPU-seconds per epoch of attention transfer, validation and saving in them": "attention_epoch_cpu_s",
    "the same without a teacher": "transfer_epoch_cpu_s",
    "epochs trained": "epochs_trained",
    "command to the last trial's end, s per epoch trained": "s_per_epoch",
}
JUDGED = (
    "command to the last trial's end, s",
    "training in an epoch of attention transfer, s",
    "to the first epoch's begin, s",
)


def questions(rows: pd.DataFrame) -> Iterator[tuple[dict[str, object], pd.DataFrame]]:
    """Each question on record, with the rows that answer it."""
    for values, answers in rows.groupby(QUESTION, sort=True):
        yield dict(zip(QUESTION, values, strict=True)), answers


def is_judged(question: dict[str, object]) -> bool:
    """Whether it is the comparison that has targets: one fixed list, and photographs decoded as torchvision does."""
    return question["kind"] == "fixed list" and not question["draft"] and not question["num_workers"]


def compared(answers: pd.DataFrame) -> pd.DataFrame:
    """Of one question: ours, theirs and ours / theirs, medians over the rounds that have both sides; a row per figure.

    Empty where no round has both.
    """
    pairs = list(rounds(answers))
    if not pairs:
        return pd.DataFrame(columns=["ours", "theirs", "ratio"])
    ours, theirs = (pd.DataFrame(side).reset_index(drop=True) for side in zip(*pairs, strict=True))
    ours, theirs = _numbers(ours), _numbers(theirs)
    frame = pd.DataFrame({"ours": ours.median(), "theirs": theirs.median(), "ratio": (ours / theirs).median()})
    return frame.set_axis(list(COMPARED), axis="index")


def _numbers(runs: pd.DataFrame) -> pd.DataFrame:
    per_epoch = runs["last_trial_s"].astype(float) / runs["epochs_trained"].astype(float)
    return runs.assign(s_per_epoch=per_epoch)[list(COMPARED.values())].astype(float)


def parts(answers: pd.DataFrame) -> pd.DataFrame:
    """Of one question: a row per part of the wall clock, a column per side; medians over the rounds with both sides."""
    pairs = list(rounds(answers))
    columns = [f"{part}_part_s" for part in PARTS]
    medians = {
        side: pd.DataFrame([pair[number] for pair in pairs])[columns].astype(float).median()
        for number, side in enumerate(("ours", "theirs"))
    }
    return pd.DataFrame(medians).set_axis(list(PARTS), axis="index")


def title(question: dict[str, object], num_rounds: int) -> str:
    """What was asked, in a line."""
    how = f"{question['kind']}{', theirs with reduced decoding' * bool(question['draft'])}"
    return (
        f"{question['px']} px, {question['num_images']} {question['images']}, {how}, n = {num_rounds}:\n"
        f"{question['num_trials']} trials and {question['num_repeats']} repeat per cell, "
        f"{question['num_epochs']} epochs\n{question['machine']}; {question['versions']}"
    )


def show(rows: pd.DataFrame) -> None:
    """Prints the tables of all that is on record, and the verdicts: where a size has both, photographs come last."""
    for question, answers in questions(rows):
        pairs = list(rounds(answers))
        print(f"\n{title(question, len(pairs))}")
        if not pairs:
            print("no round has both sides yet")
            continue
        table = compared(answers)
        print("\nwhat | ours | theirs | ours / theirs")
        for name, row in table.iterrows():
            print(f"{name} | {row['ours']:.4g} | {row['theirs']:.4g} | {row['ratio']:.2f}")
        print("\nseconds of the wall clock | ours | theirs")
        for name, row in parts(answers).iterrows():
            print(f"{name} | {row['ours']:.1f} | {row['theirs']:.1f}")
        if is_judged(question):
            _judge(question, table["ratio"], len(pairs))


def _judge(question: dict[str, object], ratios: pd.Series, num_rounds: int) -> None:
    px = int(str(question["px"]))
    if px in targets.ABLATION_TARGETS:
        for target, name in zip(targets.end_to_end(px), JUDGED, strict=True):
            target.judge(float(ratios[name]), num_rounds)
