"""How long a trained student takes to answer, on the machine that trained it and as busy as that was."""

from __future__ import annotations

import numpy as np
import torch

from trainables.data.normalising import normalise
from trainables.timing import median_seconds
from trainables.training import Training


@torch.inference_mode()
def latencies(training: Training) -> dict[str, float]:
    """``cost_latency_ms`` of one image, ``cost_latency_batch_ms`` of a batch of ``cost_latency_batch_size``.

    Medians of some rounds, in evaluation mode, of images that are in the device's memory already.
    """
    network, rows = training.scored.eval(), training.store.rows("validation")
    batch_size = training.micro_batch_size or training.config.batch_size
    views_BCHW = normalise(training.images.of(np.resize(rows, batch_size)))

    def milliseconds(num_images: int) -> float:
        part = views_BCHW[:num_images]
        with training.autocast():
            return 1000 * median_seconds(lambda: network(part))

    return {
        "cost_latency_ms": milliseconds(1),
        "cost_latency_batch_ms": milliseconds(batch_size),
        "cost_latency_batch_size": float(batch_size),
    }
