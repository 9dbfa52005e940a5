"""DICOM: what a viewer would show, whichever way the file stores it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from trainables.data.decode import UnreadableImageError, decode

pydicom = pytest.importorskip("pydicom", reason="the extra `dicom` is not installed")
from pydicom.dataset import FileDataset, FileMetaDataset  # noqa: E402
from pydicom.uid import UID, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian  # noqa: E402

RAMP = np.tile(np.arange(64, dtype=np.uint16) * 64, (64, 1))  # 12 bits, dark on the left


def write(path: Path, pixels: np.ndarray, photometric: str = "MONOCHROME2", **tags: object) -> Path:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = UID("1.2.3")
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, photometric
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    for name, value in tags.items():
        setattr(dataset, name, value)
    dataset.PixelData = pixels.astype(np.uint16).tobytes()
    dataset.save_as(path, enforce_file_format=True)
    return path


def test_twelve_bits_become_eight(tmp_path: Path) -> None:
    write(tmp_path / "a.dcm", RAMP)
    image = decode(tmp_path, "a.dcm", 64, 1)
    assert image.shape == (64, 64, 1) and image.dtype == np.uint8
    assert image[0, 0, 0] == 0 and image[0, -1, 0] == 255
    assert (np.diff(image[0, :, 0].astype(int)) >= 0).all()


def test_monochrome1_is_turned_round(tmp_path: Path) -> None:
    write(tmp_path / "a.dcm", RAMP)
    write(tmp_path / "b.dcm", RAMP, photometric="MONOCHROME1")
    assert (decode(tmp_path, "b.dcm", 64, 1) == 255 - decode(tmp_path, "a.dcm", 64, 1)).all()


def test_the_window_decides_what_is_black_and_white(tmp_path: Path) -> None:
    write(tmp_path / "a.dcm", RAMP, WindowCenter=2048, WindowWidth=1024)
    row = decode(tmp_path, "a.dcm", 64, 1)[0, :, 0]
    assert (row[:23] == 0).all() and (row[41:] == 255).all()  # below 1,536 and above 2,560
    assert 120 <= row[32] <= 136  # the centre


def test_it_stands_in_for_a_jpeg_that_is_not_there(tmp_path: Path) -> None:
    write(tmp_path / "view1_frontal.dcm", RAMP)
    assert decode(tmp_path, "view1_frontal.jpg", 32, 3).shape == (32, 32, 3)
    assert decode(tmp_path, "view1_frontal.jpg", 32, 1).shape == (32, 32, 1)


def test_what_is_no_picture_is_said(tmp_path: Path) -> None:
    (tmp_path / "text.dcm").write_text("no DICOM")
    with pytest.raises(UnreadableImageError, match="not a DICOM picture that can be read"):
        decode(tmp_path, "text.dcm", 64, 1)
    write(tmp_path / "short.dcm", RAMP)
    (tmp_path / "short.dcm").write_bytes((tmp_path / "short.dcm").read_bytes()[:-500])
    with pytest.raises(UnreadableImageError, match="not a DICOM picture that can be read"):
        decode(tmp_path, "short.dcm", 64, 1)
    write(tmp_path / "bomb.dcm", RAMP, Rows=30_000, Columns=30_000)
    with pytest.raises(UnreadableImageError, match="30000 x 30000 pixels, more than"):
        decode(tmp_path, "bomb.dcm", 64, 1)


def test_without_pydicom_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.dcm", RAMP)
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(ImportError, match="pip install pydicom"):
        decode(tmp_path, "a.dcm", 64, 1)
