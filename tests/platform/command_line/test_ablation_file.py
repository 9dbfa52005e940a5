"""An ablation's file is read as what is typed, and a mistake in it is named with file, line, rule and value."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from platform.command_line.ablation import reference
from platform.command_line.ablation_file import read
from platform.command_line.ablation_request import overrides, sweep_request
from platform.command_line.parsing import parser_of, retyped, words_of
from platform.command_line.sweep_requests import SweepRequest
from platform.command_line.values import Variation, plain_name
from platform.sources.names import check_sweep
from platform.sources.places import Places

ROOT = Path(__file__).parents[3]
FILE = """# What a comment says, such as trials = 9, is not read.
question = "Does it turn?"
dataset = "retina"
methods = ["attention", "hints"]
trials = 12  # for each cell
validation-share = 0.2
fractions = [
    0.25,
    1,
]
controls = true
batch-size = 8
flip = false
[vary]
rotation_deg = [0, 15]
interpolation = ["bilinear"]
"""
TYPED = (
    "retina --methods attention hints --trials 12 --validation-share 0.2 --fractions 0.25 1 --controls --batch-size 8 "
    "--no-flip --vary rotation_deg=0,15 interpolation=bilinear"
)
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes an ablation's file, and returns its path."""

    def write(text: str) -> Path:
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def request(*words: str) -> SweepRequest:
    """The request that these words make."""
    return sweep_request(parser_of(SweepRequest, "platform.sweep", "a sweep").parse_args(words))


def alone(asked: SweepRequest) -> SweepRequest:
    """The request without what says that it comes from a file."""
    return replace(asked, ablation=None, file=None)


def test_a_file_makes_the_request_of_the_same_words(write: Write) -> None:
    from_file, typed = request("--ablation", str(write(FILE))), request(*shlex.split(TYPED))
    assert alone(from_file) == typed
    assert typed.file is None and from_file.file is not None and from_file.file.question == "Does it turn?"


def test_what_is_typed_overrides_the_file_and_is_recorded(write: Write) -> None:
    words = "chexpert --trials 3 --flip --fractions 1 --vary rotation_deg=90 flip=true --results /x --name n"
    asked = request("--ablation", str(write(FILE)), *words.split())
    assert (asked.dataset, asked.trials, asked.knobs, asked.axes) == (
        "chexpert", 3, {"batch_size": 8, "flip": True}, {"data_fraction": (1.0,)},
    )  # fmt: skip
    assert asked.vary == (
        Variation("rotation_deg", (90.0,)), Variation("interpolation", ("bilinear",)), Variation("flip", (True,))
    )  # fmt: skip
    assert overrides(asked) == "chexpert --vary rotation_deg=90 flip=true --trials 3 --flip --fractions 1.0"
    assert overrides(request("--ablation", str(write(FILE)), "--trials", "12", "--concurrent", "2")) == ""


@pytest.mark.parametrize("sources", ['["split", "seed"]', '["seed,split"]'])
def test_what_the_file_says_in_other_words_is_no_override(sources: str, write: Write) -> None:
    asked = request("--ablation", str(write(f'dataset = "retina"\nvary-in-repeats = {sources}\n')))
    assert asked.vary_in_repeats == ("seed", "split")
    assert overrides(asked) == ""


@pytest.mark.parametrize(
    ("name", "stem"), [("it's (mine)", "it-s-mine"), ("-x", "x"), ("depth_2.1", "depth_2.1"), ("配", "ablation")]
)
def test_the_names_of_its_sweeps_begin_with_the_files_in_signs_that_names_may_have(
    name: str, stem: str, tmp_path: Path
) -> None:
    (tmp_path / f"{name}.toml").write_text("trials = 3")
    assert read(str(tmp_path / f"{name}.toml")).stem == plain_name(stem) == stem


def test_a_default_that_is_typed_overrides_too(write: Write) -> None:
    file = str(write('dataset = "retina"\nsearch = "grid"\n'))
    assert request("--ablation", file, "--search", "optuna").search == "optuna"
    assert overrides(request("--ablation", file, "--search", "optuna")) == "--search optuna"


@pytest.mark.parametrize(
    "words", ["", "--trials 3 --flip", "chexpert --fractions 0.5 --vary rotation_deg=1 flip=true --search grid"]
)
def test_the_command_that_resumes_makes_the_same_request(words: str, write: Write) -> None:
    asked = request(*shlex.split(words), "--ablation", str(write(FILE)))
    again = request(*words_of(asked))
    assert again == asked
    assert "--methods" not in retyped(asked) and f"--ablation {write(FILE)}" in retyped(asked)


def test_a_relative_path_is_found_from_every_folder(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(FILE)
    monkeypatch.chdir(tmp_path)
    assert request("--ablation", "mine.toml").ablation == str(tmp_path / "mine.toml")
    assert reference("methods") == "methods"  # one that comes with the platform


def test_a_file_that_is_absent_is_named_beside_those_that_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        request("--ablation", "nothing.toml")
    error = capsys.readouterr().err
    assert (
        "--ablation: must be a file or one of imagenet_knowledge, methods, " in error and "file nothing.toml" in error
    )


def test_a_data_set_must_be_named_here_or_there(write: Write) -> None:
    with pytest.raises(ValueError, match="needs a data set: give DATASET, or an ablation's file with a line dataset"):
        request("--ablation", str(write("trials = 3")))
    with pytest.raises(ValueError, match="needs a data set"):
        request()
    assert request("retina", "--ablation", str(write("trials = 3"))).dataset == "retina"


MISTAKES = [
    ("trails = 3", 1, r"a key must be an option's flag without its dashes, but got 'trails' \(did you mean trials\?\)"),
    ("\n\nteacher_names = ['a']", 3, r"but got 'teacher_names' \(did you mean teacher-names\?\)"),
    ("zzz = 3", 1, "but got 'zzz'; they are .*methods.*, question, vary"),
    ("rotation_deg = [0]", 1, r"rotation_deg is the name of a knob, which is varied in the table \[vary\]"),
    ("trials = 0", 1, "trials must be a whole number of at least 1, but got 0"),
    ("trials = '3'", 1, "trials must be a whole number, but got '3'"),
    ("trials = 3.0", 1, "trials must be a whole number, but got 3.0"),
    ("trials = true", 1, "trials must be a whole number, but got true"),
    ("# trials = 1\nbatch-size = 0", 2, "batch-size: batch_size >= 1 must hold, but got batch_size=0"),
    ("methods = 'hints'", 1, "methods must be a list of one value or more, each a word, but got 'hints'"),
    ("methods = []", 1, r"methods must be a list of one value or more, each a word, but got \[\]"),
    ("fractions = [\n1,\n2]", 1, "fractions: 0 < data_fraction <= 1 must hold, but got data_fraction=2.0"),
    ("search = 'gird'", 1, r"search must be one of optuna, grid, joint, but got 'gird' \(did you mean grid\?\)"),
    ("controls = 1", 1, "controls must be true or false, but got 1"),
    ("validation-share = 2", 1, "validation-share: .*0.5"),
    ("question = ['why']", 1, r"question must be a text, but got \['why'\]"),
    ("vary = 3", 1, "vary must be a table of knobs, but got 3"),
    ("[vary]\n'rotation' = [1]", 2, r"must be a knob's name, but got 'rotation' \(did you mean rotation_deg\?\)"),
    ("[vary]\n\nrotation_deg = [0, 200]", 3, "rotation_deg: 0 <= rotation_deg <= 180 must hold, but got"),
    ("[vary]\nrotation_deg = 3", 2, "rotation_deg must be a list of one value or more, each a number, but got 3"),
    ("trials = 1\nvary = {flip = [true], seed = [1]}", 2, "must be a knob's name, but got 'seed'"),
    ("[vary]\nstudent = ['densenet40']", 2, "must be a knob's name, but got 'student'"),
    ("results = '/data'", 1, "results concerns one machine or one moment, .*: type --results"),
    ("data = '/data'", 1, "data concerns one machine"),
    ("notify-url = 'http://a.b'", 1, "notify-url concerns one machine"),
    ("dry-run = true", 1, "dry-run concerns one machine or one moment"),
    ("trials = 1\ndataset.name = 'retina'", 2, "dataset must be a word, but got {'name': 'retina'}"),
    ("question.why = 'so'", 1, "question must be a text, but got {'why': 'so'}"),
    ("\n[methods.x]\na = 1", 2, "methods must be a list of one value or more"),
    ("[vary.flip.x]\na = 1", 1, "flip must be a list of one value or more"),
    ("trials = ", 1, "must be valid TOML, but got: Invalid value"),
    ("trials = 3\ntrials = 4", 2, "must be valid TOML, but got: Cannot overwrite a value"),
    ("trials = [1,\n2", 2, "must be valid TOML, but got: Unclosed array"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "message"), MISTAKES, ids=[text for text, _, _ in MISTAKES])
def test_a_mistake_is_named(text: str, line: int, message: str, write: Write) -> None:
    path = write(text)
    with pytest.raises(ValueError, match=f"^{path}, line {line}: .*{message}"):
        read(str(path))


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes("question = 'Größe'".encode("latin-1"))
    with pytest.raises(ValueError, match="must be UTF-8, but its byte 14 is not"):
        read(str(tmp_path / "latin.toml"))


COMBINATIONS = [
    ('dataset = "retina"\none-at-a-time = true', 2, "--one-at-a-time must have something to change"),
    ('dataset = "retina"\nfractions = [1]\n[vary]\ndata_fraction = [1]', 4, "but data_fraction is twice"),
    ('dataset = "retnia"', 1, r"the data set must be one of .* \(did you mean retina\?\)"),
    ('dataset = "retina"\n\nmethods = ["attention", "hitns"]', 3, r"but got 'hitns' \(did you mean hints\?\)"),
    ('dataset = "retina"\nstudents = ["densenet12"]', 2, "the student must be one of .*densenet121"),
    ('dataset = "retina"\nteacher-names = ["imagenett"]', 2, "a teacher must be one of"),
    ('dataset = "retina"\ninit = ["imagenett"]', 2, "a teacher must be one of"),
]


@pytest.mark.parametrize(("text", "line", "message"), COMBINATIONS, ids=[text for text, _, _ in COMBINATIONS])
def test_what_does_not_go_together_or_is_not_known_is_named_with_its_line(
    text: str, line: int, message: str, write: Write, tmp_path: Path
) -> None:
    path = write(text)
    with pytest.raises(ValueError, match=f"^{path}, line {line}: .*{message}"):
        check_sweep(request("--ablation", str(path)), Places.under(tmp_path / "results"))


def test_what_is_typed_is_not_blamed_on_the_file(write: Write, tmp_path: Path) -> None:
    asked = request("--ablation", str(write(FILE)), "--students", "densenet12")
    with pytest.raises(ValueError, match=r"^the student must be one of"):
        check_sweep(asked, Places.under(tmp_path / "results"))


def test_a_mistake_is_refused_before_torch_is_imported(write: Write) -> None:
    program = (
        "import sys, platform.sweep\n"
        "try: platform.sweep.main(sys.argv[1:])\n"
        "except SystemExit as end: print(end.code, {'torch', 'ray', 'mlflow', 'optuna'} & set(sys.modules))"
    )
    path = write('dataset = "retina"\ntrials = 0\n')
    command = [sys.executable, "-c", program, "--ablation", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "2 set()"
    assert done.stderr.strip() == (
        f"python -m platform.sweep: error: {path}, line 2: trials must be a whole number of at least 1, but got 0"
    )
