"""What one trial does, on a worker: data, models, teachers, transfer methods and the training loop.

A trial is described by `trial.py`, assembled by `job.py` and trained by `loop.py`. Everything here must run on a
machine that knows nothing of the sweep: no MLflow, no Optuna, and Ray in `student.py` only.
"""

import os

# Before PyTorch is imported. Where its threads wait for each other they spin, by default 300 times as long as here. If
# others want the processors, a step then takes up to 20 times what it takes alone (2 cores, 3 processes); so, 4 times.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
