"""An ablation's file in MLflow: its text, its hash and its question, on the sweep's own run."""

from __future__ import annotations

from platform.command_line.ablation import Ablation
from platform.command_line.ablation_request import overrides
from platform.command_line.sweep_requests import SweepRequest
from platform.tracking.ledger import MAX_TAG_CHARS, Ledger

ARTIFACT = "ablation.toml"


def ablation_tags(request: SweepRequest) -> dict[str, str]:
    """The tags of the sweep's own run that say what its ablation's file was; none where it has none.

    No path is among them. A long text is cut in the tag; the artifact has all of it.
    """
    if request.file is None:
        return {}
    return {
        "ablation": request.file.text[:MAX_TAG_CHARS],
        "ablation_file": request.file.path.name,
        "ablation_sha256": request.file.sha256,
        "ablation_question": request.file.question[:MAX_TAG_CHARS],
        "overrides": overrides(request)[:MAX_TAG_CHARS],
    }


def keep_file(ledger: Ledger, file: Ablation | None) -> None:
    """Puts the file among the artifacts of the sweep's own run."""
    if file is not None:
        ledger.client.log_text(ledger.parent_id, file.text, ARTIFACT)
