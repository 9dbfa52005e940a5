"""Reads the runs in MLflow: tables beside the paper's, statistics, figures and the report.

Commands such as `analysis.report`, `analysis.table_5` and `analysis.attention_maps` lie here, with the statistics that
they share. Each table and figure first makes a frame, which the tests look at, and then draws it. Nothing here trains a
network or changes a run, and every number can be rebuilt from MLflow alone.
"""
