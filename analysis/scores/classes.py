"""Whether a class was seen in training, as far as the names of labels can tell."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from trainables.data.catalogue import DATASETS, finds_nothing, synonyms

# A finding of one data set -> the broader label of another that includes it, from the data sets' records.
BROADER = {narrow: broad for record in DATASETS.values() for narrow, broad in record.broader_labels.items()}


def same(finding: str, label_names: Collection[str]) -> str:
    """The label that is the finding, under its own name or another data set's; "" where there is none."""
    names = (finding, *synonyms(finding))
    return next((name for name in names if name in label_names), "")


def related(finding: str, label_names: Collection[str]) -> tuple[str, ...]:
    """The labels that include the finding, or that it includes."""
    narrower = [narrow for narrow, broad in BROADER.items() if broad == finding]
    return tuple(name for name in (BROADER.get(finding, ""), *narrower) if name in label_names)


def seen_as(finding: str, label_names: Collection[str]) -> str:
    """What labels of these names call the finding: its name, or those that overlap with it; "" for nothing."""
    return same(finding, label_names) or ", ".join(related(finding, label_names))


def unseen(asked: Collection[str] | None, known: Collection[str], trained_on: Collection[str]) -> tuple[str, ...]:
    """The findings `asked` for, or all the `known` ones, none of which the students were trained on.

    A label that means that nothing was found is no finding.

    Raises:
        ValueError: a finding asked for is unknown, none, or was trained on; or no finding is left.
    """
    for finding in asked or ():
        if finding not in known:
            raise ValueError(f"the finding must be one of {', '.join(known)}, but got {finding!r}")
        if finds_nothing(finding):
            raise ValueError(f"a class to learn must be a finding, but {finding!r} means that there is none")
        if name := same(finding, trained_on):
            alias = f" (as {name!r})" if name != finding else ""
            raise ValueError(f"the class must be new to the students, but they were trained on {finding!r}{alias}")
    findings = tuple(name for name in asked or known if not same(name, trained_on) and not finds_nothing(name))
    if not findings:
        raise ValueError(
            f"at least one class must be new to the students, but they were trained on all of {', '.join(known)}; give "
            "the --sweep of a sweep with --hold-out, or another --target"
        )
    return findings


def matched(
    label_names: Sequence[str], others: Sequence[str], declared: Mapping[str, str] | None = None
) -> dict[str, str]:
    """A data set's labels, in its order -> the same ones as another set has them: as declared, by name, or by the
    records of either side (`same`). Labels that only one of them has are absent.

    >>> matched(("Edema", "Pleural Effusion", "Fracture"), ("Effusion", "Edema", "Mass"))
    {'Edema': 'Edema', 'Pleural Effusion': 'Effusion'}
    >>> matched(("Edema", "Fracture"), ("oedema", "Mass"), {"oedema": "Edema"})
    {'Edema': 'oedema'}

    Args:
        label_names: the data set's own.
        others: the other set's.
        declared: a label of the other set -> the same one of the data set's own.

    Raises:
        ValueError: a declared label does not exist, or is declared twice.
    """
    declared = declared or {}
    for other, own in declared.items():
        for name, names in ((other, others), (own, label_names)):
            if name not in names:
                raise ValueError(f"the same label must be one of {', '.join(names)}, but got {name!r} in {other}={own}")
    by_own = {own: other for other, own in declared.items()}
    if len(by_own) < len(declared):
        raise ValueError(f"a label can be the same as one other alone, but got {', '.join(declared.values())}")
    free = [name for name in others if name not in declared]
    pairs = {name: by_own.get(name) or same(name, free) for name in label_names}
    return {own: other for own, other in pairs.items() if other}
