"""Curves in bulk: from the database, and from a server that answers as MLflow's own does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest
from mlflow.entities import Metric

import analysis.history
from analysis.history import history


def test_one_row_a_step_sorted(store) -> None:
    parent = store.sweep()
    first = store.trial(parent, curve={"val_auc": [0.5, 0.6], "val_loss": [1.0, 0.9]})
    second = store.trial(parent, seed=1, curve={"val_auc": [0.7]})
    frame = history(store.uri, [second, first], ["val_auc"])
    expected = pd.DataFrame({"run_id": [first, first, second], "step": [1, 2, 1], "value": [0.5, 0.6, 0.7]})
    expected = expected.sort_values(["run_id", "step"], ignore_index=True)
    pd.testing.assert_frame_equal(frame[["run_id", "step", "value"]], expected)
    assert set(frame["metric"]) == {"val_auc"}
    both = history(store.uri, [first], ["val_loss", "val_auc"])
    assert both["value"].tolist() == [0.5, 0.6, 1.0, 0.9]


def test_more_runs_than_one_query_takes(store, monkeypatch: pytest.MonkeyPatch) -> None:
    parent = store.sweep()
    ids = [store.trial(parent, seed=seed, curve={"val_auc": [0.1 * seed]}) for seed in range(5)]
    monkeypatch.setattr(analysis.history, "NUM_RUNS_A_QUERY", 2)
    frame = history(store.uri, ids, ["val_auc"]).set_index("run_id")
    assert [frame.loc[run_id, "value"] for run_id in ids] == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])


def test_a_step_logged_twice_counts_once_and_later(store) -> None:
    run_id = store.trial(store.sweep(), status="RUNNING")
    store.client.log_batch(run_id, metrics=[Metric("val_auc", 0.9, 2000, 1), Metric("val_auc", 0.1, 1000, 1)])
    assert history(store.uri, [run_id], ["val_auc"])["value"].tolist() == [0.9]


def test_what_is_no_number_is_left_out(store) -> None:
    values = [0.5, float("nan"), float("inf"), float("-inf"), 0.6]
    run_id = store.trial(store.sweep(), curve={"val_auc": values})
    frame = history(store.uri, [run_id], ["val_auc"])
    assert (frame["step"].tolist(), frame["value"].tolist()) == ([1, 5], [0.5, 0.6])


def test_nothing_asked_nothing_found(store) -> None:
    assert history(store.uri, [], ["val_auc"]).columns.tolist() == ["run_id", "metric", "step", "value"]
    assert history(store.uri, ["absent"], ["val_auc"]).empty


def test_another_kind_of_uri() -> None:
    with pytest.raises(ValueError, match=r"'\./mlruns'"):
        history("./mlruns", ["a"], ["val_auc"])


VALUES = {1: 0.1, 2: 0.2, 3: 0.3, 4: "NaN"}


class Server(BaseHTTPRequestHandler):
    """MLflow's bulk endpoint over a store of three runs with four steps each with VALUES."""

    max_rows = 25_000
    asked: list[list[str]] = []  # noqa: RUF012  one list for all requests is what the test reads

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        assert urlsplit(self.path).path == "/ajax-api/2.0/mlflow/metrics/get-history-bulk"
        self.asked.append(query["run_id"])
        rows = [
            {"run_id": run, "key": query["metric_key"][0], "step": s, "timestamp": s, "value": VALUES[s]}
            for run in sorted(query["run_id"])
            for s in range(1, 5)
        ]
        body = json.dumps({"metrics": rows[: self.max_rows]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    Server.asked.clear()
    serving = HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=serving.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{serving.server_port}"
    serving.shutdown()
    serving.server_close()


def test_from_a_server_in_one_request(server: str) -> None:
    frame = history(server, ["b", "a", "c"], ["val_auc"])
    assert Server.asked == [["a", "b", "c"]]
    assert frame["run_id"].tolist() == ["a"] * 3 + ["b"] * 3 + ["c"] * 3
    assert frame["value"].tolist() == [0.1, 0.2, 0.3] * 3


def test_an_answer_that_was_cut_off_is_asked_again_in_halves(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Server, "max_rows", 8)
    monkeypatch.setattr(analysis.history, "MAX_ROWS_A_REQUEST", 8)
    frame = history(server, ["a", "b", "c"], ["val_auc"])
    assert frame["value"].tolist() == [0.1, 0.2, 0.3] * 3
    assert Server.asked[0] == ["a", "b", "c"] and len(Server.asked) > 1
