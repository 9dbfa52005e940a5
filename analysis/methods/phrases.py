"""English as sentences need it: plural forms, lists, ranges, and what to say of what nobody recorded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from trainables.cell import as_text

NOT_RECORDED = "[not recorded: {}]"


def unknown(what: str) -> str:
    """What stands in the place of something that the ledger does not know.

    >>> unknown("the split")
    '[not recorded: the split]'
    """
    return NOT_RECORDED.format(what)


def count(number: float, noun: str, plural: str = "") -> str:
    """A number of things.

    >>> count(1, "epoch"), count(1200, "image"), count(2, "study", "studies")
    ('1 epoch', '1,200 images', '2 studies')
    """
    return f"{number:,.0f} {noun if number == 1 else plural or f'{noun}s'}"


def listed(words: Iterable[str], last: str = "and") -> str:
    """A list in a sentence.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"], "or")
    ('a', 'a and b', 'a, b or c')
    """
    *first, end = list(words)
    return f"{', '.join(first)} {last} {end}" if first else end


def span(values: Iterable[float]) -> str:
    """One number where all are equal, else the least and the greatest.

    >>> span([3, 3]), span([2, 5, 3])
    ('3', '2 to 5')
    """
    known = sorted(set(values))
    return plain(known[0]) if len(known) == 1 else f"{plain(known[0])} to {plain(known[-1])}"


def plain(value: object) -> str:
    """A setting's value as people write it: without ``.0``, truths as words.

    >>> plain(0.00005), plain(32.0), plain(2000.0), plain(True), plain("nearest")
    ('0.00005', '32', '2,000', 'true', 'nearest')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, (int, float)):
        return str(value)
    if float(value).is_integer():
        return f"{value:,.0f}"
    text = as_text(float(value))
    if "e" not in text:
        return text
    digits, _, exponent = text.partition("e")
    is_short = -6 <= int(exponent) < 0 and len(digits) < 8
    return f"{float(text):.{len(digits.replace('.', '').lstrip('-')) - 1 - int(exponent)}f}" if is_short else text


def begun(text: str) -> str:
    """With a capital, as a sentence begins."""
    return f"{text[:1].upper()}{text[1:]}"


def sentences(parts: Sequence[str]) -> str:
    """One text of several sentences, each with its full stop; empty ones are left out.

    >>> sentences(["one", "", "two."])
    'One. Two.'
    """
    return " ".join(f"{begun(part).rstrip('.')}." for part in parts if part)
