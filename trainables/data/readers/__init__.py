"""The readers, one file per data set, each for its provider's own layout, with the data set's record.

A reader takes a folder and returns a `Listing`: paths and labels, with every odd row named, and no pixels. What is
known of the data set by name stands in the file's `DATASET`; `trainables.data.catalogue` collects the records, and is
the way in.
"""

import pkgutil


def names() -> tuple[str, ...]:
    """The data sets' names, by those of the files and without importing them: a dash stands for an underscore."""
    return tuple(it.name.replace("_", "-") for it in pkgutil.iter_modules(__path__) if it.name != "own")


def module_of(name: str) -> str:
    """The name of the reader's file for a data set."""
    return name.replace("-", "_")
