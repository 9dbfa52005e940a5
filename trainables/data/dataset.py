"""The record of a data set: all that is known about it, written once, in its reader's file.

`trainables.data.catalogue` collects the records; a user's own CSV makes one too (`trainables.data.readers.own`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from trainables.data.listing import Listing

TASKS = ("multiclass", "multilabel")
DEFAULT_METRICS = {"multiclass": "f1_weighted", "multilabel": "auc"}  # of data sets that the paper does not have


@dataclass(frozen=True, kw_only=True)
class Published:
    """What Akbarian et al. 2020 say of a data set in their Tables I and II, and where their scores on it stand."""

    labeling: str  # Table I: "manual", or "automatic" where the labels are mined from reports
    views: str  # Table I
    num_images: int  # Table I
    num_patients: int  # Table I
    split_counts: Mapping[str, int] = field(default_factory=dict)  # Table II: images of the largest row, by split
    training_sets: Mapping[str, int] = field(default_factory=dict)  # Table II: training images of each row, by its name
    results_table: int | None = None  # 4 or 5: the table of the scores, and so the module `analysis.table_4` or `_5`

    def __post_init__(self) -> None:
        if bool(self.split_counts) != bool(self.training_sets):
            raise ValueError(
                "split counts and training sets are columns of one table, so both or neither must be given, "
                f"but got split_counts={dict(self.split_counts)}, training_sets={dict(self.training_sets)}"
            )


@dataclass(frozen=True, kw_only=True)
class BoxList:
    """The boxes that radiologists drew, where a release has them."""

    file: str  # within the data set's folder
    read: Callable[[Path], pd.DataFrame]  # the data set's folder -> image (file name), finding, x, y, width, height
    image_size_px: int  # both sides of the release's images, in whose pixels the boxes are


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """One data set; a number is the paper's (Akbarian et al. 2020) where nothing else is said."""

    name: str  # in commands, folders and MLflow
    title: str  # in tables and figures: as the paper writes it
    task: str  # "multiclass" or "multilabel"
    selection_metric: (
        str  # what chooses the best epoch and configuration on the validation set, unless a flag says otherwise
    )
    read: Callable[[Path], Listing]  # of one of `folders`
    folders: tuple[str, ...]  # where it may lie within the folder that --data names; of a user's own: the CSV
    channels: int = 3  # of its images: 3 for colour photographs, 1 for X-rays; of a user's own the images decide
    label_names: tuple[str, ...] = ()  # in the release's order; () where only the images tell
    no_finding: str = ""  # the label of an image that shows nothing; "" where there is none, or it has no such name
    referable_from: str = ""  # of grades: the first that is referred to a doctor; "" where labels are no such grades
    published: Published | None = None
    boxes: BoxList | None = None
    shares_patients_with: tuple[str, ...] = ()  # other releases, by the names that teachers' makers give them
    patient_in_path: str = ""  # a pattern whose one group finds the patient, as `read` calls it, in an image's path
    synonyms: Mapping[str, str] = field(default_factory=dict)  # a label here -> the same one in other data sets
    broader_labels: Mapping[str, str] = field(default_factory=dict)  # a label here -> one elsewhere that counts it in

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise ValueError(f"the task must be one of {', '.join(TASKS)}, but {self.name} has {self.task!r}")
        if self.no_finding and self.no_finding not in self.label_names:
            raise ValueError(
                f"no_finding must be one of {', '.join(self.label_names)}, but {self.name} has {self.no_finding!r}"
            )
        if self.referable_from and (self.task != "multiclass" or self.referable_from not in self.label_names[1:]):
            raise ValueError(
                f"referable_from must be a grade after the first of {', '.join(self.label_names)}, "
                f"but {self.name} has {self.referable_from!r}"
            )

    def folder_under(self, data_dir: Path) -> Path:
        """The first of `folders` that is there.

        Raises:
            FileNotFoundError: none is, or `data_dir` is absent.
        """
        if not data_dir.is_dir():
            raise FileNotFoundError(f"the data folder must exist, but there is no {data_dir}")
        for folder in self.folders:
            if (data_dir / folder).is_dir():
                return data_dir / folder
        raise FileNotFoundError(
            f"--data must name the folder that holds {' or '.join(self.folders)}/, but there is none in {data_dir}; "
            f"the README says how {self.name} is laid out"
        )

    @property
    def split_counts(self) -> Mapping[str, int]:
        """Images of each split in Table II; empty for a data set that the table does not have."""
        return self.published.split_counts if self.published else {}

    @property
    def fractions(self) -> dict[str, float]:
        """The rows of Table II, as name -> fraction of the training images; empty as `split_counts`."""
        if self.published is None:
            return {}
        return {row: count / self.split_counts["train"] for row, count in self.published.training_sets.items()}
