"""What data sets are called, known without the seconds in which their readers import pandas and torch."""

from __future__ import annotations

from difflib import get_close_matches

from platform.sources.places import Places
from trainables.data import readers
from trainables.pasting import command_line


def check_dataset(name: str, places: Places) -> None:
    """Refuses what no data set is called; commands ask this before they import anything that takes seconds.

    Raises:
        ValueError: there is no data set of that name; the message has the nearest one.
    """
    published = readers.names()
    own = sorted(path.stem for path in places.own_dataset(name).parent.glob("*.json"))
    if name in published or name in own:
        return
    nearest = get_close_matches(name, [*published, *own], n=1)
    question = f" (did you mean {nearest[0]}?)" if nearest else ""
    raise ValueError(
        f"the data set must be one of {', '.join(published)} or a user's own ({', '.join(own) or 'none yet'}), "
        f"but got {name!r}{question}; {command_line('platform.prepare', 'FILE.csv')} adds one"
    )
