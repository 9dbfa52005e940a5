"""From MLflow to frames: runs, curves, predictions and files, and which of them may share a table.

Only `mlflow_tables` knows MLflow's own tables; the rest asks `mlflow_frames`. `run_flags` has the flags by which a
command chooses runs. Nothing here computes a score or draws.
"""
