"""Batches from a device that holds the whole set are those of the store; a GPU's own part runs where there is one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from platform.phantoms.writers import write_retina
from trainables.data import resident
from trainables.data.readers import retina
from trainables.data.store import Store
from trainables.data.store_making import prepare

CPU = torch.device("cpu")
ROWS = np.array([7, 0, 3, 3, 27])


def drawn_store(folder: Path, seed: int) -> Store:
    root = write_retina(folder / str(seed) / "retina", num_patients=14, image_size_px=32, seed=seed, progress=False)
    out = folder / f"{seed}.arrow"
    return prepare(retina.read(root), out, image_size_px=32, salt=b"salt", num_threads=1, progress=False)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return drawn_store(tmp_path_factory.mktemp("resident"), 1)


@pytest.fixture
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device with room for every set."""
    monkeypatch.setattr(resident, "fits", lambda store, device: True)
    monkeypatch.setattr(resident, "COPIED_AT_ONCE", 5)
    monkeypatch.setattr(resident, "held", {})


@pytest.mark.usefixtures("roomy")
def test_a_set_on_the_device_gives_the_stores_images(store: Store) -> None:
    images = resident.Images(store, CPU).of(ROWS)
    assert images.dtype == torch.uint8 and np.array_equal(images.numpy(), store.gather(ROWS))


@pytest.mark.usefixtures("roomy")
def test_trials_of_one_process_share_the_set_and_another_takes_its_place(store: Store, tmp_path: Path) -> None:
    first, second = resident.Images(store, CPU), resident.Images(Store.open(store.path), CPU)
    assert first.whole_NHWC is second.whole_NHWC
    other = drawn_store(tmp_path, 2)
    images = resident.Images(other, CPU)
    assert np.array_equal(images.of(ROWS).numpy(), other.gather(ROWS)) and len(resident.held) == 1


def test_a_set_that_is_too_large_stays_on_the_disk(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    num_bytes = store.num_images * 32 * 32 * 3
    device = torch.device("cuda")
    for free, total, fits in ((num_bytes * 2, num_bytes * 8, True), (num_bytes * 2 - 1, num_bytes * 8, False)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, both=(free, total): both)
        assert resident.fits(store, device) == fits
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (num_bytes * 8 - 1, num_bytes * 8 - 1))
    assert not resident.fits(store, device)


def test_a_cpu_reads_the_store(store: Store) -> None:
    images = resident.Images(store, CPU)
    assert images.whole_NHWC is None and np.array_equal(images.of(ROWS).numpy(), store.gather(ROWS))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("share", [0.125, 0.0])
def test_on_a_gpu(store: Store, monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    monkeypatch.setattr(resident, "LARGEST_SHARE", share)
    images = resident.Images(store, torch.device("cuda"))
    assert (images.whole_NHWC is not None) == bool(share)
    assert np.array_equal(images.of(ROWS).cpu().numpy(), store.gather(ROWS))
