"""The few photographs that several tests train on, where a file has no others of its own; and exact sums on a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from platform.phantoms.writers import write_retina
from tests import short_densenet
from tests.trainables.small_training import prepared
from trainables.data.store import Store


@pytest.fixture(autouse=True)
def same_bits_again(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where trials find a card: float32 without TF32, which convolutions have by default, and sums in a fixed order.

    Nothing on a CPU, which has neither.
    """
    import torch

    if not torch.cuda.is_available():
        yield
        return
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # else cuBLAS may add in another order
    torch.use_deterministic_algorithms(True, warn_only=True)
    with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        yield
    torch.use_deterministic_algorithms(False)


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("loop") / "retina"
    return write_retina(folder, num_patients=14, image_size_px=64, seed=1, progress=False)


@pytest.fixture(scope="session")
def store(root: Path) -> Store:
    """16 training, 6 validation and 6 test photographs of 32 px."""
    return prepared(root, 32)


@pytest.fixture(scope="module")
def short() -> Iterator[str]:
    """The name of a DenseNet with few layers, which only this process knows, within the file that asks for it."""
    with short_densenet.registered() as name:
        yield name
