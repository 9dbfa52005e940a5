"""ONNX files of students: written, compared with PyTorch, and timed. Needs onnx, onnxscript and onnxruntime.

Shapes: B images of H x W pixels, C planes (1 or 3), L labels or classes; S x S pixels of the network's own squares.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trainables.models import onnx_square
from trainables.models.deployed import Deployed
from trainables.pasting import command_line

INPUT, OUTPUT = "images", "probabilities"
PACKAGES = ("onnx", "onnxscript", "onnxruntime")
BATCH_SIZES = (1, 2, 7, 16)  # the comparison goes through them in turn: the batch axis has to be dynamic
MAX_DIFFERENCE = 1e-4  # of a probability; ours. Float32 in another order of summation gives about 1e-6
NUM_WARM_UPS = 5


class DisagreementError(ValueError):
    """The ONNX file does not say what the PyTorch model says."""


@dataclass(frozen=True, kw_only=True)
class Latency:
    """How long one image takes, in milliseconds, over `num_runs` runs of one image each on the CPU."""

    median_ms: float
    p95_ms: float
    num_runs: int
    num_threads: int
    runtime: str  # onnxruntime's version


def require_packages() -> None:
    """Says what is missing before the work begins.

    Raises:
        ImportError: a package is not installed.
    """
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(
            f"an ONNX file needs {', '.join(missing)}: {command_line('pip', 'install', *missing)} (the extra "
            "`export` of pyproject.toml), or ask for --format safetensors alone"
        )


def write(model: Deployed, path: Path, *, image_size_px: int, channels: int, facts: Mapping[str, str]) -> int:
    """Writes `model` for images of any size, with `facts` as the file's metadata; returns the opset's version.

    The exporter's notes are taken out: they name the source files of this machine.

    Args:
        image_size_px, channels: of the squares that the network takes, to which the file itself brings every image.
    """
    import onnx

    example_BHWC = torch.zeros(2, image_size_px, image_size_px, channels, dtype=torch.uint8)
    program = torch.onnx.export(
        model,
        (example_BHWC,),
        dynamo=True,
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        input_names=[INPUT],
        output_names=[OUTPUT],
        verbose=False,
    )
    assert program is not None  # it is None only where the exporter itself writes the file
    proto: Any = program.model_proto
    _strip(proto.graph)
    for function in proto.functions:
        _strip(function)
    onnx_square.put_in_front(proto, size_px=image_size_px, channels=channels)
    onnx.helper.set_model_props(proto, dict(facts))
    onnx.checker.check_model(proto)
    onnx.save(proto, path)
    return next(int(opset.version) for opset in proto.opset_import if opset.domain == "")


def probabilities(path: Path, images_BHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What onnxruntime makes of the images on the CPU, float32 [B, L], in batches of `BATCH_SIZES` in turn."""
    session = session_of(path, num_threads=0)
    answers: list[NDArray[np.float32]] = []
    at = 0
    while at < len(images_BHWC):
        size = BATCH_SIZES[len(answers) % len(BATCH_SIZES)]
        answers.append(session.run([OUTPUT], {INPUT: images_BHWC[at : at + size]})[0])
        at += size
    return np.concatenate(answers)


def squares(path: Path, images: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    """The squares [S, S, C] that the file's network sees of images [H, W, 1 or 3], which may differ in size."""
    import onnx

    session = session_of(onnx_square.alone(onnx.load(path)).SerializeToString(), num_threads=0)
    return [session.run(None, {INPUT: image_HWC[None]})[0][0] for image_HWC in images]


def check_agreement(pytorch_BL: NDArray[np.float32], onnx_BL: NDArray[np.float32]) -> float:
    """The largest absolute difference of two models' probabilities of the same images.

    Raises:
        DisagreementError: it is `MAX_DIFFERENCE` or more, or not a number.
    """
    difference = float(np.abs(pytorch_BL - onnx_BL).max())
    if not difference < MAX_DIFFERENCE:
        raise DisagreementError(
            f"the ONNX file's probabilities must be within {MAX_DIFFERENCE:g} of PyTorch's, but differ by "
            f"{difference:.3g} on {len(pytorch_BL)} images; nothing is written"
        )
    return difference


def latency(path: Path, image_HWC: NDArray[np.uint8], *, num_runs: int, num_threads: int) -> Latency:
    """Times one image at a time, after a few that are not counted; the normalisation within the file is included."""
    session = session_of(path, num_threads)
    feed = {INPUT: image_HWC[None]}
    for _ in range(NUM_WARM_UPS):
        session.run([OUTPUT], feed)
    taken_ms = []
    for _ in range(num_runs):
        started_s = time.perf_counter()
        session.run([OUTPUT], feed)
        taken_ms.append(1000 * (time.perf_counter() - started_s))
    return Latency(
        median_ms=float(np.median(taken_ms)),
        p95_ms=float(np.quantile(taken_ms, 0.95)),
        num_runs=num_runs,
        num_threads=num_threads,
        runtime=importlib.metadata.version("onnxruntime"),
    )


def session_of(model: Path | bytes, num_threads: int) -> Any:
    """onnxruntime's session with the file, or with its content, on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads  # 0: as many as there are cores
    options.log_severity_level = 3  # errors: what it guesses about this machine's devices concerns nobody
    content = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _strip(part: Any) -> None:
    """Takes the exporter's notes out of a graph or a function."""
    nodes = list(part.node)
    values = [*getattr(part, "input", []), *getattr(part, "output", []), *part.value_info]
    for element in [part, *nodes, *getattr(part, "initializer", []), *values]:
        for name in ("metadata_props", "doc_string"):
            if hasattr(element, name):  # a function's inputs are plain names
                element.ClearField(name)
