"""The page of `analysis.report`: one section per data set, and the runs behind them all as a file."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis.pages.evidence import rules_of
from analysis.pages.page import WARNING, Section, write_chapter, write_page, write_picture, write_table
from analysis.pages.sections import Content, content
from analysis.reading import origins, tracking_uri
from analysis.reading.ablations import ablations
from analysis.reading.averages import averages
from analysis.reading.dataset_names import ALL
from analysis.reading.trials import Runs
from analysis.stats.thresholds import Rule
from analysis.tables import command
from trainables.atomic import write_bytes
from trainables.data.catalogue import DATASETS, title


@dataclass(frozen=True, kw_only=True)
class ReportRequest:
    """Which runs to report on, and where the report goes."""

    name: str  # a data set's, or `ALL`
    tracking_uri: str
    sweep: str | None  # None for all sweeps that share a setup
    results: Path | None  # the sweep's results folder; None where it is not known
    out: Path
    ui: str  # the address of MLflow's web pages, for the links to runs
    with_images: bool  # whether images of patients may be shown; phantoms always are
    rules: tuple[Rule, ...]  # how thresholds are chosen

    @property
    def datasets(self) -> tuple[str, ...]:
        """The data sets to report on."""
        return tuple(DATASETS) if self.name == ALL else (self.name,)

    @property
    def command(self) -> str:
        """The command that asks for this report."""
        wanted = [f"--{rule.kind} {rule.level:g}" for rule in self.rules if rule not in rules_of()]
        return " ".join(
            [f"python -m analysis.report {self.name}", *[f"--sweep {self.sweep}"] * bool(self.sweep), *wanted]
        )


def write(request: ReportRequest) -> Path:
    """Writes the report to the folder `request.out`, and returns the page's path.

    Raises:
        FileNotFoundError, ValueError: as `analysis.reading.tracking_uri.require_store` says.
        LookupError: there is no such sweep, or no run to report on.
    """
    recorded = command.read(request.tracking_uri, request.sweep, request.datasets)
    contents = [
        content(runs, request.results, with_images=request.with_images, rules=request.rules)
        for runs in recorded
        if len(runs.trials)
    ]
    if not contents:
        reasons = "".join(f"; {note}" for note in command.left_out_note(recorded))
        raise LookupError(f"no finished run of {', '.join(runs.dataset for runs in recorded)} to report on{reasons}")
    sections = [_section(of_dataset, request.out, request.ui) for of_dataset in contents]
    for of_dataset in contents:
        answers = of_dataset.contrasts.assign(data=of_dataset.runs.data).to_csv(index=False, lineterminator="\n")
        write_bytes(request.out / f"{of_dataset.runs.dataset}_answers.csv", answers.encode())
    write_bytes(request.out / "results.parquet", _parquet([of_dataset.runs for of_dataset in contents]))
    newest = max(of_dataset.runs.trials["start_time"].max() for of_dataset in contents)
    where = tracking_uri.without_password(request.tracking_uri)
    facts = [
        ("command", request.command),
        ("results as of", f"{pd.to_datetime(newest, unit='ms'):%Y-%m-%d %H:%M} UTC, the start of the newest run"),
        ("runs", f"numbers link to {request.ui}, which shows {where}"),
        ("all runs as a table", "results.parquet"),
        ("the comparisons behind the answers", ", ".join(f"{it.runs.dataset}_answers.csv" for it in contents)),
    ]
    without_trials = [runs for runs in recorded if runs.trials.empty and len(runs.left_out)]
    if without_trials:
        facts.append(("not in this report", "; ".join(command.left_out_note(without_trials))))
    phantom = origins.union(of_dataset.runs.phantom for of_dataset in contents)
    return write_page(request.out, f"Knowledge transfer: {request.name}", facts, sections, phantom=phantom)


def _section(of_dataset: Content, out: Path, ui: str) -> Section:
    """Writes the files of a data set's tables and figures."""
    runs = of_dataset.runs
    return Section(
        anchor=runs.dataset,
        title=title(runs.dataset),
        facts=facts_of(runs),
        answers=of_dataset.answers,
        basis=of_dataset.basis,
        sentences=of_dataset.sentences,
        ablations=ablations(runs),
        spread=of_dataset.spread,
        lead=write_picture(of_dataset.lead, runs.dataset, out) if of_dataset.lead else None,
        tables=[write_table(table, runs, out, ui) for table in of_dataset.tables],
        pictures=[write_picture(picture, runs.dataset, out) for picture in of_dataset.pictures],
        chapters=[write_chapter(chapter, runs, out, ui) for chapter in of_dataset.chapters],
        left_out=[*of_dataset.left_out, *command.left_out_note([runs])],
    )


def facts_of(runs: Runs) -> list[tuple[str, str]]:
    """What the numbers of a data set rest on, and what to beware of."""
    first = runs.trials.iloc[0]
    facts = [
        ("data", f"{runs.data.replace('phantom', origins.PHANTOM)}, fingerprint {runs.data_fingerprint}"),
        ("split", _split(runs)),
        ("recipe (version of the code that decides results)", first["tags.recipe"]),
        ("teachers", _sources(runs, "teacher")),
        ("first weights", _sources(runs, "init")),
        ("runs", f"{len(runs.search)} of the search, {len(runs.confirm)} confirming repeats{_components(runs)}"),
        ("repeats draw anew", runs.design.spread or "a fold"),
    ]
    if (averaged := averages(runs)) is not None:
        facts.append(("AUC", "; ".join([f"the mean over {averaged.which} ({averaged.why})", *averaged.warnings])))
    if held_out := first.get("tags.held_out"):
        facts.append(("held out of all training", held_out))
    tags = runs.sweeps[["tags.teacher_overlap", "tags.teacher_trained_on"]].to_numpy().ravel()
    if warnings := sorted({str(text) for text in pd.unique(tags) if pd.notna(text) and text}):
        facts.append((WARNING, "; ".join(warnings)))
    return facts


def _split(runs: Runs) -> str:
    """The split's fingerprint, and how many others the repeats have."""
    design = runs.design
    if design.num_folds:
        return f"{runs.split_fingerprint} as prepared, divided anew in {design.num_folds} folds"
    return runs.split_fingerprint + (f", and {design.num_draws} drawn anew" if design.num_draws else "")


def _components(runs: Runs) -> str:
    number = len(runs.components)
    return f"; {number} that draw other sources anew, and are no part of a score" if number else ""


def _sources(runs: Runs, role: str) -> str:
    """The teachers of these runs, or the first weights ("init"), with their fingerprints; phantoms are marked."""
    columns = [f"params.{role}", f"tags.{role}_fingerprint", f"tags.{role}_is_phantom"]
    rows = runs.trials[columns].astype("string").fillna("").drop_duplicates()
    names = [
        origins.marked(f"{name} {fingerprint}".strip(), is_phantom.replace("false", ""))
        for name, fingerprint, is_phantom in rows.itertuples(index=False)
        if name != "none"
    ]
    return "; ".join(names) or "none"


def _parquet(recorded: Sequence[Runs]) -> bytes:
    frame = pd.concat([runs.trials for runs in recorded], ignore_index=True)
    # A column is text or number in every data set alike, whatever the runs at hand have in it.
    texts = [name for name in frame if not name.startswith("metrics.") and frame[name].dtype.kind not in "iuf"]
    frame[texts] = frame[texts].astype("string")
    buffer = io.BytesIO()
    frame.sort_index(axis=1).to_parquet(buffer, index=False)
    return buffer.getvalue()
