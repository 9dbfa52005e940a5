"""The machines that trials run on: this one, or a cluster.

A cluster is found, joined and inspected here before its machines get trials. What they report about themselves comes
from `trainables/inspection.py`; how a cluster is started is in `cluster.yaml` and `docs/cluster.md`.
"""
