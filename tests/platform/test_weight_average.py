"""The verb `evaluate weight-average`: its predictions, what it leaves out and why, and the test set opened once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

import platform.evaluate
from analysis.reading import predictions, weight_averages
from analysis.reading.trials import runs
from platform.evaluating.same_basin import why_not
from tests.recorded_student import record
from tests.tiny_network import NAME
from trainables.data.normalising import normalise
from trainables.models.architectures import build

pytestmark = pytest.mark.slow

CELL = f"transfer/none/{NAME}/all"


@pytest.fixture(scope="module")
def recorded(tiny: str, empty_mlflow: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return record(tmp_path_factory.mktemp("results"), tiny, empty_mlflow)


def average(recorded: dict[str, Any]) -> int:
    where = ["--results", str(recorded["folder"]), "--tracking-uri", recorded["uri"]]
    return platform.evaluate.main(["weight-average", "--dataset", "retina", "--batch-size", "8", *where])


def expected(recorded: dict[str, Any]) -> np.ndarray:
    """The answers to the test images by PyTorch's own means: a mean of two states, and `update_bn`."""
    states = [load_file(next((recorded["folder"] / "trials" / name).glob("best-*"))) for name in ("zero", "one")]
    store = recorded["store"]
    network = build(NAME, len(store.label_names))
    network.load_state_dict({name: (states[0][name] + states[1][name]) / 2 for name in states[0]})
    train = store.rows("train")
    loader = [normalise(torch.from_numpy(store.gather(train[at : at + 8]))) for at in range(0, len(train), 8)]
    torch.optim.swa_utils.update_bn((batch for batch in loader if len(batch) > 1), network)
    with torch.no_grad():
        logits = network.eval()(normalise(torch.from_numpy(store.gather(store.rows("test")))))
    return np.asarray(logits.softmax(dim=1).numpy())


def test_the_mean_of_the_weights_answers_and_the_ledger_says_that_it_has(
    recorded: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert average(recorded) == 0
    out = capsys.readouterr().out
    assert f"{CELL}: the mean of 2 repeats' weights has answered validation and test images" in out
    assert "transfer/none/densenet121/all: it has one repeat, and a mean needs two" in out
    recorded_runs = runs(recorded["uri"], "retina")
    averages, notes = weight_averages.load(recorded_runs)
    np.testing.assert_allclose(averages[CELL].probabilities_NL, expected(recorded), atol=1e-5)
    of_cell = recorded_runs.trained[recorded_runs.trained["tags.cell"] == CELL]
    single = predictions.load(recorded["uri"], of_cell.iloc[0])
    assert single is not None and averages[CELL].images.equals(single.images)
    assert notes == [f"The test set was opened once more for the averaged weights of {CELL}; it chose nothing."]
    assert recorded_runs.sweeps["tags.weight_averages"].iloc[-1] == CELL
    assert average(recorded) == 0 and "was averaged before" in capsys.readouterr().out


def test_repeats_from_different_starts_are_refused_with_the_reason(recorded: dict[str, Any]) -> None:
    recorded_runs = runs(recorded["uri"], "retina")
    rows = recorded_runs.trained[recorded_runs.trained["tags.cell"] == CELL]
    assert why_not(recorded_runs, rows) == ""
    for init in ("random", "matched-imagenet"):
        assert "do not lie in one basin" in why_not(recorded_runs, rows.assign(**{"params.init": init}))
    one_start = rows.assign(**{"params.init": "random", "params.init_seed": "0"})
    assert why_not(recorded_runs, one_start) == ""
    drawn = why_not(recorded_runs, rows.assign(**{"params.student": "densenet40"}))
    assert "densenet40 draws layers before its head anew in each repeat (attention, expansion, norm)" in drawn
    gone = rows.assign(artifact_uri="/nowhere")
    assert "the weights of its repeats with the seeds" in why_not(recorded_runs, gone)


def test_a_cell_that_has_grown_since_is_not_shown(recorded: dict[str, Any]) -> None:
    recorded_runs = runs(recorded["uri"], "retina")
    rows = recorded_runs.trials.assign(**{"tags.weight_average_of": pd.Series("1", index=recorded_runs.trials.index)})
    grown = type(recorded_runs)(**{**vars(recorded_runs), "trials": rows[rows["tags.cell"] == CELL]})
    averages, notes = weight_averages.load(grown)
    assert averages == {} and f"not shown of {CELL} (1 of its 2 repeats)" in notes[-1]
