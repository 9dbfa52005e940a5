"""From MLflow to frames: runs, curves, predictions and files, and which of them may share a table.

Only `mlflow_tables` knows MLflow's own tables; the rest asks `mlflow_frames`. Nothing here computes a score or draws.
"""
