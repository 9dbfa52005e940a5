"""Foundation models by name: networks of timm's with the variant, the eyes and the history of one model."""

from __future__ import annotations

from trainables.models.network_facts import Architecture

FOUNDATION: dict[str, Architecture] = {}
