"""What the record of a card says of the targets: each figure of the table, from what was measured on one card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tests.benchmarks import targets
from tests.benchmarks.figures import Figure
from tests.benchmarks.gpu.card_record import Card, CardFigure, cards, newest
from tests.benchmarks.targets import OUTCOMES, TEACHERS

PLAIN, OURS = "plain, eager float32", "one training, compiled bfloat16"
AT_ONCE = "at once"  # the end of each figure of several trainings, whatever it is that lets them share the card
# Of the others, the key of the target and the figure that it is held against.
SAME = {
    "views": "views, share of the floor",
    "memory": f"{OURS}: memory on the card",
    "resident set": f"{OURS}: resident set",
    **{f"cached {teacher}": f"{teacher}, cached / transfer" for teacher in TEACHERS},
    **{f"cold {teacher}": f"{teacher}, cold / transfer" for teacher in TEACHERS},
    **{f"paid {teacher}": f"{teacher}, epochs until paid" for teacher in TEACHERS},
}
RATIOS = {"one": (OURS, PLAIN), "timm": ("one training, eager float32", "timm, eager float32")}
WAITS = ("waits, transfer", "waits, attention, cached")  # of which the worse one counts


def held(known: Mapping[str, CardFigure]) -> Iterator[tuple[str, float, CardFigure]]:
    """The targets' keys with their values, as far as they are known, each with the figure that it rests on."""
    for key, name in SAME.items():
        if name in known:
            yield key, float(known[name].value), known[name]
    for key, (name, beside) in RATIOS.items():
        if name in known and beside in known:
            yield key, float(known[name].value) / float(known[beside].value), known[name]
    if all(name in known for name in WAITS):
        worst = max((known[name] for name in WAITS), key=lambda row: float(row.value))
        yield "waits", float(worst.value), worst
    several = [row for name, row in known.items() if name.endswith(AT_ONCE)]
    if several and PLAIN in known:
        fastest = max(several, key=lambda row: float(row.value))
        yield "several", float(fastest.value) / float(known[PLAIN].value), fastest


def as_figures(rows: Sequence[CardFigure]) -> list[Figure]:
    """The same of every card of the record, as the table of all benchmarks takes them."""
    return [
        Figure(
            piece="gpu",
            what=targets.GPU[key].what,
            target=targets.GPU[key].text,
            figure=targets.GPU[key].written(value),
            verdict=OUTCOMES[targets.GPU[key].is_met(value)],
            n=row.n,
            machine=on_card(card),
            versions=f"Python {card.python}, PyTorch {card.torch}, CUDA {card.cuda}",
            date=row.date,
            seconds=row.seconds,
        )
        for card in cards(rows)
        for key, value, row in held(newest(rows, card))
    ]


def on_card(card: Card) -> str:
    """A card in words."""
    return f"{card.card}, {card.card_gib} GiB, driver {card.driver}"
