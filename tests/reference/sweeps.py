"""Small sweeps of phantoms and the reports on them, by `python -m tests.reference.sweeps FOLDER`.

All in one process, by the commands' own `main`, so that torch, MLflow and Ray are started once. The teachers are
networks of random weights, drawn from a seed: what is compared is arithmetic, and nothing has to be learnt.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from trainables.data.readers import chexpert
from trainables.models.architectures import build
from trainables.teachers import shelf

IMAGE_SIZE_PX = 32
SALT = bytes(range(32))  # image and patient ids are hashed with it, so that they are the same in every folder
TEACHERS = {"imagenet": ("multiclass", ("one", "two")), "mimic-cxr": ("multilabel", chexpert.LABELS)}
COMMON = ["--image-size", str(IMAGE_SIZE_PX), "--concurrent", "1", "--average-labels", "defined"]
USUAL = ["--epochs", "2", "--trials", "2", "--repeats", "3", "--fractions", "1", "0.5", "--controls"]
# By data set, the flags of each sweep by the sweep's name; the report is that of the first one.
SWEEPS = {
    "retina": {
        "grades": [
            *("--phantom-size", "24"),  # patients
            *USUAL,
            "--cells",
            "transfer/none/densenet40/all",
            "attention/imagenet/densenet40/all",
            "attention/imagenet/densenet40/all@0.5",
            "attention-silent/imagenet/densenet40/all@0.5",
        ],
        "bfloat16": [
            *("--phantom-size", "12"),  # two images per patient
            *("--epochs", "1", "--trials", "1", "--repeats", "1", "--precision", "bfloat16"),
            *("--cells", "transfer/none/densenet40/all"),
        ],
    },
    "chexpert": {
        "labels": [
            *("--phantom-size", "60"),  # images
            *USUAL,
            *("--methods", "attention", "distillation", "--uncertainty", "zeros", "ones"),
            "--cells",
            "transfer/none/densenet40/all@0.5",
            "distillation/mimic-cxr/densenet40/all@0.5,ones",
            "attention-permuted/mimic-cxr/densenet40/all@0.5",
            "transfer/none/densenet40/all@ones,from-random",
            "itself/mimic-cxr/none/none@0.5",
        ]
    },
}


def main(results: Path) -> None:
    """Runs all sweeps in the folder `results`, and writes a report on each data set to its `reports`.

    Raises:
        RuntimeError: a command did not end with 0; it has said why.
    """
    import analysis.report
    import platform.sweep

    results.mkdir(parents=True)
    (results / "salt").write_bytes(SALT)
    _draw_teachers(results / "teachers" / f"phantom-{IMAGE_SIZE_PX}px")
    for dataset, sweeps in SWEEPS.items():
        for name, flags in sweeps.items():
            _check(name, platform.sweep.main([dataset, *COMMON, *flags, "--name", name, "--results", str(results)]))
    for dataset, sweeps in SWEEPS.items():
        which = ["--sweep", next(iter(sweeps)), "--tracking-uri", f"sqlite:///{results / 'mlflow.db'}"]
        _check("the report", analysis.report.main([dataset, *which, "--out", str(results / "reports")]))


def _draw_teachers(folder: Path) -> None:
    for seed, (name, (task, label_names)) in enumerate(TEACHERS.items()):
        torch.manual_seed(seed)
        shelf.save(
            folder,
            build("densenet121", len(label_names)).state_dict(),
            name=name,
            architecture="densenet121",
            task=task,
            label_names=label_names,
            source="random weights",
            is_phantom=True,
        )


def _check(what: str, code: int) -> None:
    if code:
        raise RuntimeError(f"{what} must end with 0, but ended with {code}")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
