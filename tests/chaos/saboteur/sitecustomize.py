"""On the path of every process of a sweep that chaos breaks: makes files slow and the clock jump, when told to."""

import os
import time

_folder = os.environ.get("CHAOS_FOLDER", "")
_fsync, _replace, _time = os.fsync, os.replace, time.time
SLOW_S = 0.3


def _is_ordered(what: str) -> bool:
    return os.path.exists(os.path.join(_folder, what))


def _slow_fsync(descriptor):
    if _is_ordered("slow"):
        time.sleep(SLOW_S)
    return _fsync(descriptor)


def _slow_replace(*paths, **folders):
    if _is_ordered("slow"):
        time.sleep(SLOW_S)
    return _replace(*paths, **folders)


def _jumping_time() -> float:
    try:
        return _time() + float(os.stat(os.path.join(_folder, "clock")).st_size) - 1e5
    except OSError:
        return _time()


if _folder:
    os.fsync, os.replace, time.time = _slow_fsync, _slow_replace, _jumping_time
