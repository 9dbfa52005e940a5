"""On the path of every process of a sweep that chaos breaks: makes files slow, the clock jump and a step hang, if told.

A step hangs as it does on a disk that does not answer: the thread that trains stands still, the others go on.
"""

import os
import signal
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


def _hang(number, frame) -> None:
    names = []
    while frame is not None:
        names.append(frame.f_code.co_name)
        frame = frame.f_back
    if "train_one_epoch" not in names or not {"_losses", "backward", "step"} & set(names) or not _is_ordered("hang"):
        return
    with open(os.path.join(_folder, "hang")) as order:
        seconds = float(order.read())
    with open(os.path.join(_folder, "hung.part"), "w") as answer:
        answer.write(str(os.getpid()))
    _replace(os.path.join(_folder, "hung.part"), os.path.join(_folder, "hung"))
    time.sleep(seconds)


if _folder:
    os.fsync, os.replace, time.time = _slow_fsync, _slow_replace, _jumping_time
    signal.signal(signal.SIGUSR2, _hang)
