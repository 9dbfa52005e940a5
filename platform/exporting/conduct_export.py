"""An export from its request to its folder, which is whole or absent."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from analysis.reading import tracking_uri
from analysis.reading.chosen import Chosen, chosen
from analysis.reading.origins import PHANTOM_NOTICE
from platform.command_line.student_requests import ExportRequest
from platform.exporting.agreement import CheckImages, check_images, check_sizes, distance_from_scores
from platform.exporting.model_card import Files, card
from platform.sources.places import EXPORTS
from trainables import atomic
from trainables.data.normalising import IMAGENET_MEAN, IMAGENET_STD
from trainables.models import onnx_file
from trainables.models.deployed import Deployed, load_student, probabilities
from trainables.trial import RECIPE_VERSION
from trainables.version import VERSION

WEIGHTS, CONFIG, ONNX, CARD = "model.safetensors", "config.json", "model.onnx", "README.md"


def conduct_export(request: ExportRequest) -> int:
    """Finds the run, writes and checks its files, and prints the results. Returns the exit status.

    Raises:
        FileExistsError: the folder exists already.
        FileNotFoundError, LookupError, ValueError, ImportError: what is missing or wrong, in one line.
    """
    if "onnx" in request.format:
        onnx_file.require_packages()
    where = tracking_uri.located(request.tracking_uri, request.results)
    uri, results = where.uri, where.folder
    choice = chosen(uri, request.run, request.dataset, request.sweep)
    run_id = str(choice.run["run_id"])
    out = request.out or results / EXPORTS / f"{choice.runs.dataset}-{run_id[:8]}"
    with _whole_or_absent(out, force=request.force) as part:
        print(f"run {run_id}, {choice.why}\n{choice.run['tags.cell']}, {choice.runs.data} data")
        files = _write(part, choice, request, check_images(choice, results, request.check_images, request.channels))
        (part / CARD).write_text(card(choice, files, results), encoding="utf-8")
    print(f"{out}: {', '.join(f'{name} {size:,} bytes' for name, size in files.sizes.items())}, {CARD}")
    return 0


def _write(part: Path, choice: Chosen, request: ExportRequest, check: CheckImages) -> Files:
    source = choice.weights_file
    student = load_student(source, str(choice.run["params.student"]), len(check.label_names))
    reference_BL = probabilities(student, check.task, check.images_BHWC)
    from_scores = distance_from_scores(choice, check, reference_BL)
    difference, sizes, latency = None, None, None
    config = _config(choice, check, student)
    if "onnx" in request.format:
        path, (size, channels) = part / ONNX, check.images_BHWC.shape[2:]
        facts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in config.items()}
        model = Deployed(student, check.task)
        config["opset"] = onnx_file.write(model, path, image_size_px=size, channels=channels, facts=facts)
        difference = onnx_file.check_agreement(reference_BL, onnx_file.probabilities(path, check.images_BHWC))
        print(f"ONNX and PyTorch: probabilities differ by at most {difference:.2g} on {check.what}")
        sizes = check_sizes(path, check.images_BHWC, partial(probabilities, student, check.task))
        print(
            f"ONNX and Pillow {sizes.pillow}: {sizes.num_different} of {sizes.num_bytes:,} bytes differ on "
            f"{sizes.num_pictures} pictures from {sizes.smallest} to {sizes.largest} pixels, and probabilities by at "
            f"most {sizes.difference:.2g}"
        )
        timed = {"num_runs": request.runs, "num_threads": request.threads}
        latency = onnx_file.latency(path, check.images_BHWC[0], **timed)
        print(
            f"latency on {cpu_name()}, {latency.num_threads} thread(s), batch 1: median {latency.median_ms:.1f} ms, "
            f"95th percentile {latency.p95_ms:.1f} ms of {latency.num_runs} runs"
        )
    if "safetensors" in request.format:
        shutil.copyfile(source, part / WEIGHTS)
        (part / CONFIG).write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return Files(
        config=config,
        sizes={path.name: path.stat().st_size for path in sorted(part.iterdir())},
        check=check,
        difference=difference,
        any_size=sizes,
        from_scores=from_scores,
        latency=latency,
        cpu=cpu_name(),
    )


def _config(choice: Chosen, check: CheckImages, student: nn.Module) -> dict[str, Any]:
    """What a program must know to use the weights; nothing in it identifies a patient."""
    run = choice.run
    return {
        "architecture": str(run["params.student"]),
        "task": check.task,
        "labels": list(check.label_names),
        "image_size_px": check.images_BHWC.shape[1],
        "channels": check.images_BHWC.shape[3],
        "mean": list(IMAGENET_MEAN),
        "std": list(IMAGENET_STD),
        "num_parameters": sum(parameter.numel() for parameter in student.parameters()),
        "data": choice.runs.data,
        **({"warning": PHANTOM_NOTICE} if choice.runs.data == "phantom" else {}),
        "dataset": choice.runs.dataset,
        "cell": str(run["tags.cell"]),
        "run_id": str(run["run_id"]),
        **{name: str(run[f"tags.{name}"]) for name in ("data_fingerprint", "split_fingerprint", "teacher_fingerprint")},
        "platform_version": VERSION,
        "recipe": RECIPE_VERSION,
        "torch_version": torch.__version__,
    }


def cpu_name() -> str:
    """The name of this machine's processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else os.uname().machine


@contextmanager
def _whole_or_absent(out: Path, *, force: bool) -> Iterator[Path]:
    """A folder beside `out` that takes its place at the end, or leaves nothing.

    Raises:
        FileExistsError: `out` exists and may not be replaced.
    """
    if out.exists() and not (force and (out / CARD).is_file()):
        hint = "--force replaces only a folder that holds a README.md" if force else "give --force, or another --out"
        raise FileExistsError(f"the folder must not exist yet, but {out} does; {hint}")
    with atomic.new_folder(out) as part:
        yield part
