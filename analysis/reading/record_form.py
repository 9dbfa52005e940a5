"""The form in which runs are recorded in MLflow: the version of that form, and the names of metrics there.

MLflow groups the charts of a run by what stands before the slash of a metric's name. A trial's scores are therefore
recorded as ``val/auc``, while frames, journal and teachers' files have ``val_auc``. Three modules translate:
`platform.tracking.ledger`, which writes the runs, `analysis.reading.mlflow_frames`, which reads them, and
`platform.exporting.logged_models`, which gives a model the scores of its run.
"""

from __future__ import annotations

import re

# Raised by one whenever runs are recorded in another way: those of another form are refused, never misread.
RECORD_VERSION = 3
UNKNOWN_FORM = "1 or unknown"  # of a run without the tag ``record``
GROUPED = re.compile(r"(train|val|test)([_/])(.+)")  # a trial's metrics; the parent run's are grouped otherwise


def key_of(name: str) -> str:
    """A metric's name in MLflow, by its name in frames.

    >>> [key_of(name) for name in ("val_auc_No_DR", "train_loss", "best_score")]
    ['val/auc_No_DR', 'train/loss', 'best_score']
    """
    parts = GROUPED.fullmatch(name)
    return f"{parts[1]}/{parts[3]}" if parts else name


def name_of(key: str) -> str | None:
    """The inverse of `key_of`; None for a metric of the parent run, which is made of the trials' and never read.

    >>> [name_of(key) for key in ("val/auc_No_DR", "best_score", "best val_auc/transfer none densenet40 all")]
    ['val_auc_No_DR', 'best_score', None]
    """
    parts = GROUPED.fullmatch(key)
    if parts:
        return f"{parts[1]}_{parts[3]}"
    return None if "/" in key else key
