"""What one trial does, on a worker: data, models, transfer methods, teachers and the training loop."""

import os

# Before PyTorch is imported. Where its threads wait for each other they spin, by default 300 times as long as here. If
# others want the processors, a step then takes up to 20 times what it takes alone (2 cores, 3 processes); so, 4 times.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
