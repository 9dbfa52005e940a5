"""The ablation files that sweeps were made from, as their runs in MLflow hold them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from analysis.reading.trials import Runs

TAGS = ("sweep", "ablation_file", "ablation_sha256", "ablation_question", "ablation", "overrides")


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """The file behind one sweep.

    Args:
        sweep: the sweep's name; "" where it is the only one of its report.
        file: the file's name, without its folder.
        question: what it asks; "" where it does not say.
        overrides: the options that were typed beside it; "" where none was.
    """

    sweep: str
    file: str
    sha256: str
    question: str
    text: str
    overrides: str

    @property
    def is_cut(self) -> bool:
        """Whether `text` is only the beginning of the file."""
        return hashlib.sha256(self.text.encode()).hexdigest() != self.sha256


def ablations(runs: Runs) -> list[Ablation]:
    """The file of each sweep that was made from one, in the order of `runs.sweeps`."""
    frame = runs.sweeps.reindex(columns=[f"tags.{name}" for name in TAGS]).astype("string").fillna("")
    rows = frame[frame["tags.ablation_sha256"] != ""].itertuples(index=False, name=None)
    is_alone = len(frame) == 1
    return [
        Ablation(sweep="" if is_alone else sweep, file=file, sha256=sha, question=asked, text=text, overrides=typed)
        for sweep, file, sha, asked, text, typed in rows
    ]
