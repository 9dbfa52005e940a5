"""Table III: the best beta of each data set, teacher and student."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

import trainables.cell
from analysis import published
from analysis.reading import origins
from analysis.reading.averages import averages
from analysis.reading.sizes import COLUMNS as SIZES
from analysis.reading.sizes import sizes, words
from analysis.reading.trials import Runs
from analysis.tables.rendering import MISSING, Cell, Table
from trainables import titles
from trainables.beta import BETA_CONVENTION
from trainables.data import catalogue
from trainables.models.freezing import rank
from trainables.models.stages import ALL

DATASETS = tuple(name for name, record in catalogue.DATASETS.items() if record.split_counts)
KEYS = ["dataset", "teacher", "student", "method", "unfreeze", "init", "varied"]
PAPERS = {"method": "attention", "unfreeze": ALL, "init": "imagenet", "varied": ""}


def rows(recorded: Sequence[Runs]) -> pd.DataFrame:
    """One row per cell with a teacher: KEYS, paper_beta, beta, num_trials (of its search), the sizes of our
    trainings (`analysis.reading.sizes`), beta_range ("" for one choice), phantom, warning, data, convention, run_ids.

    Our beta is that of the configuration that the search chose, read from the runs that confirm it; NaN where no repeat
    has finished. In a cross-validation each fold has a search of its own: beta is then the median of their choices, and
    beta_range (``3 to 40``) says how far apart they are.
    """
    paper = published.betas().rename(columns={"beta": "paper_beta"}).assign(**PAPERS)
    ours = [_chosen(runs) for runs in recorded if len(runs.confirm)]
    columns = ["beta", "beta_range", "num_trials", *SIZES, "phantom", "warning", "data", "convention", "run_ids"]
    own = pd.concat(ours, ignore_index=True) if ours else pd.DataFrame(columns=[*KEYS, *columns])
    names = paper["dataset"].drop_duplicates().tolist()
    frame = paper.merge(own, on=KEYS, how="outer", sort=False)
    order = frame["dataset"].map(lambda name: names.index(name) if name in names else len(names))
    depth = [rank(*of) for of in frame[["student", "unfreeze"]].itertuples(index=False, name=None)]
    by = ["_order", "dataset", "teacher", "student", "method", "_depth", "init", "varied"]
    frame = frame.assign(_order=order, _depth=depth).sort_values(by, kind="stable")
    texts = ["phantom", "warning", "beta_range"]
    frame[texts] = frame[texts].astype(object).fillna("")
    return frame[[*KEYS, "paper_beta", *columns]].reset_index(drop=True)


def _chosen(runs: Runs) -> pd.DataFrame:
    with_teacher = runs.confirm[runs.confirm["params.beta"].notna()]
    first = with_teacher.drop_duplicates("tags.cell")
    num_trials = runs.search["tags.cell"].value_counts()
    run_ids = with_teacher.groupby("tags.cell")["run_id"].agg(" ".join)
    parts = first[["params.data_fraction", "params.uncertainty"]].itertuples(index=False)
    betas = with_teacher["params.beta"].astype(float).groupby(with_teacher["tags.cell"]).agg(["median", "min", "max"])
    betas = betas.reindex(first["tags.cell"])
    phantom, averaged = origins.of_cells(with_teacher), averages(runs)
    return pd.DataFrame(
        {
            "dataset": [published.row_name(runs.dataset, float(fraction), policy) for fraction, policy in parts],
            **{name: first[f"params.{name}"].astype(str).to_numpy() for name in KEYS[1:-1]},
            "varied": [", ".join(trainables.cell.Cell.parse(name).variations) for name in first["tags.cell"]],
            "beta": betas["median"].to_numpy(),
            "beta_range": [f"{_beta(r.min)} to {_beta(r.max)}" * (r.min < r.max) for r in betas.itertuples()],
            "num_trials": num_trials.reindex(first["tags.cell"], fill_value=0).to_numpy(),
            **sizes(runs).reindex(first["tags.cell"]).reset_index(drop=True).to_dict("series"),
            "phantom": [phantom[str(cell)] for cell in first["tags.cell"]],
            "warning": "; ".join(averaged.warnings) if averaged else "",
            "data": runs.data,
            "convention": first["tags.beta_convention"].to_numpy(),
            "run_ids": run_ids.reindex(first["tags.cell"]).to_numpy(),
        }
    )


def table(frame: pd.DataFrame) -> Table:
    """The frame of `rows` as a list, the paper's beta beside ours."""
    phantom = origins.union(frame["phantom"])
    has_paper = bool(frame["paper_beta"].notna().any())
    departing = {"depth": "unfreeze", "first weights": "init", "varied": "varied"}  # shown where any is not the paper's
    departing = {title: name for title, name in departing.items() if frame[name].ne(PAPERS[name]).any()}
    head = [["data set", "teacher", "student", *departing, "method"]]
    head[0] += [*(["paper", "ours"] if has_paper else ["beta"]), "trials"]
    head[0] += ["ours trained on" if has_paper else "trained on", *([origins.PHANTOM] if phantom else [])]
    body = []
    for row in frame.itertuples():
        ids = tuple(row.run_ids.split()) if isinstance(row.run_ids, str) else ()
        trials = f"{row.num_trials:g}" if pd.notna(row.num_trials) else MISSING
        teacher, method = (
            Cell(row.teacher, title=titles.teacher(row.teacher)),
            Cell(row.method, title=titles.method(row.method)),
        )
        size = words(row.dataset, row.num_train, row.image_size_px, row.max_epochs) if ids else MISSING
        line = [
            *(Cell(row.dataset), teacher, Cell(titles.student(row.student))),
            *(Cell(getattr(row, name) or MISSING) for name in departing.values()),
            method,
            *([Cell(_beta(row.paper_beta))] * has_paper),
            Cell(_beta(row.beta) + (f" ({row.beta_range})" if row.beta_range else ""), "", ids),
            Cell(trials),
            Cell(size),
        ]
        body.append([*line, *([Cell(row.phantom or MISSING)] if phantom else [])])
    conventions = frame["convention"].dropna().unique().tolist() or [BETA_CONVENTION]
    notes = [f"beta's convention: {convention}" for convention in conventions]
    notes.append("ours: chosen by the search on the validation set; trials: of that cell's search; -: missing")
    notes[-1] = notes[-1] if has_paper else f"beta{notes[-1].removeprefix('ours')}"
    if frame["beta_range"].ne("").any():
        notes.append(
            "each fold has a search of its own: the median of the betas chosen, with their range; trials: of all"
        )
    notes += list(dict.fromkeys(f"{row.dataset}: {row.warning}" for row in frame.itertuples() if row.warning))
    title = "Table III: the best beta"
    return Table(name="table_3", title=title, head=head, body=body, frame=frame, notes=notes, phantom=phantom)


def _beta(value: float) -> str:
    return MISSING if pd.isna(value) else f"{value:.4g}"
