"""MLflow's own tables, read by SQL: runs, with their tags, parameters and metrics, by names, columns and types.

Elsewhere `analysis.reading.dataset_names` knows the experiments' names, and `analysis.reading.recorded_places` and
`platform.tracking.adopting` know the columns with addresses of files.

MLflow's client builds an object for every tag, which takes 2.5 s for 1,000 runs, and reads metrics run by run.
`differences` names what a newer MLflow has changed; `analysis.reading.mlflow_frames` then reads through the client.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from numbers import Number

import pandas as pd
import sqlalchemy as sql

from analysis.reading.wide_frame import METRIC_COLUMNS, RUN_COLUMNS, wide_frame

PYTHON_TYPES = {str: str, int: int, bool: int, float: Number}  # MySQL has Booleans as int, and doubles as Decimal
NUM_RUNS_PER_QUERY = 500  # below SQLite's old limit of 999 parameters

_META = sql.MetaData()


def _table(name: str, /, **columns: type[sql.types.TypeEngine]) -> sql.Table:
    return sql.Table(name, _META, *[sql.Column(column, kind) for column, kind in columns.items()])


EXPERIMENTS = _table("experiments", experiment_id=sql.Integer, name=sql.String)
RUNS = _table(
    "runs",
    run_uuid=sql.String,
    experiment_id=sql.Integer,
    name=sql.String,
    status=sql.String,
    start_time=sql.BigInteger,
    artifact_uri=sql.String,
    lifecycle_stage=sql.String,
)
TAGS = _table("tags", run_uuid=sql.String, key=sql.String, value=sql.String)
PARAMS = _table("params", run_uuid=sql.String, key=sql.String, value=sql.String)
LATEST = _table("latest_metrics", run_uuid=sql.String, key=sql.String, value=sql.Double, is_nan=sql.Boolean)
METRICS = _table(
    "metrics",
    run_uuid=sql.String,
    key=sql.String,
    value=sql.Double,
    is_nan=sql.Boolean,
    step=sql.BigInteger,
    timestamp=sql.BigInteger,
)


def differences(tracking_uri: str) -> list[str]:
    """What this module relies on and the database lacks, one line per table or column; [] where nothing is missing."""
    with _connection(tracking_uri) as connection:
        inspector = sql.inspect(connection)
        existing = set(inspector.get_table_names())
        lines = [f"there is no table {name}" for name in _META.tables if name not in existing]
        for name in existing & set(_META.tables):
            columns = {column["name"]: column["type"] for column in inspector.get_columns(name)}
            lines += filter(None, [_difference(column, columns) for column in _META.tables[name].columns])
    return sorted(lines)


def _difference(expected: sql.Column, columns: dict[str, sql.types.TypeEngine]) -> str:
    where = f"{expected.table.name}.{expected.name}"
    if expected.name not in columns:
        return f"there is no column {where}"
    try:
        actual = columns[expected.name].python_type
    except NotImplementedError:  # a type that SQLAlchemy does not know
        actual = object
    wanted = PYTHON_TYPES[expected.type.python_type]
    return "" if issubclass(actual, wanted) else f"{where} must hold {wanted.__name__}, but is {columns[expected.name]}"


def run_frame(tracking_uri: str, experiment: str, sweep: str | None) -> pd.DataFrame:
    """As `analysis.reading.mlflow_client.run_frame`."""
    with _connection(tracking_uri) as connection:
        selected = _selected(experiment, sweep)
        names = ["run_uuid", "experiment_id", "name", "status", "start_time", "artifact_uri"]
        query = sql.select(*[RUNS.c[name] for name in names]).where(RUNS.c.run_uuid.in_(selected))
        runs = pd.DataFrame(connection.execute(query).all(), columns=RUN_COLUMNS)
        value = sql.case((LATEST.c.is_nan, None), else_=LATEST.c.value)
        facts = {}
        for prefix, table, column in (
            ("tags", TAGS, TAGS.c.value),
            ("params", PARAMS, PARAMS.c.value),
            ("metrics", LATEST, value),
        ):
            query = sql.select(table.c.run_uuid, table.c.key, column).where(table.c.run_uuid.in_(selected))
            facts[prefix] = pd.DataFrame(connection.execute(query).all(), columns=["run_id", "key", "value"])
        facts["metrics"] = facts["metrics"].astype({"value": float})
    return wide_frame(runs, facts)


def metric_frame(tracking_uri: str, run_ids: Sequence[str], metrics: Sequence[str]) -> pd.DataFrame:
    """As `analysis.reading.mlflow_client.metric_frame`, through the index on (run, metric)."""
    column = METRICS.c
    rows: list[sql.Row] = []
    with _connection(tracking_uri) as connection:
        for start in range(0, len(run_ids), NUM_RUNS_PER_QUERY):
            query = sql.select(
                column.run_uuid,
                column.key,
                column.step,
                sql.case((column.is_nan, None), else_=column.value),
                column.timestamp,
            ).where(column.run_uuid.in_(run_ids[start : start + NUM_RUNS_PER_QUERY]), column.key.in_(list(metrics)))
            rows += connection.execute(query).all()
    return pd.DataFrame(rows, columns=METRIC_COLUMNS).astype({"value": float})  # None, where all are NaN, is an object


def newest_experiment(tracking_uri: str) -> int | None:
    """The experiment that the run belongs to that began last; None where there is no run, or no such table."""
    if differences(tracking_uri):
        return None
    query = sql.select(RUNS.c.experiment_id).where(RUNS.c.lifecycle_stage == "active")
    with _connection(tracking_uri) as connection:
        return connection.execute(query.order_by(RUNS.c.start_time.desc()).limit(1)).scalar()


@contextmanager
def _connection(tracking_uri: str) -> Iterator[sql.Connection]:
    engine = sql.create_engine(tracking_uri)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _selected(experiment: str, sweep: str | None) -> sql.Select[tuple[str]]:
    query = (
        sql.select(RUNS.c.run_uuid)
        .join_from(RUNS, EXPERIMENTS, RUNS.c.experiment_id == EXPERIMENTS.c.experiment_id)
        .where(EXPERIMENTS.c.name == experiment, RUNS.c.lifecycle_stage == "active")
    )
    if sweep is None:
        return query
    return query.join(TAGS, TAGS.c.run_uuid == RUNS.c.run_uuid).where(TAGS.c.key == "sweep", TAGS.c.value == sweep)
