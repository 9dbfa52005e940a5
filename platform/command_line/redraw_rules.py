"""What a repeat draws anew: the order in which it is said, and which draws do not go together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from trainables.config import SOURCES


def in_order(texts: Iterable[str]) -> tuple[str, ...]:
    """The sources that these texts name, separated by commas or not: each once, in the order of `SOURCES`."""
    named = {source for text in texts for source in text.split(",")}
    return tuple(source for source in SOURCES if source in named)


def check_redraws(
    *, sources: Sequence[str], components: bool, folds: int | None, split: str, hold_out: str | None
) -> None:
    """Refuses splits that cannot be drawn; the arguments are the options of their names.

    Raises:
        ValueError: splits or folds are asked for where the split is given, or both are; or components of one source.
    """
    if components and not folds and len(sources) < 2:
        raise ValueError(
            f"components of variance need two sources or more, but got --variance-components with --vary-in-repeats "
            f"{' '.join(sources)}: give more of {', '.join(SOURCES)}, or leave out --variance-components"
        )
    redrawn = "split" in sources
    asked = "--folds" if folds else "--vary-in-repeats split"
    if not folds and not redrawn:
        return
    if folds and (redrawn or components):
        other = "--vary-in-repeats split" if redrawn else "--variance-components"
        raise ValueError(
            f"the folds of a cross-validation are its splits, and each has repeats of its own, but got --folds "
            f"{folds} with {other}: leave out one of the two"
        )
    if split == "official":
        raise ValueError(
            "an official split is one and the same for everybody, so it cannot be drawn anew, but got --split official "
            f"with {asked}: take --split drawn, or leave out {asked}"
        )
    if hold_out:
        raise ValueError(
            f"a finding that is held out of training must stay in the test set, so the split cannot be drawn anew, but "
            f"got --hold-out {hold_out!r} with {asked}: leave out one of the two"
        )
