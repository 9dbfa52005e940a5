"""What a worker of Ray imports as its process starts, before it is given a trial.

Ray imports this module in every worker that `platform.cluster.early_start` has it start. As long as the folder that
PREPARED names exists, the worker imports what a trial's first step needs, and notes there that it has. Later workers,
which replace one that died, do without: if a process took ten seconds to start, Ray would give its trial to another.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

PREPARED, THREADS = "TRANSFER_PREPARED_WORKERS", "TRANSFER_PREPARED_THREADS"
RAYS_LOOP = "main_loop"  # the function of Ray in which a worker's main thread waits for work
LOOP_S, LOOK_S, SOON_S = 20.0, 0.02, 0.2


def note_when_free(note: Path) -> None:
    """Writes the note once the main thread waits for work: to Ray the worker is not there before, and it would start
    another one for the trial."""
    main, ends_s = threading.main_thread().ident, time.monotonic() + LOOP_S
    while time.monotonic() < ends_s:
        frame = sys._current_frames().get(main or 0)
        if frame is not None and frame.f_code.co_name == RAYS_LOOP:
            break
        time.sleep(LOOK_S)
    time.sleep(SOON_S)
    note.touch()


_folder = Path(os.environ.get(PREPARED, ""))
if PREPARED in os.environ and _folder.is_dir():
    # Ray sets the number of threads with the trial: too late for libraries that read it while they are imported.
    os.environ.setdefault("OMP_NUM_THREADS", os.environ[THREADS])
    import trainables.job  # noqa: F401

    threading.Thread(target=note_when_free, args=(_folder / str(os.getpid()),), daemon=True).start()
