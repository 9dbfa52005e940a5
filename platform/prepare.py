"""Read a data set, split it by patient and decode it once into a store.

Prints the set's rows of Tables I and II beside the paper's, every row that was left out, with the reason, and which
images are copies of others. With --without FILE: takes patients who have withdrawn their consent out of the results.
"""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path

from platform.command_line.endings import end, say_errors
from platform.command_line.image_requests import PrepareRequest
from platform.command_line.option import flag_of
from platform.command_line.parsing import parser_of, request_of
from platform.sources.names import check_dataset
from platform.sources.places import Places
from platform.sources.results_lock import in_use

WITH_WITHOUT = ("dataset", "results", "without", "dry_run")  # the options that it goes with


def main(arguments: list[str] | None = None) -> int:
    """Prepares the data set; 0 when its store is written."""
    parser = parser_of(PrepareRequest, "platform.prepare", __doc__)
    typed = parser.parse_args(arguments)
    with say_errors(parser):
        request = request_of(PrepareRequest, typed)
        places, name = Places.under(request.results), request.dataset
        if name.endswith(".csv") and request.without:
            raise ValueError(f"--without goes with the name of a data set, but got {name}: give {Path(name).stem}")
        if request.without:
            _check_alone(typed)
        if not name.endswith(".csv"):
            check_dataset(name, places, request.data)
        if request.without:
            from platform.withdrawing.conduct_withdrawal import withdraw  # MLflow takes seconds

            print("\n".join(withdraw(name, request.without, places, dry_run=request.dry_run)))
            return 0
        if request.dry_run:
            raise ValueError("--dry-run goes with --without FILE: prepare itself has no plan to show")
        with in_use(places.results):
            _prepare(request, places)
    return 0


def _check_alone(typed: argparse.Namespace) -> None:
    """Refuses options of preparing beside --without.

    Raises:
        ValueError: there are some.
    """
    others = [field for field in fields(PrepareRequest) if field.name in vars(typed) and field.name not in WITH_WITHOUT]
    if others:
        flags = ", ".join(flag_of(field.name, field.metadata["option"]) for field in others)
        raise ValueError(
            f"--without takes the patients out of every store of {typed.dataset}, whatever its images, size or split, "
            f"but got {flags}: leave that out"
        )


def _prepare(request: PrepareRequest, places: Places) -> None:
    from platform.sources.copied_images import lines, list_copies
    from platform.sources.images import listing_of, register, store_of, summary  # only once the options are right
    from trainables.pasting import command_line

    name = request.dataset
    if name.endswith(".csv"):
        name = register(Path(name), places, request.images)
    elif request.images:
        raise ValueError(f"--images goes with a CSV of your own, but got {name}: use --data for a published set")
    listing = listing_of(name, request.data, places, request.phantom_size)
    store = store_of(
        listing,
        places,
        request.image_size,
        skip_unreadable=request.skip_unreadable,
        split=request.split,
        validation_share=request.validation_share,
        held_out=request.hold_out,
    )
    print(summary(listing, store), flush=True)
    list_copies(store, listing, places)
    print("\n".join(lines(store)))
    print(f"  {store.path}")
    if name != request.dataset:
        print(f"  {command_line('platform.sweep', name)} now knows this data set")


if __name__ == "__main__":
    end(main())
