"""Files of ours and of others with any bytes in them: read or refused, never run, never taken for whole."""

from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from platform.phantoms.writers import write_retina
from platform.tracking.journal import Journal
from trainables import checkpoint
from trainables.data.readers import retina
from trainables.data.store import Store
from trainables.data.store_making import prepare
from trainables.models.architectures import build
from trainables.teachers import pickles
from trainables.teachers.importing import import_network

fuzzed = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
# Where to spoil a file, as a share of its length, and with what.
SPOILS = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=8)


def spoilt(content: bytes, spoils: list[tuple[float, int]]) -> bytes:
    spoilt_content = bytearray(content)
    for share, difference in spoils:
        spoilt_content[int(share * len(spoilt_content))] ^= difference
    return bytes(spoilt_content)


def saved(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def climbing_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("../../climbed/data.pkl", b"\x80\x02}.")
        archive.writestr("../../climbed/version", b"3")
    return buffer.getvalue()


CHECKPOINTS: dict[str, tuple[str, bytes, str]] = {
    "nothing": ("w.pt", b"", "must be a checkpoint of PyTorch or safetensors.*EOFError"),
    "a text": ("w.pt", b"these are no weights", "w.pt"),
    "HTML of a failed download": ("w.pth", b"<!DOCTYPE html><html>404</html>", "w.pth"),
    "a zip that climbs": ("w.pt", climbing_zip(), "w.pt"),
    "a list": ("w.pt", saved([1, 2]), "must hold a network's weights, but holds a list"),
    "a number": ("w.pt", saved(3), "must hold a network's weights, but holds a int"),
    "an empty dict": ("w.pt", saved({}), "must hold a network's weights, but holds a dict of nothing"),
    "no tensors": ("w.pt", saved({"epoch": 3}), "a dict of 'epoch'"),
    "a dict in a dict of nothing": ("w.pt", saved({"state_dict": {}}), "must hold a network's weights"),
    "another network": ("w.pt", saved({"classifier.weight": torch.ones(2, 2)}), "must match densenet121"),
    "no classifier": ("w.pt", saved({"conv.weight": torch.ones(2, 2)}), "must have a classifier"),
    "a flat classifier": ("w.pt", saved({"classifier.weight": torch.ones(4)}), "must have a classifier"),
    "half of a safetensors file": ("w.safetensors", b"\x40\0\0\0\0\0\0\0{", "w.safetensors"),
    "safetensors with an endless head": ("w.safetensors", b"\xff" * 64, "w.safetensors"),
}


@pytest.mark.parametrize("name", list(CHECKPOINTS))
def test_what_is_no_densenet_is_refused_by_name(name: str, tmp_path: Path) -> None:
    file, content, reason = CHECKPOINTS[name]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / file).write_bytes(content)
    with pytest.raises(ValueError, match=reason):
        import_network(tmp_path / "in" / file)
    assert [path.name for path in tmp_path.rglob("*")] == ["in", file]


def test_two_tensors_for_one_place_are_refused(tmp_path: Path) -> None:
    state = build("densenet40", 2).state_dict()
    (tmp_path / "w.pt").write_bytes(saved({**state, "module.norm.weight": state["norm.weight"]}))
    with pytest.raises(ValueError, match=r"two tensors of the checkpoint would both be 'norm.weight'"):
        import_network(tmp_path / "w.pt", architecture="densenet40")


@fuzzed
@given(content=st.one_of(st.binary(max_size=300), st.binary(max_size=100).map(lambda tail: b"\x80\x02" + tail)))
def test_any_bytes_are_no_checkpoint(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "w.pt").write_bytes(content)
    with pytest.raises(ValueError, match=r"w\.pt"):
        import_network(tmp_path / "w.pt")


WEIGHTS = saved({"weight": torch.arange(64.0), "best": 1.0})


@fuzzed
@given(spoils=SPOILS)
def test_a_spoilt_checkpoint_is_read_or_refused(spoils: list[tuple[float, int]], tmp_path: Path) -> None:
    (tmp_path / "w.pt").write_bytes(spoilt(WEIGHTS, spoils))
    try:
        pickles.read(tmp_path / "w.pt")
    except ValueError as error:
        assert "w.pt" in str(error)


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A trial's folder after two epochs."""
    folder = tmp_path_factory.mktemp("trial")
    for epoch in (1, 2):
        checkpoint.save_best(folder, epoch, {"weight": torch.full((8,), float(epoch))})
        checkpoint.save_state(folder, epoch, epoch, {"epoch": epoch, "momentum": torch.ones(8)})
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@fuzzed
@given(spoils=SPOILS, which=st.integers(1, 2))
def test_our_own_spoilt_state_is_passed_over(
    spoils: list[tuple[float, int]], which: int, trial: dict[str, bytes], tmp_path: Path
) -> None:
    name = f"epoch-{which:05d}-best-{which:05d}.ckpt"
    for other, content in trial.items():
        (tmp_path / other).write_bytes(spoilt(content, spoils) if other == name else content)
    if (tmp_path / name).read_bytes() == trial[name]:  # two spoils undid each other
        return
    state, best = checkpoint.load_state(tmp_path) or ({}, {})
    assert state["epoch"] == 3 - which
    assert best["weight"].tolist() == [3.0 - which] * 8


@fuzzed
@given(spoils=SPOILS)
def test_a_spoilt_journal_loses_no_more_than_its_spoilt_lines(spoils: list[tuple[float, int]], tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.path.write_bytes(b"")
    for number in range(20):
        journal.append({"number": number})
    journal.path.write_bytes(spoilt(journal.path.read_bytes(), spoils))
    numbers = [entry["number"] for entry in journal.pending()]
    assert numbers == sorted(numbers) and len(numbers) >= 20 - 2 * len(spoils)  # a line end that is gone costs two


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photographs of four patients; a test that spoils some has its own copy, `photographs`."""
    folder = tmp_path_factory.mktemp("drawn")
    return write_retina(folder / "retina", num_patients=4, image_size_px=32, seed=1, progress=False)


@pytest.fixture
def photographs(drawn: Path, tmp_path: Path) -> Path:
    return shutil.copytree(drawn, tmp_path / "retina")


@pytest.fixture(scope="module")
def store(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    out = tmp_path_factory.mktemp("store") / "s.arrow"
    prepared = prepare(retina.read(drawn), out, image_size_px=32, salt=b"s", num_threads=1, progress=False)
    return prepared.path.read_bytes()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9, 0.999])
def test_a_store_cut_short_is_refused(share: float, store: bytes, tmp_path: Path) -> None:
    (tmp_path / "s.arrow").write_bytes(store[: int(share * len(store))])
    with pytest.raises(ValueError, match=r"s\.arrow"):
        Store.open(tmp_path / "s.arrow")


IMAGES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "empty"),
    "a text": (b"no picture", "not an image that is read here"),
    "half a JPEG": (b"\xff\xd8\xff\xe0\0\x10JFIF", "damaged: Truncated File Read"),
    "an SVG with a script": (b"<svg><script>alert(1)</script></svg>", "not an image that is read here"),
}


@pytest.mark.parametrize("name", list(IMAGES))
def test_what_is_no_image_is_listed_with_its_reason(name: str, photographs: Path, tmp_path: Path) -> None:
    content, reason = IMAGES[name]
    listing = retina.read(photographs)
    (photographs / str(listing.rows["path"].iloc[0])).write_bytes(content)
    with pytest.raises(ValueError, match=f"(?s){Path(str(listing.rows['path'].iloc[0])).name}.*({reason})"):
        prepare(listing, tmp_path / "s.arrow", image_size_px=32, salt=b"s", num_threads=1, progress=False)
    assert not (tmp_path / "s.arrow").exists()


def test_a_decompression_bomb_is_not_unpacked(photographs: Path, tmp_path: Path) -> None:
    listing = retina.read(photographs)
    bomb = photographs / str(listing.rows["path"].iloc[0])
    Image.new("1", (14_000, 14_000)).save(bomb, format="PNG")  # 30 kB that would be 0.2 GB
    assert bomb.stat().st_size < 1_000_000
    with pytest.raises(ValueError, match=f"(?s){bomb.name}.*(pixels|bomb)"):
        prepare(listing, tmp_path / "s.arrow", image_size_px=32, salt=b"s", num_threads=1, progress=False)
