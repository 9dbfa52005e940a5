"""Reads results: runs out of MLflow, tables beside the paper's, statistics and figures. Trains nothing."""
