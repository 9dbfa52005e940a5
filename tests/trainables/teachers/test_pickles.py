"""Nothing of a stranger's file is run, whatever it is made to look like; what is refused is named."""

from __future__ import annotations

import os
import pickle
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from trainables.teachers import pickles

FORMATS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])


class Evil:
    """Runs a program as it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


class Local(nn.Module):
    """A class of somebody's own."""


def small() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(2, 2), nn.Sigmoid())


def write(path: Path, content: Any, zipped: bool) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return path


@FORMATS
@pytest.mark.parametrize("place", ["alone", "in a state dict", "in a layer", "behind the model"])
def test_a_malicious_pickle_is_refused_by_name_and_not_run(tmp_path: Path, zipped: bool, place: str) -> None:
    witness = tmp_path / "it_ran"
    evil = Evil(witness)
    layer = nn.Linear(2, 2)
    layer.note = evil  # type: ignore[assignment]
    contents = {
        "alone": evil,
        "in a state dict": {"state_dict": {"weight": torch.zeros(2), "bias": evil}},
        "in a layer": {"model": nn.DataParallel(layer)},
        "behind the model": {"model": small(), "args": evil},
    }
    path = write(tmp_path / "theirs.pth", contents[place], zipped)
    with pytest.raises(ValueError, match=r"theirs\.pth may hold only .* but holds (posix|nt)\.system: refused"):
        pickles.read(path)
    assert not witness.exists()
    torch.load(path, weights_only=False)  # the file is as malicious as it should be
    assert witness.exists()


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_bare_malicious_pickle_is_not_run(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "theirs.pkl"
    path.write_bytes(pickle.dumps(Evil(tmp_path / "witness"), protocol))
    with pytest.raises(ValueError, match=r"theirs\.pkl"):
        pickles.read(path)
    assert not (tmp_path / "witness").exists()


@FORMATS
@pytest.mark.parametrize(
    ("content", "name"),
    [
        ({"model": Local()}, r"[\w.]*Local"),
        ({"fn": eval}, "eval"),
        ({"fn": getattr}, "getattr"),
        ({"model": nn.Conv3d(1, 1, 1)}, r"torch\.nn\.modules\.conv\.Conv3d"),
        ({"path": Path("weights")}, r"pathlib\.\w+"),
    ],
    ids=["own class", "eval", "getattr", "other layer", "path"],
)
def test_what_is_not_on_the_list_is_named(tmp_path: Path, zipped: bool, content: Any, name: str) -> None:
    path = write(tmp_path / "theirs.pth", content, zipped)
    with pytest.raises(ValueError, match=rf"but holds {name}: refused, and nothing of it was run"):
        pickles.read(path)


@FORMATS
def test_a_listed_class_is_read_as_a_record_without_its_code(tmp_path: Path, zipped: bool) -> None:
    model = nn.DataParallel(small())
    content = pickles.read(write(tmp_path / "m.pth", {"model": model, "epoch": 3, "lr": 0.5}, zipped))
    assert (content["epoch"], content["lr"]) == (3, 0.5)
    record = content["model"]
    assert type(record) is pickles.Record
    assert not callable(record)
    tensors = pickles.tensors_of(record)
    expected = model.state_dict()
    assert tensors.keys() == expected.keys()
    assert all(torch.equal(tensors[name], tensor) for name, tensor in expected.items())
    assert "module.1.running_var" in tensors


@FORMATS
def test_tensors_that_share_their_memory_and_views_come_back(tmp_path: Path, zipped: bool) -> None:
    whole = torch.arange(12.0).reshape(3, 4)
    content = {"whole": whole, "column": whole[:, 1], "half": whole.half(), "count": torch.tensor(3)}
    read_back = pickles.read(write(tmp_path / "t.pth", content, zipped))
    assert read_back.keys() == content.keys()
    for name, tensor in content.items():
        assert read_back[name].dtype == tensor.dtype and torch.equal(read_back[name], tensor)


def test_safetensors_give_a_dict(tmp_path: Path) -> None:
    save_file({"a": torch.ones(2)}, tmp_path / "w.safetensors")
    assert pickles.read(tmp_path / "w.safetensors")["a"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("content", [None, {"a": torch.zeros(1)}, torch.zeros(1), "text", [1]])
def test_what_is_no_module_has_no_tensors(content: Any) -> None:
    assert pickles.tensors_of(content) == {}


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no checkpoint at .*typo\.pth"):
        pickles.read(tmp_path / "typo.pth")
    with pytest.raises(FileNotFoundError, match=f"no checkpoint at {tmp_path}"):
        pickles.read(tmp_path)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.pth", b""),
        ("page.pth", b"<!DOCTYPE html><html>Sign in to download</html>"),
        ("text.pth", b"hello world, this is a readme\n"),
        ("picture.pth", b"\x89PNG\r\n\x1a\n" + bytes(40)),
        ("pickle.pth", pickle.dumps({"a": 1})),
        ("junk.safetensors", b"junk"),
    ],
    ids=["empty", "page", "text", "picture", "pickle", "safetensors"],
)
def test_what_is_no_checkpoint_is_named_and_no_dangerous_advice_given(
    tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name} must be a checkpoint of PyTorch or safetensors") as caught:
        pickles.read(tmp_path / name)
    assert "weights_only" not in str(caught.value)
    assert "\n" not in str(caught.value)


@FORMATS
@pytest.mark.parametrize("share", [0.0005, 0.02, 0.3, 0.7, 0.99])
def test_a_truncated_file_is_damaged(tmp_path: Path, zipped: bool, share: float) -> None:
    content = {"model": small(), "more": torch.arange(5000)}
    path = write(tmp_path / "cut.pth", content, zipped)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ValueError, match=r"cut\.pth must be a checkpoint .*cannot be read"):
        pickles.read(path)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@FORMATS
def test_flipped_bytes_are_read_or_refused_and_nothing_else(tmp_path: Path, zipped: bool) -> None:
    path = write(tmp_path / "flipped.pth", {"model": small()}, zipped)
    data, rng, refused = path.read_bytes(), random.Random(0), 0
    for _ in range(150):
        damaged = bytearray(data)
        for _ in range(3):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        path.write_bytes(damaged)
        try:
            pickles.read(path)
        except ValueError as error:
            assert "flipped.pth" in str(error)
            refused += 1
    assert refused > 75
