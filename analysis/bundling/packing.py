"""Packs a sweep: its runs, curves and predictions as files that need no MLflow, and the report made from just these."""

from __future__ import annotations

import json
import re
import sys
import sysconfig
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.bundling import archive, bundle_readme
from analysis.bundling.anonymising import predictions_handed_on, runs_handed_on, text_handed_on
from analysis.pages import report_page
from analysis.pages.evidence import rules_of
from analysis.reading import artifacts, tracking_uri
from analysis.reading.bundles import ABOUT, ARTIFACTS, FORM, METRICS, RESULTS, RUNS, SUFFIXES, WEIGHTS, is_safe
from analysis.reading.mlflow_frames import METRICS as METRIC_PREFIX
from analysis.reading.mlflow_frames import metric_frame, run_frame
from analysis.reading.record_form import RECORD_VERSION
from analysis.reading.sweeps_by_name import dataset_of
from trainables.atomic import write_bytes
from trainables.pasting import ROOT
from trainables.version import VERSION

REPORT, README, FACTS, VERSIONS, LOCK = "report", "README.md", "facts.json", "versions.json", "requirements.lock"
ABLATION = "ablation.toml"
IMAGE = "image"  # the column with the hash of an image


@dataclass(frozen=True, kw_only=True)
class BundleRequest:
    """Which sweep to pack, and where the archive goes."""

    sweep: str
    dataset: str | None  # needed where sweeps of several data sets have the name
    where: tracking_uri.Located
    out: Path
    with_weights: bool


def pack(request: BundleRequest) -> Path:
    """Writes the archive, and returns its path. The same runs give the same bytes.

    Raises:
        FileNotFoundError, LookupError, ValueError: there is no such sweep, or nothing of it to report on.
        ValueError: a file of a run names an image, a patient or a folder; or the runs are in a bundle already.
    """
    uri = request.where.uri
    if tracking_uri.is_bundle(uri):
        raise ValueError(f"a bundle must be made from MLflow's runs, but {uri} is one already: hand that on")
    dataset = dataset_of("SWEEP", uri, request.sweep, request.dataset)
    places = [ROOT, Path.cwd(), Path.home(), *([request.where.results] if request.where.results else [])]
    original = run_frame(uri, dataset, request.sweep)
    runs = runs_handed_on(original, places)
    request.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=request.out.parent, prefix=".bundle-") as temporary:
        folder = Path(temporary)
        _write_frame(folder / RUNS, runs)
        names = [name.removeprefix(METRIC_PREFIX) for name in original if name.startswith(METRIC_PREFIX)]
        logged = metric_frame(uri, original["run_id"].tolist(), names)
        _write_frame(folder / METRICS, logged.sort_values(["run_id", "metric", "step", "timestamp"], kind="stable"))
        for _, run in original.iterrows():
            _write_files(folder, uri, run, (*SUFFIXES, *([WEIGHTS] if request.with_weights else [])))
        if request.where.results:
            _write_readings(folder, request.where.results)
        about = _about(dataset, request.sweep, runs)
        _write_json(folder / ABOUT, about)
        _write_records(folder, runs)
        archive.write_sums(folder)  # so that the report can be made from it
        _write_report(folder, dataset, request.sweep)
        write_bytes(folder / README, bundle_readme.text(about, archive.names(folder), request.out.name).encode())
        archive.write_sums(folder)
        archive.write_archive(folder, _folder_name(request.out), request.out)
    return request.out


def _folder_name(out: Path) -> str:
    """What the archive unpacks to."""
    name = out.name.removesuffix(".zip")
    return name if is_safe(name) else "bundle"


def _about(dataset: str, sweep: str, runs: pd.DataFrame) -> dict[str, Any]:
    trials = runs[runs["tags.kind"] == "trial"]
    return {
        "form": FORM,
        "record": RECORD_VERSION,
        "version": VERSION,
        "dataset": dataset,
        "sweep": sweep,
        "data": sorted(trials["tags.data"].dropna().unique()),
        "recipe": sorted(trials["tags.recipe"].dropna().unique()),
        "runs": len(runs),
        "trials": len(trials),
    }


def _write_files(folder: Path, uri: str, run: pd.Series, suffixes: tuple[str, ...]) -> None:
    """The files of a run that analysis reads, in the place where it looks for them."""
    for name in artifacts.names_of_run(uri, run):
        if not name.endswith(suffixes):
            continue
        path = artifacts.of_run(uri, run, name)
        if path is None:
            raise FileNotFoundError(f"the file {name} of run {run['run_id']} is listed but cannot be read; try again")
        content = path.read_bytes()
        if name.endswith(".parquet"):
            frame = pd.read_parquet(path)
            if (kept := predictions_handed_on(frame, f"{name} of run {run['run_id']}")) is not frame:
                content = kept.to_parquet(index=False)
        elif not name.endswith(WEIGHTS):
            content = text_handed_on(content.decode()).encode()
        target = folder / ARTIFACTS / str(run["run_id"]) / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _write_readings(folder: Path, results: Path) -> None:
    """Tables beside the prepared images, such as what single readers made of them: their rows on images with packed
    predictions.
    """
    packed = (pd.read_parquet(path) for path in sorted((folder / ARTIFACTS).rglob("*.parquet")))
    images = {image for frame in packed if IMAGE in frame for image in frame[IMAGE]}
    for path in sorted((results / "stores").glob("*.parquet")):
        frame = pd.read_parquet(path)
        kept = frame[frame[IMAGE].isin(images)] if IMAGE in frame else frame.head(0)
        if len(kept):
            _write_frame(folder / RESULTS / "stores" / path.name, predictions_handed_on(kept, path.name))


def _write_records(folder: Path, runs: pd.DataFrame) -> None:
    """What the sweep was asked, with what libraries it is read here, and the lock of all of them."""
    parents = runs[runs["tags.kind"] == "sweep"].filter(regex=r"^tags\.").rename(columns=lambda name: name[5:])
    facts = [{name: _decoded(value) for name, value in row.dropna().items()} for _, row in parents.iterrows()]
    _write_json(folder / FACTS, facts)
    if text := next((fact["ablation"] for fact in facts if fact.get("ablation")), ""):
        write_bytes(folder / ABLATION, str(text).encode())
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    names = sorted(re.split(r"[\[=<>~! ;]", requirement)[0] for requirement in asked)
    installed = {name: _version(name) for name in names}
    python = ".".join(map(str, sys.version_info[:3]))
    _write_json(
        folder / VERSIONS,
        {"software": VERSION, "python": python, "system": sysconfig.get_platform(), "libraries": installed},
    )
    write_bytes(folder / LOCK, (ROOT / LOCK).read_bytes())


def _write_report(folder: Path, dataset: str, sweep: str) -> None:
    """The report from the packed runs alone, which shows that they are all that it takes; it has no image of a patient,
    since no prepared image is at hand.
    """
    uri = tracking_uri.of_bundle(folder)
    report_page.write(
        report_page.ReportRequest(
            name=dataset, tracking_uri=uri, sweep=sweep, results=None, out=folder / REPORT, ui=tracking_uri.pages(uri),
            with_images=False, rules=rules_of(),
        )
    )  # fmt: skip


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _decoded(value: object) -> object:
    """A tag that is JSON as what it says, so that people can read it."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _write_json(path: Path, content: Mapping[str, Any] | list[Any]) -> None:
    write_bytes(path, (json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode())


def _write_frame(path: Path, frame: pd.DataFrame) -> None:
    write_bytes(path, frame.to_parquet(index=False))
