"""The student of `peer_stack.py`: photographs decoded by PIL, torchdistill's attention transfer, Ray's class interface.

Written with what makes these libraries fast: an actor keeps its data sets and teachers for the next trial, networks are
channels-last, and Adam is fused.
"""

from __future__ import annotations

import csv
import json
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torchvision
from PIL import Image
from ray import tune
from safetensors.torch import load_file
from sklearn.metrics import f1_score, roc_auc_score
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torchdistill.core.forward_hook import ForwardHookManager  # type: ignore[import-untyped]
from torchdistill.losses.mid_level import ATLoss  # type: ignore[import-untyped]
from torchvision import transforms

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
METRIC = "best_f1"
TUNED = ("learning_rate", "weight_decay", "beta")  # which Optuna puts beside a point
TEACHERS_TAP, STUDENTS_TAP = "features.denseblock4.denselayer15", "attention"
CPU = torch.device("cpu")


class Photographs(Dataset):
    """The photographs of one split, decoded by PIL."""

    def __init__(self, table: str, split: str, transform: Any, draft_px: int | None = None) -> None:
        with open(table, newline="") as file:
            self.rows = [(row["path"], int(row["label"])) for row in csv.DictReader(file) if row["split"] == split]
        self.transform, self.draft_px = transform, draft_px

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        path, label = self.rows[index]
        with Image.open(path) as image:
            if self.draft_px:  # decodes a JPEG at 1/2, 1/4 or 1/8 of its size, and at least at this one
                image.draft("RGB", (self.draft_px, self.draft_px))
            return self.transform(image.convert("RGB")), label


class DenseNet40(nn.Module):
    """The first two dense blocks of a DenseNet-121, a tap of 32 planes, and a head."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.features = torchvision.models.densenet121().features[:7]
        self.attention = nn.Conv2d(512, 32, kernel_size=1)
        self.expansion = nn.Conv2d(32, 1024, kernel_size=1)
        self.norm = nn.BatchNorm2d(1024)
        self.classifier = nn.Linear(1024, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        size = x.shape[2] // 32, x.shape[3] // 32
        x = self.attention(functional.adaptive_avg_pool2d(self.features(x), size))
        x = functional.relu(self.norm(self.expansion(x)))
        return self.classifier(x.mean(dim=(2, 3)))


def loaders(config: dict[str, Any]) -> dict[str, DataLoader]:
    """A loader per split; the training photographs are rotated and mirrored."""
    resized = [transforms.Resize(config["size"]), transforms.CenterCrop(config["size"])]
    varied = [transforms.RandomRotation(15), transforms.RandomHorizontalFlip()]
    tensors = [transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
    workers: dict[str, Any] = {"num_workers": config["workers"], "persistent_workers": config["workers"] > 0}
    result = {}
    for split in ("train", "validation", "test"):
        is_train = split == "train"
        transform = transforms.Compose([*resized, *(varied if is_train else []), *tensors])
        photographs = Photographs(config["table"], split, transform, config["size"] if config["draft"] else None)
        result[split] = DataLoader(photographs, batch_size=config["batch_size"], shuffle=is_train, **workers)
    return result


def point_of(config: dict[str, Any]) -> dict[str, Any]:
    """What a trial is to do."""
    return {**config["point"], **{name: config[name] for name in TUNED if name in config}}


def load_teacher(folder: str, name: str) -> nn.Module:
    """A frozen DenseNet-121."""
    weights = load_file(Path(folder) / name / "weights.safetensors")
    teacher = torchvision.models.densenet121(num_classes=len(weights["classifier.bias"]))
    teacher.load_state_dict(weights)
    return teacher.eval().requires_grad_(False).to(memory_format=torch.channels_last)


class Student(tune.Trainable):
    """Trains one student; a step is an epoch. Its actor keeps data sets and teachers for the next trial."""

    def setup(self, config: dict[str, Any]) -> None:
        self.busy_s = time.process_time()
        self.seconds: dict[str, float] = defaultdict(float)
        if not hasattr(self, "loaders"):
            self.loaders = loaders(config)
            self.teachers: dict[str, tuple[nn.Module, ForwardHookManager]] = {}
        self.point = point = point_of(config)
        torch.manual_seed(point["seed"])
        self.student = DenseNet40(config["classes"])
        first = load_file(Path(config["teachers"]) / "imagenet" / "weights.safetensors")
        backbone = {name: first[name] for name in self.student.state_dict() if name.startswith("features.")}
        self.student.load_state_dict(backbone, strict=False)
        self.student.to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.Adam(
            self.student.parameters(), lr=point["learning_rate"], weight_decay=point["weight_decay"], fused=True
        )
        self.best = -1.0
        self.teacher: nn.Module | None = None
        self.best_weights: dict[str, torch.Tensor] = {}
        if point["teacher"] != "none":
            self._guide(config["teachers"], point["teacher"])

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.setup(new_config)
        return True

    def _guide(self, folder: str, name: str) -> None:
        """torchdistill's attention transfer, by hooks."""
        if name not in self.teachers:
            teacher, hooks = load_teacher(folder, name), ForwardHookManager(CPU)
            hooks.add_hook(teacher, TEACHERS_TAP, requires_input=False)
            self.teachers[name] = teacher, hooks
        self.teacher, self.of_teacher = self.teachers[name]
        self.of_student = ForwardHookManager(CPU)
        self.of_student.add_hook(self.student, STUDENTS_TAP, requires_input=False)
        taps = {"teacher": {"io": "output", "path": TEACHERS_TAP}, "student": {"io": "output", "path": STUDENTS_TAP}}
        self.attention = ATLoss({"pair": taps})

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        started_s = time.perf_counter()
        yield
        self.seconds[what] += time.perf_counter() - started_s

    def _batches(self, split: str) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        batches = iter(self.loaders[split])
        while True:
            with self._timed(f"pictures_{split}"):
                batch = next(batches, None)
            if batch is None:
                return
            yield batch[0].to(memory_format=torch.channels_last), batch[1]

    def step(self) -> dict[str, Any]:
        began, epoch = time.time(), self.iteration + 1
        with self._timed("training"):
            self._train()
        with self._timed("validation"):
            scores = self._scores("validation")
        if scores["f1"] > self.best:
            self.best = scores["f1"]
            self.best_weights = {name: tensor.clone() for name, tensor in self.student.state_dict().items()}
        result = {f"val_{name}": value for name, value in scores.items()} | {METRIC: self.best}
        done = epoch == self.config["epochs"]
        if done and self.point["phase"] == "confirm":
            self.student.load_state_dict(self.best_weights)
            with self._timed("test"):
                result |= {f"test_{name}": value for name, value in self._scores("test").items()}
        self._note(epoch, began)
        return {**result, "done": done}

    def _train(self) -> None:
        self.student.train()
        for images, labels in self._batches("train"):
            self.optimizer.zero_grad()
            if self.teacher is not None:
                with self._timed("teacher"), torch.no_grad():
                    self.teacher(images)
            with self._timed("student"):
                loss = functional.cross_entropy(self.student(images), labels)
                if self.teacher is not None:
                    transfer = self.attention(self.of_student.pop_io_dict(), self.of_teacher.pop_io_dict())
                    loss = loss + transfer / self.point["beta"]
                loss.backward()
                self.optimizer.step()

    @torch.no_grad()
    def _scores(self, split: str) -> dict[str, float]:
        self.student.eval()
        outputs, labels = zip(*((self.student(images), labels) for images, labels in self._batches(split)), strict=True)
        shares, truth = torch.cat(outputs).softmax(dim=1).numpy(), torch.cat(labels).numpy()
        areas = [roc_auc_score(truth == k, shares[:, k]) for k in range(shares.shape[1]) if 0 < (truth == k).mean() < 1]
        return {"f1": f1_score(truth, shares.argmax(axis=1), average="weighted"), "auc": sum(areas) / len(areas)}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        with self._timed("saving"):
            state = {"student": self.student.state_dict(), "optimizer": self.optimizer.state_dict()}
            torch.save({**state, "best": self.best, "weights": self.best_weights}, Path(checkpoint_dir) / "state.pt")
        self._note(0, time.time())

    def load_checkpoint(self, checkpoint: Any) -> None:
        state = torch.load(Path(checkpoint) / "state.pt")
        self.student.load_state_dict(state["student"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.best, self.best_weights = state["best"], state["weights"]

    def _note(self, epoch: int, began: float) -> None:
        now_s = time.process_time()
        self.seconds["cpu"], self.busy_s = now_s - self.busy_s, now_s
        about = {"cell": self.point["cell"], "phase": self.point["phase"], "epoch": epoch, "began": began}
        with open(Path(self.config["out"]) / "timings.jsonl", "a") as file:
            file.write(json.dumps({**about, "ended": time.time(), **self.seconds}) + "\n")
        self.seconds.clear()
