"""`--save-ablation` writes what the options say, and what it wrote makes the same request."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

import platform.sweep
from platform.command_line.ablation import OF_AXIS, VARIED
from platform.command_line.ablation_file import read
from platform.command_line.ablation_keys import Key, kept_out, keys, variable
from platform.command_line.ablation_request import saved, sweep_request
from platform.command_line.parsing import parser_of
from platform.command_line.sweep_requests import SweepRequest

TEXTS = (
    "1",
    "2",
    "64",
    "0.25",
    "0.1",
    "1e-05",
    "true",
    "a+b",
    "imagenet",
    "attention/*",
    "Lung Opacity",
    "x",
    'q"\\',
    "seed,split",
    "order",
    "init",
)


def request(*words: str) -> SweepRequest:
    return sweep_request(parser_of(SweepRequest, "platform.sweep", "a sweep").parse_args(words))


def content(asked: SweepRequest) -> SweepRequest:
    """The request without what says whether it comes from a file, and without what concerns this machine."""
    names = {each.name for each in fields(asked)} - {key.name for key in keys().values()} - {"knobs", "axes", "vary"}
    defaults: dict[str, Any] = {each.name: each.default for each in fields(asked) if each.name in names}
    return replace(asked, **defaults)


def values_of(key: Key, rng: random.Random) -> list[str]:
    """Some texts that the option takes."""
    texts = [*(key.choices or TEXTS)]
    rng.shuffle(texts)
    taken = []
    for text in texts:
        try:
            if key.parse is not None:
                key.parse(text)
        except Exception:  # a text that the option refuses
            continue
        taken.append(text)
    return taken[: rng.randint(1, 3) if key.several else 1]


def random_words(rng: random.Random) -> list[str]:
    words = ["retina"]
    options = [key for key in keys().values() if key.key not in ("dataset", "one-at-a-time")]
    for key in rng.sample(options, rng.randint(0, 8)):
        if key.type is bool and not key.several:
            words.append(f"--{'no-' if key.parse and rng.random() < 0.5 else ''}{key.key}")
        elif values := values_of(key, rng):
            words += [f"--{key.key}", *values]
    axes = {key.name for key in keys().values() if key.kind == OF_AXIS}
    able = [key for name, key in variable().items() if name not in axes]
    chosen = {key.key: values_of(key, rng) for key in rng.sample(able, rng.randint(0, 4))}
    varied = [f"{name}={','.join(values)}" for name, values in chosen.items() if values]
    words += ["--vary", *varied, *["--one-at-a-time"] * (rng.random() < 0.5)] if varied else []
    return words


def test_what_is_saved_makes_the_same_request(tmp_path: Path) -> None:
    rng, seen = random.Random(1), set()
    for number in range(1000):
        path = tmp_path / f"{number}.toml"
        try:
            asked = request(*random_words(rng), "--save-ablation", str(path), "--results", "/x", "--concurrent", "2")
        except ValueError:  # options that contradict one another
            continue
        now = saved(asked)
        assert content(request("--ablation", str(path))) == content(now) == content(asked)
        assert (now.results, now.concurrent, now.save_ablation) == (Path("/x"), 2, None)
        assert now.file == read(str(path))
        seen |= {(setting.kind, setting.name) for setting in read(str(path)).settings}
    of_options = {(key.kind, key.name) for key in keys().values()}
    assert of_options | {(VARIED, name) for name in variable() if (OF_AXIS, name) not in of_options} == seen


def test_a_file_with_what_is_typed_beside_it_is_saved_as_a_whole(tmp_path: Path) -> None:
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    first.write_text('question = "Why?"\ndataset = "retina"\ntrials = 3\n[vary]\nflip = [true]\n')
    asked = saved(request("--ablation", str(first), "--trials", "5", "--save-ablation", str(second)))
    assert asked.file is not None and asked.file.question == "Why?" and asked.file.path == second
    assert content(request("--ablation", str(second))) == content(request("--ablation", str(first), "--trials", "5"))
    assert "python -m platform.sweep --ablation second.toml" in second.read_text()


def test_a_file_that_says_something_else_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('# My own words.\ndataset = "retina"\ntrials = 3\n')
    with pytest.raises(FileExistsError, match=f"overwrites no file, but {path} says something else: give another name"):
        saved(request("retina", "--trials", "4", "--save-ablation", str(path)))
    assert saved(request("retina", "--trials", "3", "--save-ablation", str(path))).ablation == str(path)
    assert path.read_text().startswith("# My own words.")


def test_only_a_toml_file_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        request("retina", "--save-ablation", "mine.txt")
    assert "--save-ablation: must end in .toml, but got mine.txt" in capsys.readouterr().err


def test_what_concerns_one_machine_is_not_saved(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    folders = ("--data", "--results", "--local", "--cache", "--imagenet-weights")
    machine = [word for flag in folders for word in (flag, "/secret")]
    machine += ["--name", "secret", "--notify-url", "http://secret", "--gpus-per-trial", "0.5", "--verbose"]
    saved(request("retina", "--dry-run", *machine, "--save-ablation", str(path)))
    assert path.read_text().partition("\n\n")[2] == 'dataset = "retina"\n'
    assert "secret" not in path.read_text()
    flags = {word.removeprefix("--") for word in ["--dry-run", *machine] if word.startswith("--")}
    assert flags <= kept_out()


@pytest.fixture
def conducted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[SweepRequest]]:
    """The requests that the command passes on, in place of running them."""
    requests: list[SweepRequest] = []

    def conduct(asked: SweepRequest) -> int:
        requests.append(asked)
        return 0

    monkeypatch.setattr("platform.sweeping.conduct_sweep.conduct", conduct)
    yield requests


def test_the_command_writes_the_file_and_goes_on_as_its_sweep(
    conducted: list[SweepRequest], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.toml"
    flags = ["--results", str(tmp_path), "--dry-run"]
    assert platform.sweep.main(["retina", "--trials", "3", "--save-ablation", str(path), *flags]) == 0
    assert platform.sweep.main(["--ablation", str(path), *flags]) == 0
    assert conducted[0] == conducted[1] and conducted[0].file is not None and conducted[0].trials == 3
    assert f"ablation written to {path}" in capsys.readouterr().out


def test_nothing_is_written_where_a_name_is_misspelt(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    with pytest.raises(SystemExit):
        platform.sweep.main(["retnia", "--save-ablation", str(path), "--results", str(tmp_path)])
    assert not path.exists()


def test_every_setting_of_a_kind_is_a_list() -> None:
    assert all(key.several for key in [*keys().values(), *variable().values()] if key.kind in (OF_AXIS, VARIED))
