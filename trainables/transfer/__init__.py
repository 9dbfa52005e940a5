"""The ways to transfer knowledge, one file a method; `METHODS` finds them by the name that the search spaces use."""

from __future__ import annotations

from trainables.transfer.attention import AttentionTransfer

METHODS = {AttentionTransfer.name: AttentionTransfer}
