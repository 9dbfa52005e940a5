"""Reads the runs in MLflow: tables beside the paper's, statistics, figures and the report.

Commands such as `analysis.report`, `analysis.table_5` and `analysis.attention_maps` are here; what they compute and
draw is in the folders below. Each table and figure makes a frame first, which the tests check, and then draws it.
Nothing here trains a network or changes a run, and every number can be rebuilt from MLflow alone.
"""

import os

# MLflow reads both while it is imported, by whichever module or thread is the first to do so: that is after this.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")  # not how it opens a database and creates its tables
