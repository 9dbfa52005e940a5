"""Whether a class was seen in training, as far as the names of labels tell."""

from __future__ import annotations

from collections.abc import Collection

from trainables.data.catalogue import DATASETS, synonyms

# A finding of one data set, and the label of another that counts it in: their records say so.
BROADER = {narrow: broad for record in DATASETS.values() for narrow, broad in record.broader_labels.items()}


def same(finding: str, label_names: Collection[str]) -> str:
    """The label that is the finding, under its own name or another data set's; "" where there is none."""
    names = (finding, *synonyms(finding))
    return next((name for name in names if name in label_names), "")


def related(finding: str, label_names: Collection[str]) -> tuple[str, ...]:
    """The labels that count the finding in, or are counted in by it."""
    narrower = [narrow for narrow, broad in BROADER.items() if broad == finding]
    return tuple(name for name in (BROADER.get(finding, ""), *narrower) if name in label_names)


def seen_as(finding: str, label_names: Collection[str]) -> str:
    """What labels of these names call the finding: its name, or those that overlap with it; "" for nothing."""
    return same(finding, label_names) or ", ".join(related(finding, label_names))


def unseen(asked: Collection[str] | None, there: Collection[str], trained_on: Collection[str]) -> tuple[str, ...]:
    """The findings `asked` for, or all that are `there`, none of which the students were trained on.

    Raises:
        ValueError: one asked for is not there or was trained on; or there is none.
    """
    for finding in asked or ():
        if finding not in there:
            raise ValueError(f"the finding must be one of {', '.join(there)}, but got {finding!r}")
        if name := same(finding, trained_on):
            known = f" (as {name!r})" if name != finding else ""
            raise ValueError(f"the class must be new to the students, but they were trained on {finding!r}{known}")
    found = tuple(finding for finding in asked or there if not same(finding, trained_on))
    if not found:
        raise ValueError(
            f"one class at least must be new to the students, but they were trained on all of {', '.join(there)}; give "
            "the --sweep of a sweep with --hold-out, or another --target"
        )
    return found
