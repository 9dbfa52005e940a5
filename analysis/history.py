"""Learning curves out of MLflow, in bulk: one query for hundreds of runs, never one a run.

A database is asked directly, through its index on (run, metric); a tracking server through its bulk endpoint.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd
import sqlalchemy as sql
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request

COLUMNS = ["run_id", "metric", "step", "value"]
NUM_RUNS_A_QUERY = 500  # below SQLite's old limit of 999 parameters
NUM_RUNS_A_REQUEST = 100  # MLflow 3.17: more are refused
MAX_ROWS_A_REQUEST = 25_000  # MLflow 3.17: more are cut off, silently
ENDPOINT = "/ajax-api/2.0/mlflow/metrics/get-history-bulk"

METRICS = sql.table(
    "metrics", *[sql.column(name) for name in ("run_uuid", "key", "step", "value", "is_nan", "timestamp")]
)


def history(tracking_uri: str, run_ids: Sequence[str], metrics: Sequence[str]) -> pd.DataFrame:
    """Every logged value: run_id, metric, step, value, sorted by these, one row a step.

    Where a resumed run logged a step twice, the later value counts. NaN and infinite values are left out.

    Raises:
        ValueError: the tracking URI is neither a database nor an http(s) server.
    """
    unique = sorted(set(run_ids))
    if tracking_uri.startswith(("http://", "https://")):
        parts = list(_from_server(tracking_uri, unique, metrics))
    elif "://" in tracking_uri and not tracking_uri.startswith("file:"):
        parts = list(_from_database(tracking_uri, unique, metrics))
    else:
        raise ValueError(f"tracking URI must be a database (sqlite://) or a server (http:), but got {tracking_uri!r}")
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    frame = pd.concat(parts, ignore_index=True).sort_values([*COLUMNS[:3], "timestamp"], kind="stable")
    frame = frame.drop_duplicates(COLUMNS[:3], keep="last")
    finite = frame["value"].notna() & frame["value"].abs().lt(1e300)  # MLflow stores infinity as +-1.8e308
    return frame.loc[finite, COLUMNS].reset_index(drop=True)


def _from_database(tracking_uri: str, run_ids: list[str], metrics: Sequence[str]) -> Iterator[pd.DataFrame]:
    engine = sql.create_engine(tracking_uri)
    column = METRICS.c
    try:
        with engine.connect() as connection:
            for start in range(0, len(run_ids), NUM_RUNS_A_QUERY):
                query = sql.select(
                    column.run_uuid.label("run_id"),
                    column.key.label("metric"),
                    column.step,
                    sql.case((column.is_nan, None), else_=column.value).label("value"),
                    column.timestamp,
                ).where(column.run_uuid.in_(run_ids[start : start + NUM_RUNS_A_QUERY]), column.key.in_(list(metrics)))
                yield pd.DataFrame(connection.execute(query).all(), columns=[*COLUMNS, "timestamp"])
    finally:
        engine.dispose()


def _from_server(tracking_uri: str, run_ids: list[str], metrics: Sequence[str]) -> Iterator[pd.DataFrame]:
    for metric in metrics:
        for start in range(0, len(run_ids), NUM_RUNS_A_REQUEST):
            yield from _request(tracking_uri, run_ids[start : start + NUM_RUNS_A_REQUEST], metric)


def _request(tracking_uri: str, run_ids: list[str], metric: str) -> Iterator[pd.DataFrame]:
    """One request; asked again in halves where the answer may have been cut off."""
    answer = http_request(
        host_creds=get_default_host_creds(tracking_uri),
        endpoint=ENDPOINT,
        method="GET",
        params={"run_id": run_ids, "metric_key": metric, "max_results": MAX_ROWS_A_REQUEST},
    )
    answer.raise_for_status()
    values = answer.json()["metrics"]
    if len(values) >= MAX_ROWS_A_REQUEST and len(run_ids) > 1:
        middle = len(run_ids) // 2
        yield from _request(tracking_uri, run_ids[:middle], metric)
        yield from _request(tracking_uri, run_ids[middle:], metric)
    elif values:
        frame = pd.DataFrame(values).rename(columns={"key": "metric"})
        # A server that writes NaN as text sends it so; it is no number either way.
        yield frame.assign(value=pd.to_numeric(frame["value"], errors="coerce"))[[*COLUMNS, "timestamp"]]
