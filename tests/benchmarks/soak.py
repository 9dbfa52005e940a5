"""A sweep of 2,000 tiny trials, killed once: what grows with the number of trials, and how long resuming takes.

``python -m tests.benchmarks.soak FOLDER`` adds a row of figures to FOLDER/samples.csv every few seconds, and prints the
table at the end. Run again after an interruption, it resumes the sweep and the file; ``--show`` prints what is there.
With ``--minutes`` it kills the sweep when they are up, and ends with status 75 unless all trials were done.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import psutil

from tests.benchmarks.targets import RESUMING
from tests.chaos.server import Server
from tests.small_sweep import ROOT, draw_teacher, environment

STUDENT = "test_efficientnet"  # timm's smallest: what is looked at is everything but the training
CELLS = (f"transfer/none/{STUDENT}/all", f"attention-projected/imagenet/{STUDENT}/all")
NUM_REPEATS = 5
FLAGS = (
    *("retina", "--name", "soak", "--image-size", "32", "--phantom-size", "12", "--epochs", "1", "--students", STUDENT),
    *(
        "--teacher-names",
        "imagenet",
        "--methods",
        "attention-projected",
        "--cells",
        *CELLS,
        "--repeats",
        str(NUM_REPEATS),
        "--average-labels",
        "defined",
    ),
    *("--concurrent", "1", "--cpus-per-trial", "1"),
)
EVERY_S = 5.0
PATIENCE_S = 90.0  # for Ray: its agents look after their driver once a minute
MB = 1e6
DONE = re.compile(r"^(\d\d):(\d\d):(\d\d) (\d+)/\d+ .*: done, ", re.MULTILINE)
SHOWN = (100, 500, 1000, 1500, 2000)
NUM_TRIALS = 2000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.soak", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trials", type=int, default=NUM_TRIALS, help="in all; killed after nine tenths of them")
    parser.add_argument("--minutes", type=float, default=math.inf, help="kill the sweep when they are up")
    parser.add_argument("--clear", action="store_true", help="delete the folder once all trials are done and shown")
    parser.add_argument("--server", action="store_true", help="write to an MLflow server, not to MLflow's file")
    parser.add_argument("--show", action="store_true", help="only print the table of an earlier run")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if not options.show:
        server = Server(options.folder, ROOT) if options.server else None
        if not _run(options.folder, options.trials, server, time.time() + 60 * options.minutes):
            print("stopped before the last trial: the same command goes on")
            sys.exit(os.EX_TEMPFAIL)
    _show(options.folder, options.trials)
    if options.clear:
        shutil.rmtree(options.folder)


def _run(folder: Path, num_trials: int, server: Server | None, until_s: float) -> bool:
    """The sweep up to its kill, and from there to its end; whether it came there in time."""
    draw_teacher(folder)
    more = {"TRANSFER_RESULTS": str(folder)}
    if server:
        server.start()
        more["MLFLOW_TRACKING_URI"] = server.uri
    flags = (*FLAGS, "--trials", str(num_trials // len(CELLS) - NUM_REPEATS))
    try:
        if not (folder / "killed").exists():
            if not _watch(folder, flags, more, until_s, kill_at=num_trials * 9 // 10):
                return False
            (folder / "killed").touch()
        return _watch(folder, flags, more, until_s)
    finally:
        if server:
            server.kill()


def _watch(
    folder: Path, flags: tuple[str, ...], more: dict[str, str], until_s: float, kill_at: int | None = None
) -> bool:
    """Starts the sweep and samples it until it ends or `kill_at` of its trials are done, or, not to be true, `until_s`.

    In the last two cases it is killed.
    """
    number = len(list(folder.glob("output-*.txt")))
    place = folder / f"output-{number}.txt"
    with open(place, "w") as output:
        began = time.time()
        command = [sys.executable, "-u", "-m", "platform.sweep", *flags]
        sweep = psutil.Popen(
            command, cwd=ROOT, env=environment(more), stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        reached: dict[str, float] = {}
        next_s, in_time = began, True
        try:
            while sweep.poll() is None:
                text = place.read_text()
                _note_moments(text, reached, time.time() - began)
                done = _num_done(text)
                in_time = time.time() < until_s
                if not in_time or (kill_at is not None and done >= kill_at):
                    break
                if time.time() >= next_s:
                    _append(folder / "samples.csv", {"process": number, "done": done, **_figures(sweep, folder)})
                    next_s = time.time() + EVERY_S
                time.sleep(0.2)
        finally:
            if sweep.poll() is None:
                _kill(sweep)
    pd.Series(reached).to_csv(folder / f"moments-{number}.csv")
    if in_time and kill_at is None and sweep.wait() != 0:
        sys.exit(f"the sweep must end with 0, but ended with {sweep.returncode}:\n{place.read_text()[-2000:]}")
    return in_time


def _note_moments(text: str, reached: dict[str, float], now_s: float) -> None:
    """When each step of a start was seen first."""
    for name, mark in (
        ("Ray starts", "starting Ray"),
        ("Ray is there", "  machines: "),
        ("first epoch", ": epoch 1/1"),
    ):
        if mark in text:
            reached.setdefault(name, now_s)


def _num_done(text: str) -> int:
    return max((int(found[4]) for found in DONE.finditer(text)), default=0)


def _kill(sweep: psutil.Popen) -> None:
    """SIGKILL to the driver alone, as the kernel does for want of memory; Ray's processes must end by themselves."""
    others = sweep.children(recursive=True)
    sweep.kill()
    sweep.wait()
    _, left = psutil.wait_procs(others, timeout=PATIENCE_S)
    for process in left:
        process.send_signal(signal.SIGKILL)
    if left:
        print(f"{len(left)} of Ray's processes outlived the driver by {PATIENCE_S:g} s", file=sys.stderr)


def _figures(sweep: psutil.Popen, folder: Path) -> dict[str, float]:
    """Memory, open files and threads of the driver and of the workers; what lies on the disk."""
    figures: dict[str, float] = {"time_s": time.time()}
    try:
        workers = [each for each in sweep.children(recursive=True) if each.name().startswith("ray::")]
        for name, processes in (("driver", [sweep]), ("workers", workers)):
            figures[f"{name}_mb"] = sum(each.memory_info().rss for each in processes) / MB
            figures[f"{name}_files"] = sum(each.num_fds() for each in processes)
            figures[f"{name}_threads"] = sum(each.num_threads() for each in processes)
    except psutil.NoSuchProcess:  # ended while it was looked at
        pass
    figures["mlflow_mb"] = os.path.getsize(folder / "mlflow.db") / MB if (folder / "mlflow.db").exists() else 0.0
    figures["results_mb"] = _size_mb(folder)
    figures["ray_mb"] = _size_mb(Path(os.environ.get("RAY_TMPDIR", "/tmp"), "ray", "session_latest"))
    return figures


def _size_mb(folder: Path) -> float:
    return sum(size for size in _sizes(folder.resolve())) / MB


def _sizes(folder: Path) -> Iterator[int]:
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                yield os.lstat(os.path.join(place, name)).st_size
            except FileNotFoundError:  # cleared meanwhile
                continue


def _append(place: Path, row: dict[str, float]) -> None:
    is_new = not place.exists()
    with open(place, "a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerow({name: f"{value:.3f}" if isinstance(value, float) else value for name, value in row.items()})


COLUMNS = (
    *("process", "done", "time_s", "driver_mb", "driver_files", "driver_threads"),
    *("workers_mb", "workers_files", "workers_threads", "mlflow_mb", "results_mb", "ray_mb"),
)


def _show(folder: Path, num_trials: int) -> None:
    """The figures at some numbers of trials, and how long the sweep took to go on, the last time it was resumed."""
    samples = pd.read_csv(folder / "samples.csv")
    print("trials | s per trial | " + " | ".join(COLUMNS[3:]))
    for count in [count for count in SHOWN if count <= samples["done"].max()]:
        row = samples.iloc[(samples["done"] - count).abs().argmin()]
        print(
            f"{row['done']:.0f} | {_pace(samples, count)} | " + " | ".join(f"{row[name]:.0f}" for name in COLUMNS[3:])
        )
    places = sorted(folder.glob("moments-*.csv"), key=lambda place: int(place.stem.partition("-")[2]))
    moments = [pd.read_csv(place, index_col=0).iloc[:, 0] for place in places]
    for number, each in enumerate(moments):
        print(f"start {number + 1}: " + ", ".join(f"{name} after {when:.1f} s" for name, when in each.items()))
    resumed = [each for each in moments[1:] if "first epoch" in each]
    if resumed and num_trials == NUM_TRIALS:
        taken_s = resumed[-1]["first epoch"] - (resumed[-1]["Ray is there"] - resumed[-1]["Ray starts"])
        RESUMING.judge(taken_s, 1)


def _pace(samples: pd.DataFrame, count: int) -> str:
    """Seconds per trial among the hundred or so that end at `count`, within one process; "-" where it was not seen."""
    near = samples[(samples["done"] > count - 120) & (samples["done"] <= count) & (samples["done"] > 0)]
    first, last = (near.groupby("process")[["time_s", "done"]].agg(end).iloc[-1:] for end in ("first", "last"))
    taken = (last - first).sum()
    return f"{taken['time_s'] / taken['done']:.3f}" if taken["done"] > 0 else "-"


if __name__ == "__main__":
    main()
