"""Names are checked before anything heavy is imported, and a misspelt one gets the nearest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from platform.command_line.sweep_requests import SweepRequest
from platform.command_line.training_requests import PretrainRequest
from platform.sources.names import check_dataset, check_pretraining, check_sweep
from platform.sources.places import Places
from tests.typed import typed
from trainables import declared
from trainables.data import readers
from trainables.data.catalogue import DATASETS
from trainables.models.architectures import ARCHITECTURES
from trainables.models.foundation import FOUNDATION
from trainables.transfer import METHODS

ROOT = Path(__file__).parents[3]
HEAVY = {"torch", "ray", "mlflow", "pandas", "numpy"}
IN_THE_FOLDER = {f"trainables.transfer.{path.stem}" for path in (ROOT / "trainables" / "transfer").glob("*.py")}


def test_the_names_are_those_of_the_catalogue() -> None:
    assert set(readers.names()) == set(DATASETS)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("retin", "retina"), ("chexprt", "chexpert"), ("mimic_cxr", "mimic-cxr"), ("clinics", "clinic"), ("brain", None)],
)
def test_a_misspelt_name_gets_the_nearest_one(tmp_path: Path, name: str, nearest: str | None) -> None:
    places = Places.under(tmp_path)
    own = places.own_dataset("clinic")
    own.parent.mkdir()
    own.write_text("{}")
    for known in ("retina", "clinic"):
        check_dataset(known, places)
    with pytest.raises(ValueError, match=r"or a user's own \(clinic\), but got") as caught:
        check_dataset(name, places)
    assert ("did you mean" in str(caught.value)) == (nearest is not None)
    assert nearest is None or f"but got {name!r} (did you mean {nearest}?); " in str(caught.value)


def test_methods_and_networks_are_known_from_their_sources() -> None:
    assert set(declared.methods()) == {name for name, method in METHODS.items() if method.__module__ in IN_THE_FOLDER}
    networks = {name: facts for name, facts in ARCHITECTURES.items() if name != "tiny"}
    assert declared.architectures() == (*networks, *FOUNDATION)
    assert {name: declared.depths(name) for name in networks} == {
        name: tuple(facts.depths) for name, facts in networks.items()
    }


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--methods", "attension"], r"the method must be one of .*but got 'attension' \(did you mean attention\?\)"),
        (["--methods", "transfer"], "'transfer' is in every sweep, as the baseline"),
        (["--students", "densnet121"], r"the student must be one of .*\(did you mean densenet121\?\)"),
        (["--teacher-names", "imagnet"], r"a teacher must be one of .*\(did you mean imagenet\?\); .*teachers import"),
        (["--teacher-names", "imagenet+mimic"], r"but got 'mimic' \(did you mean mimic-cxr\?\)"),
        (["--teacher-names", "imagenet-resnet55"], r"\(did you mean imagenet-resnet50\?\)"),
        (["--init", "randon"], r"but got 'randon'"),
        (["--init", "matched-random"], "matched-NAME must name weights to match, .*but got init='matched-random'"),
        (["--vary", "init=imagenet,matched-"], "must name weights to match, .*but got init='matched-'"),
        (["--init", "matched-imagnet"], r"but got 'imagnet' \(did you mean imagenet\?\)"),
        (
            ["--unfreeze", "all", "from-blok2"],
            r"'from-blok2'; densenet121 has head, .*; densenet40 .*did you mean from-",
        ),
        (["--vary", "unfreeze=all,from-blok2"], "'from-blok2'; densenet121 has head, "),
        (["--students", "densenet40", "--unfreeze", "last34"], r"'last34'; densenet40 has head, from-bottleneck, "),
        (["--data", "empty"], "--data must name the folder that holds retina/, but there is none in .*empty"),
        (["--data", "nowhere"], "the data folder must exist, but there is no .*nowhere"),
    ],
)
def test_a_sweep_of_misspelt_names_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        check_sweep(typed(SweepRequest, "retina", *flags), Places.under(tmp_path))


def test_right_names_pass(tmp_path: Path) -> None:
    (tmp_path / "data" / "retina").mkdir(parents=True)
    (tmp_path / "results" / "teachers" / "real" / "mine").mkdir(parents=True)
    (tmp_path / "results" / "teachers" / "real" / "mine" / "teacher.json").touch()
    flags = ["retina", "--data", str(tmp_path / "data"), "--methods", *METHODS, "--students", *declared.architectures()]
    flags += [
        "--teacher-names",
        "mine",
        "imagenet+mine",
        "imagenet-resnet50",
        "chexpert",
        "--init",
        "random",
        "imagenet",
        "matched-mine",
    ]
    check_sweep(typed(SweepRequest, *flags), Places.under(tmp_path / "results"))
    check_sweep(typed(SweepRequest, "retina", "--unfreeze", "last34", "from-bottleneck"), Places.under(tmp_path))
    check_pretraining(typed(PretrainRequest, "retina", "--init", "mine"), Places.under(tmp_path / "results"))
    check_pretraining(typed(PretrainRequest, "retina", "--unfreeze", "last34"), Places.under(tmp_path / "results"))


def test_a_pre_training_of_a_misspelt_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"the teacher must be one of .*\(did you mean resnet50\?\)"):
        check_pretraining(typed(PretrainRequest, "retina", "--architecture", "resnet5"), Places.under(tmp_path))
    with pytest.raises(ValueError, match="but got 'imagenett'"):
        check_pretraining(typed(PretrainRequest, "retina", "--init", "imagenett"), Places.under(tmp_path))
    flags = ["--architecture", "densenet169", "--unfreeze", "last34"]
    with pytest.raises(ValueError, match="but got 'last34'; densenet169 has head, from-block4, "):
        check_pretraining(typed(PretrainRequest, "retina", *flags), Places.under(tmp_path))


@pytest.mark.parametrize(
    "command",
    [
        ["sweep", "retin"], ["pretrain", "retin"], ["prepare", "retin"], ["sweep", "retina", "--methods", "retina"],
        ["sweep", "retina", "--list-cells", "--students", "retina"], ["sweep", "retina", "--teacher-names", "retin"],
        ["pretrain", "retina", "--architecture", "retina"], ["sweep", "retina", "--unfreeze", "retina"],
        ["teachers", "import", "x.pth", "--name", "x", "--architecture", "retina"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_nothing_heavy_is_imported_to_refuse_a_name(tmp_path: Path, command: list[str]) -> None:
    program = f"""
import sys, platform.{command[0]}
try:
    platform.{command[0]}.main([*{command[1:]!r}, "--results", {str(tmp_path)!r}])
finally:
    print(*sorted({HEAVY!r} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "\n")
    assert "but got 'retin" in done.stderr
