"""What a number depends on beside the code: libraries, and how this CPU computes."""

from __future__ import annotations

import hashlib
from importlib.metadata import version

import numpy as np
import torch
from torch import nn

LIBRARIES = ("numpy", "optuna", "pandas", "pillow", "scikit-learn", "scipy", "torch", "torchvision")


def machine() -> dict[str, str]:
    """The versions of `LIBRARIES`, what torch makes of the CPU, and hashes of its arithmetic.

    Two machines whose facts are equal are expected to give the same numbers bit for bit; the hashes tell CPUs of one
    capability apart.
    """
    return {
        **{name: version(name) for name in LIBRARIES},
        "CPU capability": torch.backends.cpu.get_cpu_capability(),
        "arithmetic of numpy": _numpy_hash(),
        "arithmetic of torch in float32": _torch_hash(torch.float32),
        "arithmetic of torch in bfloat16": _torch_hash(torch.bfloat16),
    }


def _numpy_hash() -> str:
    x = np.random.default_rng(0).random((64, 64))
    values = (np.exp(x), np.sin(x), np.power(x, 2.2), np.hypot(x, x.T), x @ x, np.linalg.inv(x), x.sum(axis=0))
    digest = hashlib.sha256()
    for each in values:
        digest.update(each.tobytes() + each.astype(np.float32).tobytes())
    return digest.hexdigest()[:16]


def _torch_hash(dtype: torch.dtype) -> str:
    """Of outputs and gradients of a small network with the layers of a DenseNet, on one thread as in a trial."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]), torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            torch.manual_seed(0)
            layers = [nn.Conv2d(3, 64, 7, stride=2, padding=3), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2)]
            layers += [nn.Conv2d(64, 128, 1), nn.BatchNorm2d(128), nn.ReLU(), nn.Conv2d(128, 32, 3, padding=1)]
            network = nn.Sequential(*layers, nn.AvgPool2d(2), nn.Flatten(), nn.Linear(512, 5))
            network = network.to(memory_format=torch.channels_last)
            views_BCHW = torch.randn(8, 3, 32, 32).contiguous(memory_format=torch.channels_last)
            logits_BL = network(views_BCHW)
            loss = nn.functional.cross_entropy(logits_BL.float(), torch.arange(8) % 5)
        loss.backward()
        optimizer = torch.optim.Adam(network.parameters(), fused=True)
        optimizer.step()
        tensors = [logits_BL, loss, *network.state_dict().values(), *(p.grad for p in network.parameters())]
        digest = hashlib.sha256()
        for tensor in tensors:
            assert tensor is not None, "every parameter has a gradient"
            digest.update(tensor.detach().double().contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]
    finally:
        torch.set_num_threads(threads)
