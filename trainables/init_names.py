"""What a student's first weights are called: ``imagenet``, ``random``, a teacher's name, or ``matched-`` before one.

``matched-NAME`` is random weights with the mean and the variance of NAME's, tensor by tensor: what is left of a
teacher's weights once all that it learnt but their scale is gone (Raghu et al. 2019, section 5, "Mean Var Init").
"""

from __future__ import annotations

from trainables.cell import NO_STUDENT

RANDOM = "random"
MATCHED = "matched-"


def is_matched(init: str) -> bool:
    """Whether the weights are drawn, with the scale of those of `source_of(init)`."""
    return init.startswith(MATCHED)


def source_of(init: str) -> str:
    """The name of the teacher whose weights are needed; "random" where none is."""
    return init.removeprefix(MATCHED)


def check_init(init: str) -> None:
    """Refuses a match to nothing.

    Raises:
        ValueError: ``matched-`` is not followed by a teacher's name.
    """
    if is_matched(init) and source_of(init) in ("", RANDOM, NO_STUDENT):
        raise ValueError(
            f"{MATCHED}NAME must name weights to match, such as {MATCHED}imagenet, but got init={init!r}: give the "
            f"name of a teacher, or --init {RANDOM}"
        )
