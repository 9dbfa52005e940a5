"""The main job by its front door, on phantoms as small as can be: whole, killed and resumed, interrupted, refused."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import platform.sweep
from tests.chaos.faults import Target, kill_driver, kill_worker, spoil_cache, workers
from tests.small_sweep import (
    CELLS,
    COMMAND,
    NUM_TRIALS,
    ROOT,
    finish,
    fork,
    numbers,
    query,
    table,
    trials,
    wait_for,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def test_a_sweep_searches_confirms_and_says_what_to_do_next(undisturbed: tuple[Path, str]) -> None:
    results, output = undisturbed
    assert set(trials(results).values()) == {"FINISHED"}
    assert len(trials(results)) == NUM_TRIALS
    assert len(table(output)) == 2 * len(CELLS)  # AUC and F1
    assert "PHANTOM" in output
    tags = query(results, "select distinct key, value from tags where key in ('data', 'teacher_is_phantom')")
    assert ("data", "phantom") in tags and ("data", "real") not in tags and ("teacher_is_phantom", "true") in tags


def commands(output: str) -> dict[str, str]:
    """The commands that a sweep prints at its end, by the module that each runs."""
    lines = [line.strip() for line in output.splitlines() if re.match(r"  \S+ -m [\w.]+ ", line)]
    return {line.split(" -m ")[1].split()[0]: line for line in lines}


def in_another_shell(line: str, **popen: Any) -> subprocess.Popen[str]:
    """The line as a user pastes it at the root, in a shell that knows nothing of the environment's programs."""
    return subprocess.Popen(
        ["sh", "-c", line],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", "/")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **popen,
    )


def test_the_printed_commands_run_as_they_stand(undisturbed: tuple[Path, str], tmp_path: Path) -> None:
    results, output = undisturbed
    printed = commands(output)
    assert list(printed) == ["platform.ui", "analysis.report", "analysis.power", "analysis.table_5"]
    assert printed["platform.ui"].endswith(f"platform.ui --results {results}")
    for line, heading in (
        (printed["analysis.table_5"], "PHANTOM"),
        (printed["analysis.power"], "PHANTOM"),
        (f"{printed['analysis.report']} --out {tmp_path}", f"{tmp_path}/retina/index.html"),
    ):
        process = in_another_shell(line)
        text, _ = process.communicate(timeout=200)
        assert process.returncode == 0 and heading in text, text


def test_the_printed_command_opens_the_pages(undisturbed: tuple[Path, str]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    line = f"exec {commands(undisturbed[1])['platform.ui']} --port {port} --no-browser"
    (number,) = query(undisturbed[0], "select experiment_id from experiments where name = 'retina'")[0]
    server = in_another_shell(line)
    try:
        assert server.stdout is not None
        page = f"Every run: http://127.0.0.1:{port}/#/experiments/{number}/runs?workflowType=machine_learning\n"
        assert page in iter(server.stdout.readline, "")
    finally:
        server.terminate()
        server.communicate()


def test_only_confirm_runs_open_the_test_set(undisturbed: tuple[Path, str]) -> None:
    results, _ = undisturbed
    opened = query(
        results,
        "select distinct p.value from metrics m join tags p on p.run_uuid = m.run_uuid and p.key = 'phase' "
        "where m.key like 'test_%'",
    )
    assert opened == [("confirm",)]
    predictions = list(results.glob("artifacts/*/artifacts/predictions.parquet"))
    assert len(predictions) == len(CELLS)
    table = pq.read_table(predictions[0])
    by_split = dict(zip(*np.unique(table["split"].to_pylist(), return_counts=True), strict=True))
    assert by_split == {"test": 18, "validation": 16} and {"image", "patient", "grade", "probability_Mild"} <= set(
        table.column_names
    )


def test_each_trial_records_its_costs_and_its_machine(undisturbed: tuple[Path, str]) -> None:
    results, _ = undisturbed
    rows = query(
        results,
        "select t.value, m.value from metrics m join tags t on t.run_uuid = m.run_uuid and t.key = 'trial' "
        "where m.key = 'cost/cpu_s' order by m.step",
    )
    totals: dict[str, list[float]] = {}
    for trial, seconds in rows:
        totals.setdefault(trial, []).append(seconds)
    assert set(totals) == set(trials(results))
    assert all(seconds == sorted(set(seconds)) and seconds[0] > 0 for seconds in totals.values())
    (declared,) = query(results, "select distinct value from metrics where key = 'cost/watts_per_core'")
    assert declared == (7.5,)
    assert len(query(results, "select value from tags where key = 'hardware' and value != ''")) == NUM_TRIALS


def test_nothing_is_kept_twice_once_mlflow_has_it(undisturbed: tuple[Path, str]) -> None:
    results = undisturbed[0]
    assert not list(results.glob("sweeps/*/trials/*"))
    (folder,) = results.glob("sweeps/*")
    ours = {"journal.jsonl", "lock", "standing.json", "trials"}
    assert {path.name for path in folder.iterdir()} <= ours  # nothing of Ray's: it would not wait for a full disk
    assert len(list(results.glob("artifacts/*/artifacts/model/best-*.safetensors"))) == NUM_TRIALS
    assert len(list(results.glob("artifacts/*/artifacts/predictions.parquet"))) == len(CELLS)


def test_the_same_command_again_runs_nothing_and_prints_the_same_table(undisturbed: tuple[Path, str]) -> None:
    results, output = undisturbed
    before = trials(results), numbers(results)
    assert table(finish(fork(results))) == table(output)
    assert (trials(results), numbers(results)) == before


def test_a_sweep_that_is_broken_and_stopped_reaches_the_numbers_of_the_undisturbed_sweep(
    undisturbed: tuple[Path, str], fresh: Path
) -> None:
    process = fork(fresh)
    sweep = Target(process, [], ROOT, {}, fresh, None, fresh, random.Random(0))
    wait_for(process, fresh, 2, num_epochs=1)
    spoil_cache(sweep)  # which the next trial of attention transfer would read
    assert list(fresh.glob("cache/*/epoch-*.knowledge"))
    (worker,) = workers(process.pid)
    kill_worker(sweep)
    wait_for(process, fresh, 3, num_epochs=1)
    assert worker not in workers(process.pid)
    kill_driver(sweep)
    process.communicate()
    assert "RUNNING" in trials(fresh).values()

    process = fork(fresh)
    wait_for(process, fresh, 4, num_epochs=1)  # in the confirm phase
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 3 and "stopping: finished epochs are saved; Ctrl-C again stops at once" in err
    assert re.search(r"^[12] trials are left: run the same command again to resume\.$", err, flags=re.MULTILINE), err
    assert "RUNNING" in trials(fresh).values()

    (standing,) = fresh.glob("sweeps/*/standing.json")
    standing.write_text("spoilt: nothing of a sweep is read back from it")
    output = finish(fork(fresh))
    assert set(trials(fresh).values()) == {"FINISHED"} and len(trials(fresh)) == NUM_TRIALS
    assert table(output) == table(undisturbed[1])
    assert numbers(fresh) == numbers(undisturbed[0])


def test_a_wrong_flag_gets_one_clear_line_at_once() -> None:
    started_s = time.monotonic()
    done = subprocess.run([*COMMAND, "--epochs", "0"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "--epochs: max_epochs >= 1 must hold, but got max_epochs=0" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert time.monotonic() - started_s < 10, "flags are checked before torch and Ray are imported"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["brain"], r"the data set must be one of chestxray8, .* but got .brain."),
        (["retina", "--trials", "two"], r"--trials: must be a whole number of at least 1, but got two"),
        (
            ["retina", "--image-size", "100"],
            r"--image-size: image_size_px must be a multiple of 32, but got image_size_px=100",
        ),
        (["retina", "--cells", "hints/*"], r"no cell of retina matches 'hints/\*'"),
        (["retina", "--fractions", "1.5"], r"0 < data_fraction <= 1 must hold, but got data_fraction=1\.5"),
        (["retina", "--data", "/no/such/folder"], r"the data folder must exist, but there is no /no/such/folder"),
        (["retina", "--name", "a/../b"], r"--name: must be 1 to 100 letters.* but got 'a/\.\./b'"),
        (["retina", "--gpus-per-trial", "-1"], r"must be a number of at least 0, but got -1"),
        (["retina", "--search", "random"], r"invalid choice: 'random'"),
        (["retina", "--teachers", "real"], r"phantom images need phantom teachers"),
    ],
)
def test_what_is_wrong_with_the_flags_gets_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        platform.sweep.main([*flags, "--results", str(tmp_path)])
    assert ended.value.code == 2
    assert re.search(message, capsys.readouterr().err)
