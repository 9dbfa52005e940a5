"""Which card this is, and with which software it is used."""

from __future__ import annotations

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor

from tests.benchmarks.gpu.card_record import Card


def this_card() -> Card | None:
    """The first GPU that PyTorch sees; None where it sees none.

    Asked in a process of its own, which takes what it has of the card's memory with it.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_facts).result()


def _facts() -> Card | None:
    import pynvml
    import torch

    if not torch.cuda.is_available():
        return None
    pynvml.nvmlInit()
    facts = torch.cuda.get_device_properties(0)
    return Card(
        card=facts.name,
        card_gib=f"{facts.total_memory / 2**30:.1f}",
        driver=str(pynvml.nvmlSystemGetDriverVersion()),
        torch=torch.__version__.partition("+")[0],
        cuda=str(torch.version.cuda),
        python=sys.version.split()[0],
    )
