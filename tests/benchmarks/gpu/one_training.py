"""Images a second of one training alone, and what it takes of the card and of the host.

Plain: eager PyTorch as one writes it without thought for speed, over batches that lie ready in the card's memory, not
augmented. Ours: an epoch of the loop, from the store's bytes, augmentation and all. Float32 is what PyTorch makes of it
by default: convolutions may use TF32. As timm: what timm's training benchmark does in its default settings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.nn import functional

from tests.benchmarks.gpu.bench_setup import Setup, drawn, taken_of_host, whole_batches
from tests.benchmarks.gpu.card_pieces import Reading
from tests.benchmarks.targets import STUDENTS
from trainables.data.normalising import normalise
from trainables.data.store import Store
from trainables.loop import train_one_epoch

ROOM_COPIES = 4  # of each image where only memory and a rough speed are asked for


def plain(setup: Setup) -> Iterator[Reading]:
    """A loop of one's own, eager and in float32, with the images whose floats fit beside the training."""
    store = setup.store(copies=1 if setup.is_trial else 4)
    network = drawn(setup.student, store).to(setup.device).train()
    adam = torch.optim.Adam(network.parameters(), lr=1e-4)
    classes_B = torch.zeros(setup.batch_size, dtype=torch.long, device=setup.device)
    batches = [
        normalise(torch.from_numpy(store.gather(rows)).to(setup.device)).contiguous()
        for rows in whole_batches(store, setup.batch_size)
    ]

    def epoch() -> int:
        for views in batches:
            adam.zero_grad()
            functional.cross_entropy(network(views), classes_B).backward()
            adam.step()
        return len(batches) * setup.batch_size

    yield Reading("plain, eager float32", setup.images_per_s(epoch), "images/s", setup.rounds)


def ours(setup: Setup, precisions: Sequence[str], compiled: bool) -> Iterator[Reading]:
    """An epoch of the loop; compiled, on a card, is `torch.compile` with CUDA graphs."""
    for precision in precisions:
        name = f"one training, {'compiled' if compiled else 'eager'} {precision}"
        yield Reading(
            name, _speed(setup, setup.store(), precision=precision, compiled=compiled), "images/s", setup.rounds
        )
        yield from setup.taken_of_card(name)
        if precision == precisions[0]:  # a process keeps the most that it has had
            yield taken_of_host(name)
        setup.give_back()


def as_timm(setup: Setup) -> Iterator[Reading]:
    """timm's DenseNet-121 as timm's benchmark.py trains: the same random images in the card's memory in each step.

    By its method, in a loop of our own: SGD with Nesterov's momentum, new random classes in each step, and forty steps
    in a row, each of which waits for the card. The batch, its size in pixels, the classes and the rounds are ours.
    """
    import timm

    torch.backends.cudnn.benchmark = True  # as there, in this process alone
    shape = (setup.batch_size, 3, setup.image_size_px, setup.image_size_px)
    num_classes, num_steps = 5, 4 if setup.is_trial else 40
    for precision in ("float32", "bfloat16"):
        torch.manual_seed(0)
        network = timm.create_model("densenet121", num_classes=num_classes).to(setup.device).train()
        sgd = torch.optim.SGD(network.parameters(), lr=1e-4, momentum=0.9, nesterov=True)
        images = torch.randn(shape, device=setup.device)

        def steps(network=network, sgd=sgd, images=images, precision=precision) -> int:
            for _ in range(num_steps):
                sgd.zero_grad()
                with torch.autocast(setup.device, dtype=torch.bfloat16, enabled=precision == "bfloat16"):
                    logits = network(images)
                    classes_B = torch.empty(len(images), dtype=torch.long, device=images.device).random_(num_classes)
                    functional.cross_entropy(logits, classes_B).backward()
                sgd.step()
                setup.wait()
            return num_steps * setup.batch_size

        yield Reading(f"timm, eager {precision}", setup.images_per_s(steps), "images/s", setup.rounds)


def room(setup: Setup, image_size_px: int) -> Iterator[Reading]:
    """What the paper's two students take of a card at another size of images, eager and in float32, as by default."""
    for student in STUDENTS:
        size = setup.image_size_px if setup.is_trial else image_size_px
        store = setup.store(size, copies=min(ROOM_COPIES, setup.copies))
        name = f"{student}, {image_size_px} px"
        try:
            yield Reading(name, _speed(setup, store, student=student), "images/s", setup.rounds)
            yield from setup.taken_of_card(name)
        except torch.OutOfMemoryError:
            yield Reading(name, 0, "images/s", note="a whole batch does not fit")
            yield Reading(f"{name}: memory on the card", float("inf"), "GiB")
        setup.give_back()


def _speed(setup: Setup, store: Store, **knobs: Any) -> float:
    """Images a second of the loop's epochs."""
    training = setup.training(store, **knobs)
    return setup.images_per_s(lambda: train_one_epoch(training, 1)[1])
