"""The README of a bundle: what lies in it, how to check it, and how to make its tables again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.reading.bundles import ABOUT, ARTIFACTS, METRICS, RESULTS, RUNS, SUMS, WEIGHTS
from analysis.reading.origins import PHANTOM_NOTICE

WHAT_IT_IS = {  # a file or folder -> what it holds
    "report/index.html": "the report as one page, with its tables and figures in `report/tables` and `report/figures`",
    RUNS: "one row per run, with its tags, parameters and last metrics as MLflow has them",
    METRICS: "every logged metric: run, metric, step, value and time (ms)",
    f"{ARTIFACTS}/": "the files of each run, among them `predictions.parquet`",
    f"{RESULTS}/": "what was recorded of single images beside them, such as what several radiologists read",
    "ablation.toml": "the file that the sweep was made from",
    "facts.json": "what the sweep recorded of itself: settings, splits, teachers, growth",
    "versions.json": "the libraries with which this bundle and its report were made",
    "requirements.lock": "every library of the software, pinned and hashed",
    ABOUT: "what this bundle is, for programs",
    SUMS: "the SHA-256 of every other file",
}


CHECKING = f"""
## Is it whole?

Unpack it, and in its folder run `sha256sum -c {SUMS}` (on a Mac `shasum -a 256 -c {SUMS}`).
"""

AGAIN = """
## Every table and figure again

With the software of version {version} installed (`sh install.sh`), in its folder:

```
python -m analysis.report --from {file}
```

It needs neither MLflow's database nor a network. The tables come out byte for byte as those in `report/`; with other
versions of the libraries than in `versions.json`, the last digits and the drawings may differ. The commands of the
single tables take `--tracking-uri bundle:{file}`.
"""

PREDICTIONS = """
## Predictions

One row per image. `image` and `patient` are hashes with a secret salt, which is not in here; equal hashes are the same
image or patient. `label_NAME` is 1, 0, or -1 for uncertain, `probability_NAME` is the student's output, and `grade` the
class where each image has one. Ages are in years; those above 89 are given as 90.
"""

ABSENT = """
## What is not in here

No image, no name of an image or a patient, no folder of a machine{weights}. Sex, age and view of each image are in the
predictions where the data set has them: whether they may be published, its terms of use say.
"""


def text(about: Mapping[str, Any], names: Sequence[str], file: str) -> str:
    """The README as Markdown.

    Args:
        about: the content of `ABOUT`.
        names: the bundle's other files.
        file: the archive's name.
    """
    present = {*names, SUMS}
    listed = [
        f"| `{name}` | {words} |"
        for name, words in WHAT_IT_IS.items()
        if any(each == name or (name.endswith("/") and each.startswith(name)) for each in present)
    ]
    head = [
        f"# The sweep {about['sweep']} on {about['dataset']}",
        *(["", f"**{PHANTOM_NOTICE}**"] if "phantom" in about["data"] else []),
        "",
        f"{about['trials']} trials of one sweep, with everything that their report was made from. Written by",
        f"`python -m analysis.bundle` of knowledge-transfer {about['version']} (recipe {', '.join(about['recipe'])}).",
        "",
        "| file | what it holds |",
        "| --- | --- |",
        *listed,
        "",
    ]
    weights = "" if any(name.endswith(WEIGHTS) for name in names) else ", no weights"
    again = AGAIN.format(version=about["version"], file=file)
    return "\n".join(head) + CHECKING + again + PREDICTIONS + ABSENT.format(weights=weights)
