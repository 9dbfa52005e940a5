"""How the repeats of a configuration differ: what each draws anew, and which of them make a cell's score.

A trial's own record says what it drew: the tag ``drawn`` (``seed``, ``seed+split``, ``init``, ``fold``), and the
parameters ``split_draw`` (0: the split that was prepared), ``num_folds`` and ``fold``. A sweep's tag
``vary_in_repeats`` says what its repeats are to draw. Records without them drew the seed alone, on one split.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from trainables.cell import ITSELF

SEED, SPLIT, FOLD = "seed", "split", "fold"
SOURCES = {SEED: "seed", SPLIT: "split", "order": "order of the images", "init": "initialisation"}
DRAWN, VARIED, COUNTS = "tags.drawn", "tags.vary_in_repeats", "tags.table_2"
NUMBERS = ("params.split_draw", "params.num_folds", "params.fold")
OF_A_REPEAT = {*NUMBERS, "params.order_seed", "params.init_seed"}  # may differ within a configuration
COLUMNS = ["test_part", "test_to_train", "validation_to_train", "is_component"]


@dataclass(frozen=True, kw_only=True)
class Design:
    """What the repeats behind a table draw anew."""

    sources: tuple[str, ...]  # of `SOURCES`, in that order
    num_folds: int = 0  # 0: no cross-validation
    num_draws: int = 0  # splits that were drawn anew

    @property
    def is_on_one_split(self) -> bool:
        """Whether all repeats were tested on the same images, so that cells can be paired by patient."""
        return not (self.num_folds or self.num_draws)

    @property
    def parts(self) -> str:
        """What the repeats are tested on, where that is not one test set: "splits" or "folds"."""
        return "folds" if self.num_folds else "splits"

    @property
    def drawn(self) -> str:
        """What differs from repeat to repeat, in the head of a column."""
        if self.is_on_one_split:
            return "seeds" if self.sources == (SEED,) else "repeats"
        return self.parts

    @property
    def count_notes(self) -> list[str]:
        """The note on what counts of test images are of, where there is no one test set."""
        if self.num_folds:
            return ["counts: of all folds together"]
        return ["counts: the mean over the splits' test sets"] if self.num_draws else []

    @property
    def no_bootstrap(self) -> str:
        """Why no bootstrap over patients stands beside the spread over splits or folds."""
        return f"no bootstrap over patients: the {self.parts} have other patients, which is in the spread between them"

    @property
    def on_what(self) -> str:
        """Where the test scores of its repeats come from, behind ``mean over n repeats``."""
        if self.num_folds:
            return "(each patient is tested once)"
        return "on the test set" if self.is_on_one_split else "(each on the test set of its own split)"

    @property
    def repeats(self) -> str:
        """What n counts: ``repeats``, or ``folds``."""
        return "folds" if self.num_folds else "repeats"

    @property
    def spread(self) -> str:
        """What the spread over repeats is of: ``seed and split``; "" with folds."""
        return _in_words(self.sources)

    def tested(self, n: object, num_patients: object) -> str:
        """What a comparison of two cells rests on.

        >>> Design(sources=("seed",)).tested(3, 60)
        '3 repeats each, 60 test patients'
        """
        if self.num_folds:
            return f"{n} folds, {num_patients} patients, each tested once"
        if self.num_draws:
            return f"{n} splits, {num_patients} test patients in each"
        return f"{n} repeat{'s' * (n != 1)} each, {num_patients} test patients"

    @property
    def holds(self) -> str:
        """What an interval over the repeats holds, for a note.

        >>> Design(sources=("seed", "split"), num_draws=5).holds
        'spread of seed and split over n repeats'
        """
        if self.num_folds:
            return "spread between n folds, each with a search of its own"
        return f"spread of {self.spread} over n repeats"

    @property
    def split_notes(self) -> list[str]:
        """Which split a table of the sweep's sizes counts; [] where all repeats have that one."""
        if self.num_folds:
            return [f"the first of {self.num_folds} folds; in each, other patients are tested"]
        return ["the prepared split, of the search; repeats have others of these sizes"] if self.num_draws else []

    @property
    def sentence(self) -> str:
        """What is in the spread that is shown, and what is not."""
        if self.num_folds:
            return (
                f"Cross-validation in {self.num_folds} folds: every patient is tested once, by students that were "
                "searched and trained without that patient's images. Scores are means over the folds, and AUCs are "
                "taken within folds. The spread shown is that between folds."
            )
        if self.sources == (SEED,):
            return (
                "The spread shown is of the seed alone, on one split: what another split would add is not in it "
                "(--vary-in-repeats)."
            )
        with_seed = {"order", "init"} if SEED in self.sources else set()  # unless they are sources, the seed draws them
        fixed = [words for name, words in SOURCES.items() if name not in {*self.sources, *with_seed}]
        after = f"; the {_listed(fixed)} {'are' if len(fixed) > 1 else 'is'} the same in all repeats" if fixed else ""
        return f"The spread shown is of {self.spread}{after}."


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


SEED_ALONE = Design(sources=(SEED,))  # the paper's, and the default


def words_of(tag: object) -> tuple[str, ...]:
    """The sources in a tag such as ``split+seed``, in the order of `SOURCES`; without a tag, the seed.

    >>> words_of("split+seed"), words_of("fold"), words_of(None)
    (('seed', 'split'), ('fold',), ('seed',))
    """
    words = set(tag.split("+")) if isinstance(tag, str) and tag else {SEED}
    return (*(name for name in SOURCES if name in words), *sorted(words - {*SOURCES}))


def is_fold(test_part: str) -> bool:
    """Whether a part is a fold of a cross-validation, which shares no image with another."""
    return test_part.startswith("fold ")


def design_of(confirm: pd.DataFrame) -> Design:
    """The design of these repeats, which all draw the same sources anew (`Runs.confirm`)."""
    if confirm.empty:
        return SEED_ALONE
    columns = confirm.reindex(columns=[DRAWN, "params.num_folds", "params.split_draw"])
    drawn = {word for tag in columns[DRAWN].unique() for word in words_of(tag)}
    folds, draws = (_numbers(columns[name]) for name in columns.columns[1:])
    return Design(
        sources=tuple(name for name in SOURCES if name in drawn),
        num_folds=int(folds.max()),
        num_draws=draws[draws > 0].nunique(),
    )


def with_parts(trials: pd.DataFrame, parents: pd.DataFrame) -> pd.DataFrame:
    """The trials with `COLUMNS`.

    `test_part` names the images that a trial was tested on: "" for those of the prepared split, ``split 3``, ``fold
    2``; two trials of one setup with the same part saw the same test images. `test_to_train` is the number of images
    tested on over those trained on (0 for "", where nothing has to be corrected; NaN where no sweep says how many there
    are), and `validation_to_train` the same of the validation images. `is_component` marks repeats that draw fewer
    sources anew than their sweep's repeats do: they show what one source contributes, and are no part of a cell's
    score.

    Args:
        parents: the sweeps of these trials, the newest last.
    """
    draw, num_folds, fold = (_numbers(trials.reindex(columns=[name])[name]) for name in NUMBERS)
    part = draw.map(lambda number: f"split {number}" if number else "")
    part = part.mask(fold > 0, fold.map("fold {}".format))
    test, validation = _ratios(parents) if part.ne("").any() else (0.0, 0.0)
    to_train = draw.gt(0).map({True: test, False: 0.0}).mask(fold > 0, 1 / (num_folds - 1).clip(lower=1))
    full = _full(parents)
    drawn = trials.reindex(columns=[DRAWN])[DRAWN].map(words_of)
    is_whole = [_is_whole(words, full, number) for words, number in zip(drawn, fold, strict=True)]
    is_untrained = trials["params.method"].eq(ITSELF)  # draws nothing but what it is tested on
    is_whole = pd.Series(is_whole, index=trials.index, dtype=bool).mask(
        is_untrained, (fold > 0) | (draw.gt(0) == (SPLIT in full))
    )
    return trials.assign(
        test_part=part,
        test_to_train=to_train.astype(float),
        validation_to_train=(part != "").map({True: validation, False: 0.0}).astype(float),
        is_component=trials["tags.phase"].eq("confirm") & ~is_whole.astype(bool),
    )


def without_whole(trials: pd.DataFrame, parents: pd.DataFrame) -> pd.Series:
    """Why each of these trials (with `COLUMNS`) is left out: its cell has no repeat that makes its score; "" elsewhere.

    So it is where a cell was confirmed by an older sweep alone, which drew other sources anew than the newest one does.
    """
    is_confirm = trials["tags.phase"] == "confirm"
    whole = trials.loc[is_confirm & ~trials["is_component"], "tags.cell"]
    is_alone = is_confirm & trials["is_component"] & ~trials["tags.cell"].isin(whole)
    drawn = trials.reindex(columns=[DRAWN])[DRAWN].map(lambda tag: _in_words(words_of(tag))).astype(object)
    newest = _in_words(_full(parents))
    reason = "draws anew " + drawn + f", and no repeat of its cell draws {newest}, as those of the newest sweep do"
    return reason.where(is_alone, "")


def _full(parents: pd.DataFrame) -> tuple[str, ...]:
    """The sources that the repeats of the newest sweep draw anew."""
    tags = parents.reindex(columns=[VARIED])[VARIED].dropna()
    return words_of(tags.iloc[-1] if len(tags) else None)


def _in_words(sources: Sequence[str]) -> str:
    return _listed([SOURCES.get(source, source) for source in sources])


def _is_whole(drawn: tuple[str, ...], full: tuple[str, ...], fold: int) -> bool:
    return drawn == full or (fold > 0 and FOLD in drawn)


def _ratios(parents: pd.DataFrame) -> tuple[float, float]:
    """Test images, and validation images, over training images, as the newest sweep that counts them has them."""
    texts = parents.reindex(columns=[COUNTS])[COUNTS].dropna()
    rows: Iterable[Mapping[str, int]] = json.loads(texts.iloc[-1]).values() if len(texts) else ()
    rows = [row for row in rows if {"validation", "test"} < {*row} and row.get("train")]
    if not rows:
        return float("nan"), float("nan")
    largest = max(rows, key=lambda row: row["train"])  # a fraction of the data has as many test images
    return largest["test"] / largest["train"], largest["validation"] / largest["train"]


def _numbers(column: pd.Series) -> pd.Series:
    return pd.to_numeric(column, errors="coerce").fillna(0).astype(int)
