"""Beta, which divides the transfer loss: what it means, which trials have one, and its range."""

from __future__ import annotations

import math

from trainables.cell import ITSELF, NO_STUDENT, NO_TEACHER

BETA_MIN, BETA_MAX = 1.0, 2000.0  # Akbarian et al. 2020, section V.A: grid search "from 1 to 2000"
BETA_CONVENTION = "L = CE + L_AT / beta (Akbarian et al. 2020, Eq. 2): a small beta is much attention"


def check_beta(method: str, beta: float) -> None:
    """Refuses a beta outside its range: the paper's for attention transfer; other methods' losses have other scales.

    Raises:
        ValueError: beta is outside.
    """
    if method == "attention" and not BETA_MIN <= beta <= BETA_MAX:
        raise ValueError(f"{BETA_MIN:g} <= beta <= {BETA_MAX:g} must hold, but got beta={beta}")
    if not 0 < beta < math.inf:
        raise ValueError(f"beta > 0 must hold, but got beta={beta}")


def check_presence(method: str, teacher: str, student: str, beta: float | None) -> None:
    """Refuses a teacher without a beta and a beta without a teacher; a teacher that is scored itself has no beta.

    Raises:
        ValueError: one of these does not belong to the trial, or is absent.
    """
    if method == ITSELF:
        if teacher == NO_TEACHER or student != NO_STUDENT or beta is not None:
            raise ValueError(
                f"{ITSELF} must have a teacher, no student and no beta, "
                f"but got teacher={teacher!r}, student={student!r}, beta={beta}"
            )
    elif (beta is None) != (teacher == NO_TEACHER):
        raise ValueError(
            f"beta must be given exactly where there is a teacher, but got beta={beta} with teacher={teacher!r}"
        )
