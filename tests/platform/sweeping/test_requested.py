"""`--list-cells` prints the cells that the same command would train, whatever makes them."""

from __future__ import annotations

from pathlib import Path

import pytest

import platform.sweep


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("--vary rotation_deg=0,15", ["@rotation_deg=0", ""]),
        ("--rotation 0 --vary rotation_deg=0,15", ["", "@rotation_deg=15"]),
        ("--vary rotation_deg=0 flip=false --one-at-a-time", ["", "@rotation_deg=0", "@flip=false"]),
        ("--fractions 0.5 1 --init random", ["@0.5,from-random", "@from-random"]),
    ],
)
def test_the_cells_are_those_of_the_same_command(
    words: str, names: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    column = "transfer/none/densenet40/all"
    command = ["retina", *words.split(), "--cells", f"{column}*", "--list-cells", "--results", str(tmp_path / "new")]
    assert platform.sweep.main(command) == 0
    assert capsys.readouterr().out.splitlines() == [f"{column}{name}" for name in names]
    assert not (tmp_path / "new").exists()


def test_a_depth_that_a_method_cannot_reach_is_not_among_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert platform.sweep.main(["--ablation", "unfreeze_depth", "--list-cells"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert "transfer/none/densenet121/head" in printed and "attention/imagenet/densenet121/last34" in printed
    assert not [name for name in printed if name.startswith("attention/") and name.endswith("/head")]
