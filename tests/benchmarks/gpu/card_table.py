"""What `--show` prints: every figure of the last card of the record, the targets, and how many trials fit on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.benchmarks import targets
from tests.benchmarks.gpu.card_pieces import CARD_PIECES
from tests.benchmarks.gpu.card_record import CardFigure, cards, ends, newest
from tests.benchmarks.gpu.judged import OURS, held, on_card
from tests.benchmarks.gpu.share import rooms
from tests.benchmarks.targets import OUTCOMES


def lines(rows: Sequence[CardFigure]) -> list[str]:
    """The tables, one card after the other."""
    if not rows:
        return ["no figure of a GPU is on record; on a machine with one, --minutes 8 begins it"]
    shown: list[str] = []
    for card in cards(rows):
        known = newest(rows, card)
        shown += [f"## {on_card(card)}; Python {card.python}, PyTorch {card.torch}, CUDA {card.cuda}", ""]
        figures = [
            (row.what, f"{float(row.value):,.4g} {row.unit}", row.n, row.date[:10], row.note) for row in known.values()
        ]
        shown += aligned([("what", "figure", "n", "date", "note"), *figures])
        values = {key: value for key, value, _ in held(known)}
        shown += ["", *aligned([("target", "limit", "figure", "verdict"), *_targets(values)])]
        if room := rooms(known, OURS):
            head = ("student", "px", "GiB of the card", "images/s", "fit", "share of a GPU per trial")
            table = [
                (r.student, r.image_size_px, f"{r.gib:.2f}", f"{r.images_per_s:.0f}", r.fit, r.share or "none fits")
                for r in room
            ]
            shown += ["", *aligned([head, *(tuple(map(str, line)) for line in table)])]
        outcomes = ends(rows, card)
        left = [piece.name for piece in CARD_PIECES if piece.name not in outcomes]
        failed = [f"{name}: {end.note}" for name, end in outcomes.items() if end.note.startswith("failed")]
        shown += ["", f"to be measured: {', '.join(left) or 'nothing'}", *failed, ""]
    return shown


def aligned(table: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as their widest word."""
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    return ["  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in table]


def _targets(values: dict[str, float]) -> Iterable[tuple[str, str, str, str]]:
    for key, target in targets.GPU.items():
        if key in values:
            yield target.what, target.text, target.written(values[key]), OUTCOMES[target.is_met(values[key])]
        else:
            yield target.what, target.text, "not measured", ""
