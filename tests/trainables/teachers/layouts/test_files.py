"""The makers' files, written as they write them, are read without running anything."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.trainables.teachers.layouts import originals
from trainables.teachers import pickles
from trainables.teachers.layouts import photographs, radiographs


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_retfounds_options_are_read_as_a_record(tmp_path: Path, zipped: bool) -> None:
    content = originals.retfound(originals.vit(32))
    torch.save(content, tmp_path / "RETFound.pth", _use_new_zipfile_serialization=zipped)
    read = pickles.read(tmp_path / "RETFound.pth")
    assert not isinstance(read["args"], argparse.Namespace)
    assert read["args"].attributes["model"] == "mae_vit_large_patch16"
    taken = photographs.RETFOUND.tensors(read)
    assert taken.keys() == content["model"].keys()
    assert all(torch.equal(tensor, content["model"][name]) for name, tensor in taken.items())


def test_arks_losses_are_numbers_of_numpy(tmp_path: Path) -> None:
    content: dict[str, Any] = {**originals.ark(originals.swin()), "lossMIN": np.float64(0.25)}
    torch.save(content, tmp_path / "ark.pth.tar")
    taken = radiographs.ARK.tensors(pickles.read(tmp_path / "ark.pth.tar"))
    assert {f"module.{name}" for name in taken} == content["teacher"].keys()


def test_rad_dino_comes_as_safetensors(tmp_path: Path) -> None:
    state = originals.transformers_state(originals.vit(32, init_values=1e-5))
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, tmp_path / "model.safetensors")
    taken = radiographs.RAD_DINO.tensors(pickles.read(tmp_path / "model.safetensors"))
    assert taken.keys() == state.keys()
