"""The few photographs that several tests train on; a file may have others of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from platform.phantoms.writers import write_retina
from tests import short_densenet
from tests.trainables.small_training import prepared
from trainables.data.store import Store


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
