"""A student as MLflow loads and serves it: uint8 images in, probabilities out.

`platform.exporting.logged_models` puts this file into each model, beside the weights and the few files of `trainables`
that rebuild the network from them. MLflow runs it when a model is loaded; nothing in a model is pickled.

Shapes: B images of H x W pixels, C planes (1 grey or 3 colours), L labels or classes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
from mlflow.pyfunc.model import PythonModel, PythonModelContext
from numpy.typing import NDArray

from trainables.models.deployed import load_student, probabilities


class Student(PythonModel):
    """Restores a student from its safetensors file."""

    def load_context(self, context: PythonModelContext) -> None:
        """Reads the weights, and the facts that say what they are the weights of."""
        self._facts = json.loads(Path(context.artifacts["config"]).read_text(encoding="utf-8"))
        weights = Path(context.artifacts["weights"])
        self._student = load_student(weights, self._facts["architecture"], len(self._facts["labels"]))

    # Without type hints, which MLflow would take for a signature of its own.
    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        """uint8 [B, H, W, C], at the size that the student was trained on, to probabilities, float32 [B, L]."""
        images_BHWC: NDArray[np.uint8] = np.asarray(model_input)
        answers: NDArray[Any] = probabilities(self._student, self._facts["task"], images_BHWC)
        return answers


mlflow.models.set_model(Student())
