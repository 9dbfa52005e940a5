"""From a trial's events to MLflow: the ledger, and the journal that makes it safe.

The `ledger` is the only memory of a sweep. The `tracker` writes to it off the training path, through the `journal` on
disk, so that no outage loses a record. What reads the runs for tables and figures is in `analysis/reading`.
"""
