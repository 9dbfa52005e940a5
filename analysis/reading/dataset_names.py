"""Which data sets there can be runs of, known without the seconds in which pandas, MLflow and torch are imported.

Of MLflow's tables it knows the experiments, each of which has a data set's name, and reads them from a local file with
Python's own SQLite. `mlflow_tables` says who knows the others.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import closing
from difflib import get_close_matches

from analysis.reading.bundles import about
from analysis.reading.tracking_uri import Located, is_bundle, require_store, sqlite_file, without_password
from trainables.data import readers

ALL = "all"  # what a report on every published data set is called


def check(name: str, where: Located, more: Collection[str] = ()) -> None:
    """Refuses a name that no data set has and no run; commands ask this before they import anything that takes seconds.

    A server's runs are not asked for, so that with one only what it has will tell.

    Args:
        more: what a command knows besides data sets.

    Raises:
        FileNotFoundError, ValueError: as `analysis.reading.tracking_uri.require_store` says; or it is no bundle.
        LookupError: there is no data set of that name; the message has the nearest one.
    """
    require_store(where.uri)
    recorded = _experiments(where.uri)
    own = [path.stem for path in (where.results / "datasets").glob("*.json")] if where.results else []
    if recorded is None or name in (*more, *readers.names(), *own, *recorded):
        return
    known = sorted({*readers.names(), *own, *recorded})
    nearest = get_close_matches(name, [*known, *more], n=1)
    question = f" (did you mean {nearest[0]}?)" if nearest else ""
    having = f"with runs in {without_password(where.uri)}: {', '.join(recorded) or 'none'}"
    raise LookupError(f"the data set must be one of {', '.join(known)}, but got {name!r}{question}; {having}")


def _experiments(uri: str) -> list[str] | None:
    """The data set of a bundle, or the experiments in MLflow's file, without its default one; None where they are
    elsewhere or in another form.
    """
    if is_bundle(uri):
        return [str(about(uri)["dataset"])]
    file = sqlite_file(uri)
    if file is None:
        return None
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as database:
            names = [str(name) for (name,) in database.execute("select name from experiments order by name")]
    except sqlite3.Error:
        return None
    return [name for name in names if name != "Default"]
