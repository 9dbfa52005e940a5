"""DICOM files as eight-bit pictures: what a viewer would show. Needs pydicom, the extra `dicom`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainables.pasting import command_line

SUFFIXES = (".dcm", ".dicom")


def stand_in(file: Path) -> Path:
    """`file`, or the DICOM of the same name where only that is there: a release may come in either form."""
    if file.exists():
        return file
    return next((other for suffix in SUFFIXES if (other := file.with_suffix(suffix)).exists()), file)


def picture(file: Path, check_size: Callable[[int, int], None]) -> Image.Image:
    """The first frame in grey, 8 bits, bones white: modality and window (or VOI LUT) applied, then stretched.

    `check_size` (width, height) is called before a pixel is read.

    Raises:
        ImportError: pydicom is not installed.
        ValueError: the file is no DICOM or has no picture; pydicom's own errors have other types, all `Exception`.
    """
    try:
        import pydicom
        from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut
        from pydicom.pixels.utils import pixel_array
    except ImportError as error:
        install = command_line("pip", "install", "pydicom")
        raise ImportError(f"DICOM files need pydicom, which is not installed: {install}") from error
    dataset = pydicom.dcmread(file)
    if "PixelData" not in dataset:
        raise ValueError("a DICOM file without a picture")
    check_size(int(dataset.Columns), int(dataset.Rows))
    if dataset.get("SamplesPerPixel", 1) != 1:
        return Image.fromarray(pixel_array(dataset, index=0)).convert("L")
    values = apply_voi_lut(apply_modality_lut(pixel_array(dataset, index=0), dataset), dataset)
    grey = _eight_bits(values.astype(np.float64))
    # MONOCHROME1 shows its smallest value white.
    return Image.fromarray(255 - grey if dataset.PhotometricInterpretation == "MONOCHROME1" else grey)


def _eight_bits(values_HW: NDArray[np.float64]) -> NDArray[np.uint8]:
    low, high = values_HW.min(), values_HW.max()
    scaled_HW = (values_HW - low) / (high - low if high > low else 1.0) * 255
    return np.rint(scaled_HW).astype(np.uint8)
