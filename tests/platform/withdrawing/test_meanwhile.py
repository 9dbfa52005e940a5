"""What begins while patients are being taken out, what is at work already, and what goes with the command."""

from __future__ import annotations

from typing import Any

import pytest

import platform.evaluate
import platform.prepare
import platform.pretrain
import platform.sweep
from platform.sources.results_lock import in_use, in_use_by_nobody_else
from tests.platform.withdrawing.conftest import HOW, Clinic, contents
from tests.platform.withdrawing.left_behind import NAME, OTHER

COMMANDS: dict[str, tuple[Any, list[str]]] = {
    "prepare": (platform.prepare.main, [NAME, *HOW]),
    "sweep": (platform.sweep.main, [NAME, *HOW, "--name", "second"]),
    "pretrain": (platform.pretrain.main, [NAME, *HOW]),
    "evaluate external": (platform.evaluate.main, ["external", "--dataset", NAME, "--target", OTHER]),
    "evaluate weight-average": (platform.evaluate.main, ["weight-average", "--dataset", NAME]),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_begins_while_patients_are_taken_out(clinic: Clinic, command: str, capsys: Any) -> None:
    main, words = COMMANDS[command]
    before = contents(clinic.results)
    with in_use_by_nobody_else(clinic.results, "this can be done"), pytest.raises(SystemExit) as ended:
        main([*words, "--results", str(clinic.results)])
    assert ended.value.code == 2 and "are just being taken out of" in capsys.readouterr().err
    assert contents(clinic.results) == before


def test_nobody_is_taken_out_while_another_command_is_at_work(clinic: Clinic, capsys: Any) -> None:
    before = contents(clinic.results)
    for options in ([], ["--dry-run"]):
        with in_use(clinic.results), in_use(clinic.results), pytest.raises(SystemExit):
            clinic.withdraw(*options)
        assert "only while no other command prepares images, trains or evaluates" in capsys.readouterr().err
    assert contents(clinic.results) == before
    assert clinic.withdraw() == 0


def test_a_dry_run_makes_no_lock(clinic: Clinic) -> None:
    lock = clinic.results / "withdrawn.lock"
    lock.unlink(missing_ok=True)
    assert clinic.withdraw("--dry-run") == 0
    assert not lock.exists()


@pytest.mark.parametrize(
    ("words", "flags"),
    [
        (["--data", "."], "--data"),
        (["--image-size", "256"], "--image-size"),  # the default, but typed
        (["--hold-out", "Edema", "--split", "drawn"], "--split, --hold-out"),
        (["--skip-unreadable"], "--skip-unreadable"),
    ],
)
def test_options_without_effect_are_refused(clinic: Clinic, words: list[str], flags: str, capsys: Any) -> None:
    before = contents(clinic.results)
    with pytest.raises(SystemExit) as ended:
        clinic.withdraw(*words)
    assert ended.value.code == 2 and f"but got {flags}: leave" in capsys.readouterr().err
    assert contents(clinic.results) == before
