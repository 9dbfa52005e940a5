"""The pieces of the suite in their order of worth: of a short time on a GPU, the first ones are measured.

A further one, of trainings packed in some other way say, is a function that yields its readings, and a line here. What
it calls ``... at once`` counts among the trainings at once, of which the table has the fastest (`judged`).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from tests.benchmarks.gpu.bench_setup import Setup


class Reading(NamedTuple):
    """A figure as a piece yields it; `n` rounds or the like, 0 where there is no such number."""

    what: str
    value: float
    unit: str
    n: int = 0
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class CardPiece:
    """A measurement.

    Args:
        name: by which `--only` knows it.
        of: the module of this folder and its function, which yields readings.
        about_s: how long it may take, its process's start included; three times that ends it.
        arguments: of the function, beside the setup.
        wants: a library that it is about, without which it is left out.
    """

    name: str
    of: str
    about_s: float
    arguments: Mapping[str, Any] = field(default_factory=dict)
    wants: str = ""

    def readings(self, setup: Setup) -> Iterator[Reading]:
        """Measures; to be called in a process of its own."""
        module, _, function = self.of.partition(".")
        measure: Callable[..., Iterator[Reading]] = getattr(
            importlib.import_module(f"{__package__}.{module}"), function
        )
        return measure(setup, **self.arguments)


def _compiled(precision: str) -> CardPiece:
    arguments = {"precisions": (precision,), "compiled": True}
    return CardPiece(name=f"compiled {precision}", of="one_training.ours", about_s=120, arguments=arguments)


def _at_once(number: int) -> CardPiece:
    return CardPiece(name=f"at once {number}", of="together.at_once", about_s=130, arguments={"number": number})


def _packed(number: int) -> CardPiece:
    return CardPiece(name=f"packed {number}", of="together.packed", about_s=60, arguments={"number": number})


def _room(image_size_px: int) -> CardPiece:
    arguments = {"image_size_px": image_size_px}
    return CardPiece(name=f"room {image_size_px}", of="one_training.room", about_s=45, arguments=arguments)


CARD_PIECES: tuple[CardPiece, ...] = (
    CardPiece(name="plain", of="one_training.plain", about_s=40),
    _compiled("bfloat16"),
    _at_once(8),
    _at_once(4),
    _packed(8),
    CardPiece(name="views", of="view_speed.share_of_floor", about_s=25),
    CardPiece(
        name="guided densenet121", of="guided.against_transfer", about_s=90, arguments={"teacher": "densenet121"}
    ),
    CardPiece(name="waits", of="waiting.per_step", about_s=45),
    CardPiece(
        name="eager",
        of="one_training.ours",
        about_s=60,
        arguments={"precisions": ("float32", "bfloat16"), "compiled": False},
    ),
    CardPiece(
        name="guided rad-dino",
        of="guided.against_transfer",
        about_s=120,
        arguments={"teacher": "rad-dino", "method": "attention-projected", "copies": 4},
        wants="timm",
    ),
    CardPiece(name="timm", of="one_training.as_timm", about_s=35, wants="timm"),
    _room(256),
    _room(512),
    _room(128),
    _at_once(2),
    _compiled("float32"),
)
