"""All data sets that are known by name: the record `DATASET` of each reader's file.

The order is that of the paper's Table I, from the most images to the fewest; data sets that the paper does not have
follow by name.
"""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

from trainables.data import readers
from trainables.data.dataset import Dataset
from trainables.data.listing import Listing


def _collected() -> dict[str, Dataset]:
    modules = [
        importlib.import_module(f"{readers.__name__}.{it.name}") for it in pkgutil.iter_modules(readers.__path__)
    ]
    records: list[Dataset] = [module.DATASET for module in modules if hasattr(module, "DATASET")]
    records.sort(key=lambda record: (-record.published.num_images if record.published else 0, record.name))
    return {record.name: record for record in records}


DATASETS = _collected()


def title(name: str) -> str:
    """What tables and figures call a data set; a user's own is called by its name."""
    return DATASETS[name].title if name in DATASETS else name


def shown_in(results_table: int) -> tuple[str, ...]:
    """The data sets whose scores stand in the paper's Table IV or V, by the table's number."""
    return tuple(
        name
        for name, record in DATASETS.items()
        if record.published and record.published.results_table == results_table
    )


def share_patients(first: str, second: str) -> bool:
    """Whether two data sets are the same one, or either's record says that they share patients."""
    return first == second or any(
        name in DATASETS and another in DATASETS[name].shares_patients_with
        for name, another in ((first, second), (second, first))
    )


def synonyms(label: str) -> tuple[str, ...]:
    """What other data sets call a label, by the records of either side.

    >>> synonyms("Effusion"), synonyms("Pleural Effusion"), synonyms("Edema")
    (('Pleural Effusion',), ('Effusion',), ())
    """
    pairs = [pair for record in DATASETS.values() for pair in record.synonyms.items()]
    return tuple(dict.fromkeys(b if a == label else a for a, b in pairs if label in (a, b)))


def finds_nothing(label: str) -> bool:
    """Whether a label of any data set means that an image shows nothing; a user's own may use the same words.

    >>> finds_nothing("No Finding"), finds_nothing("Edema")
    (True, False)
    """
    return any(label == record.no_finding for record in DATASETS.values() if record.no_finding)


def find(name: str, data_dir: Path) -> Path:
    """The folder of the data set `name` under `data_dir`.

    Raises:
        ValueError: there is no data set of that name.
        FileNotFoundError: none of its folders is there.
    """
    if name not in DATASETS:
        raise ValueError(f"the data set must be one of {', '.join(DATASETS)}, but got {name!r}")
    return DATASETS[name].folder_under(data_dir)


def read(name: str, data_dir: Path) -> Listing:
    """Reads a data set from its folder under `data_dir`; raises what `find` and its reader raise."""
    root = find(name, data_dir)
    return DATASETS[name].read(root)
