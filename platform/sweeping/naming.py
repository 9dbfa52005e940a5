"""What a sweep is told apart by: its settings, which the ledger keeps, and the name that follows from them."""

from __future__ import annotations

import hashlib
import json

from platform.command_line.sweep_requests import SweepRequest
from platform.sources.images import digest_of
from platform.sweeping.redraws import Redraws
from platform.sweeping.requested import redraws_of
from platform.sweeping.samplers import DEFAULT_SEARCHER
from platform.tracking.settings import SCHEDULER, SEARCHER, UNRECORDED_SCHEDULER, UNRECORDED_SEARCHER
from search_spaces.space import Space
from trainables.config import TrialConfig
from trainables.data.listing import Listing
from trainables.data.store import Store
from trainables.knob import SETUP, departures, knobs
from trainables.teachers.shelf import Teacher


def settings_of(
    search: str, base: TrialConfig, space: Space, store: Store, teachers: dict[str, Teacher]
) -> dict[str, object]:
    """What decides the sweep's numbers, apart from how many cells, trials and repeats it has: those may grow, and so
    may the teachers, each of which stays what it was (`platform.tracking.settings`)."""
    return {
        **{knob.name: getattr(base, knob.name) for knob in knobs(TrialConfig, SETUP)},
        "search": search,
        "seed": base.seed,
        "tuned": {name: [interval.low, interval.high] for name, interval in space.tuned.items()},
        "data": store.fingerprint,
        "held_out": store.held_out,
        "teachers": {name: teacher.fingerprint for name, teacher in teachers.items()},
    }


def decided_by(redraws: Redraws, base: TrialConfig) -> dict[str, object]:
    """What of the repeats makes another sweep: folds, and what is not drawn with the seed any more.

    The rest may grow: more repeats, splits drawn anew, and the components of variance. Nothing where nothing is asked
    for, so that earlier sweeps keep their names.
    """
    return ({"folds": base.num_folds} if base.num_folds else {}) | (
        {"not drawn with the seed": list(redraws.apart)} if redraws.apart else {}
    )


def searched_by(request: SweepRequest) -> dict[str, object]:
    """The sampler, which decides what is tried; nothing in a grid, whose points are given."""
    return {} if request.search == "grid" else {SEARCHER: request.searcher or DEFAULT_SEARCHER}


def stopped_by(request: SweepRequest) -> dict[str, object]:
    """The scheduler, which decides how long trials are and so what is tried next; nothing in a grid, which has none."""
    return {} if request.search == "grid" else {SCHEDULER: request.scheduler}


def default_name(request: SweepRequest, base: TrialConfig, space: Space, listing: Listing) -> str:
    """The name of a sweep that was given none: the same for the same command on the same images, and for one that
    only asks for more: cells, teachers, trials or repeats. Sweeps of an ablation's file begin with the file's name.

    Known before an image is decoded. If pixels or teachers have changed since, the sweep's settings differ, and the
    ledger refuses to continue it.
    """
    shared = {knob.name: getattr(base, knob.name) for knob in knobs(TrialConfig, SETUP)}
    decides = {
        **dict(departures(shared, TrialConfig)),  # so that a knob that is declared later renames no sweep
        "search": request.search,
        "seed": base.seed,
        "tuned": {name: [interval.low, interval.high] for name, interval in space.tuned.items()},
        "images": digest_of(listing),
        "split": [request.split, request.validation_share, request.hold_out, request.skip_unreadable],
        "teachers": request.teachers,
        **decided_by(redraws_of(request), base),
        # Sweeps that began before there were other samplers and schedulers keep their names.
        **{name: value for name, value in searched_by(request).items() if value != UNRECORDED_SEARCHER},
        **{name: value for name, value in stopped_by(request).items() if value != UNRECORDED_SCHEDULER},
    }
    stem = f"{request.file.stem}-" if request.file else ""
    kind = ("phantom" if listing.is_phantom else "real") + "-held-out" * bool(request.hold_out)
    digest = hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()
    return f"{stem}{listing.dataset}-{kind}-{digest[:4]}"
