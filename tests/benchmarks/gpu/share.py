"""How large a share of a card a trial should have: as many at once as fit, and as still are faster together.

Pure functions of what was measured. They recommend, in the suite's own table; no default of the platform follows them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tests.benchmarks.gpu.card_record import CardFigure

SPARE = 1.1  # times the memory that was taken: what a longer training fragments, and evaluation takes
WORTH = 1.05  # times as many images a second must come of more trials, or they only wait for each other
SIZED = re.compile(r"(?P<student>\w+), (?P<px>\d+) px")
COUNTED = re.compile(r"(?P<number>\d+) compiled trainings at once")


@dataclass(frozen=True, kw_only=True)
class Room:
    """A student on a card at one size of images."""

    student: str
    image_size_px: int
    gib: float  # of the card's memory that one training takes
    images_per_s: float  # of one training
    fit: int  # trainings at once that the memory has room for; 0 where not even one fits with something to spare
    share: float | None  # of a card that a trial should have (`--gpus-per-trial`); None where not even one fits


def num_that_fit(card_gib: float, gib: float) -> int:
    """How many trainings the card's memory has room for, with something to spare.

    >>> num_that_fit(card_gib=80, gib=6), num_that_fit(card_gib=6, gib=6)
    (12, 0)
    """
    return int(card_gib / (gib * SPARE))


def num_worth(speeds: Mapping[int, float]) -> int:
    """The number of trainings at once up to which more are faster in sum, from images a second by number.

    >>> num_worth({1: 100.0, 2: 190.0, 4: 260.0, 8: 265.0})
    4
    """
    best = min(speeds, default=1)
    for number in sorted(speeds):
        if speeds[number] >= WORTH * speeds[best]:
            best = number
    return best


def share_of_a_card(fit: int, worth: int) -> float | None:
    """The share per trial, rounded down to hundredths, so that as many as that find room; None where none fits.

    >>> share_of_a_card(fit=12, worth=4), share_of_a_card(fit=3, worth=8), share_of_a_card(fit=0, worth=8)
    (0.25, 0.33, None)
    """
    number = min(fit, worth)
    return int(100 / number) / 100 if number else None


def rooms(known: Mapping[str, CardFigure], one: str) -> list[Room]:
    """Of each student and size whose memory is on record; `one` is the figure of a single training beside several.

    Whether more at once are faster is known of one student and size alone, and taken to hold for all: a smaller student
    leaves more of the card to others, so that the share is at most too large.
    """
    at_once = {
        int(match["number"]): float(row.value) for name, row in known.items() if (match := COUNTED.fullmatch(name))
    }
    speeds = at_once | ({1: float(known[one].value)} if one in known else {})
    found = []
    for name, row in known.items():
        memory = known.get(f"{name}: memory on the card")
        if not (match := SIZED.fullmatch(name)) or memory is None:
            continue
        gib, fit = float(memory.value), num_that_fit(float(row.card_gib), float(memory.value))
        found.append(
            Room(
                student=match["student"],
                image_size_px=int(match["px"]),
                gib=gib,
                images_per_s=float(row.value),
                fit=fit,
                share=share_of_a_card(fit, num_worth(speeds)),
            )
        )
    return sorted(found, key=lambda room: (room.student, room.image_size_px))
