"""What a worker of Ray imports as its process starts, before it is given a trial.

Ray imports this module in every worker that `platform.cluster.early_start` has it start. As long as the folder that
PREPARED names exists, the worker imports what a trial's first step needs, and notes there that it has. Later workers,
which replace one that died, do without: if a process took ten seconds to start, Ray would give its trial to another.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

PREPARED = "TRANSFER_PREPARED_WORKERS"
SOON_S = 0.3  # in which the worker, which goes on from here, tells Ray that it is free: before that Ray starts another

_folder = Path(os.environ.get(PREPARED, ""))
if PREPARED in os.environ and _folder.is_dir():
    import trainables.job  # noqa: F401

    threading.Timer(SOON_S, (_folder / str(os.getpid())).touch).start()
