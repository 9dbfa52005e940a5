"""Results on a disk that cannot be written, as a reviewer may have them, in another place than where they were made."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.small_sweep import environment
from trainables.pasting import ROOT

READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && ! touch "$1/written" 2>/dev/null'
NAMESPACE = ["unshare", "--mount", *(["--user", "--map-root-user"] if os.geteuid() else [])]


def read_only(results: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Runs the command where nobody can write to the results folder, root neither."""
    script = [*NAMESPACE, "sh", "-c", f'{READ_ONLY} || exit 99; shift; exec "$@"', "sh", str(results), *command]
    return subprocess.run(script, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=200)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_copy_on_a_disk_that_cannot_be_written_is_reported(undisturbed: tuple[Path, str], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(undisturbed[0], tmp_path / "copy"))
    if read_only(copy, "true").returncode:
        pytest.skip("this machine lets nobody mount a folder read-only")
    python = (sys.executable, "-m")
    report = read_only(copy, *python, "analysis.report", "retina", "--results", str(copy), "--out", str(tmp_path))
    assert report.returncode == 0 and (tmp_path / "retina" / "index.html").is_file(), report.stderr
    status = read_only(copy, *python, "platform.status", "--results", str(copy))
    assert status.returncode == 0 and ": finished" in status.stdout, status.stderr
    assert not (copy / "mlflow.db-journal").exists() and not (copy / "mlflow.db-wal").exists()
