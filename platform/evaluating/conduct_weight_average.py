"""Networks with averaged weights, from the request to their predictions in MLflow.

Each cell whose repeats were fine-tuned from the same first weights gets one, which answers the validation and the test
images. Its predictions are kept with the cell's first repeat, and the report's chapter on ensembles shows them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from mlflow import MlflowClient
from numpy.typing import NDArray
from safetensors.torch import load_file

from analysis.reading import artifacts
from analysis.reading.origins import PHANTOM_NOTICE
from analysis.reading.weight_averages import FILE, NUM_MEMBERS, OPENED, members_of, num_averaged
from platform.command_line.average_request import WeightAverageRequest
from platform.evaluating.same_basin import why_not
from platform.evaluating.students import Students, students_of
from platform.sources.results_lock import in_use
from trainables.data.store import Store
from trainables.models.architectures import restored
from trainables.models.deployed import probabilities
from trainables.models.weight_average import estimate_statistics, mean_state, moved_norms
from trainables.pasting import command_line
from trainables.prediction_rows import predictions
from trainables.steps import steps

SPLITS = ("validation", "test")


def conduct_weight_average(request: WeightAverageRequest) -> int:
    """Averages each cell's weights, asks the networks, and keeps their predictions. Returns the exit status.

    Raises:
        FileNotFoundError, LookupError, ValueError, OSError: what is missing or wrong, in one line; a `ValueError` where
            no cell can be averaged, with the reason of each.
    """
    students = students_of(request)
    if students.is_phantom:
        print(PHANTOM_NOTICE, flush=True)
    with in_use(students.places.results):
        _average_all(students, request)
    report = command_line("analysis.report", request.dataset, *students.places.options)
    print(f"The scores stand in the report's chapter on ensembles\n  {report}")
    return 0


def _average_all(students: Students, request: WeightAverageRequest) -> None:
    if not students.runs.design.is_on_one_split:
        raise ValueError(
            f"networks must have been trained on the same images to be averaged, but these repeats are on "
            f"{students.runs.design.parts}: what tests the one has trained the other"
        )
    cells = {str(cell): rows for cell, rows in students.runs.trained.groupby("tags.cell", sort=True)}
    reasons = {cell: why_not(students.runs, rows) for cell, rows in cells.items()}
    done = [cell for cell, rows in cells.items() if not reasons[cell] and num_averaged(rows) == len(rows)]
    for cell, reason in reasons.items():
        if reason or cell in done:
            print(f"{cell}: {reason or 'was averaged before; the test set is opened once'}")
    left = [cell for cell in cells if not reasons[cell] and cell not in done]
    if not (left or done):
        raise ValueError("no cell has repeats whose weights can be averaged; the reasons stand above")
    with steps("averages", len(left), "cell") as advance:
        for cell in left:
            _note_opening(students, cell)
            _average(students, cells[cell], request.batch_size)
            print(f"{cell}: the mean of {len(cells[cell])} repeats' weights has answered {' and '.join(SPLITS)} images")
            advance()


def _average(students: Students, rows: pd.DataFrame, batch_size: int) -> None:
    """Makes one cell's network, and keeps its answers with the first repeat."""
    members, first = members_of(rows), members_of(rows).iloc[0]
    store = artifacts.store_of(students.places.results, str(first["tags.data_fingerprint"]))
    if store is None:
        raise LookupError(
            f"the images of {first['tags.cell']} must be prepared, but {students.places.results} has none of them; "
            "--results must name the sweep's folder"
            + artifacts.why_gone(students.places.results, str(first["tags.data_fingerprint"]))
        )
    files = [artifacts.weights_of(students.runs.tracking_uri, run) for _, run in members.iterrows()]
    states = [load_file(file) for file in files if file is not None]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = restored(str(first["params.student"]), len(store.label_names), mean_state(states)).to(device).eval()
    fraction = float(first["params.data_fraction"])
    training = _batches(store, store.rows("train", fraction), batch_size)
    estimate_statistics(network, moved_norms(network, states), training, device)
    tables = []
    for split in SPLITS:
        answers = [
            probabilities(
                network, store.task, images, batch_size, device=device, precision=str(first["params.precision"])
            )
            for images in _batches(store, store.rows(split), batch_size)
        ]
        tables.append(predictions(store, split, np.concatenate(answers)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE
        pq.write_table(pa.concat_tables(tables), path)
        client = MlflowClient(students.runs.tracking_uri)
        client.log_artifact(str(first["run_id"]), str(path))
        client.set_tag(str(first["run_id"]), NUM_MEMBERS, str(len(members)))


def _batches(store: Store, rows: NDArray[np.int64], batch_size: int) -> Iterator[NDArray[np.uint8]]:
    for start in range(0, len(rows), batch_size):
        yield store.gather(rows[start : start + batch_size])


def _note_opening(students: Students, cell: str) -> None:
    """Notes in the ledger, with the sweep, that this cell opens the test set once more; before it does."""
    client, run_id = MlflowClient(students.runs.tracking_uri), str(students.runs.sweeps["run_id"].iloc[-1])
    before = client.get_run(run_id).data.tags.get(OPENED, "")
    client.set_tag(run_id, OPENED, ", ".join(dict.fromkeys([*filter(None, before.split(", ")), cell])))
