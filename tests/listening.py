"""Where a process and its children listen, as Linux lists it."""

from __future__ import annotations

import ipaddress
import os
from contextlib import suppress
from pathlib import Path

from tests.chaos.faults import descendants

LISTENS = "0A"  # the state of a socket


def interfaces(pid: int) -> set[str]:
    """The addresses of the interfaces on which the process, or one that it has started, takes TCP connections."""
    inodes = {inode for each in descendants(pid) for inode in _sockets(each)}
    addresses = set()
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == LISTENS and words[9] in inodes:
                addresses.add(_written(words[1].partition(":")[0]))
    return addresses


def _sockets(pid: int) -> set[str]:
    targets = []
    with suppress(OSError):  # it has just ended, or has closed one
        targets = [os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()]
    return {target[len("socket:[") : -1] for target in targets if target.startswith("socket:[")}


def _written(digits: str) -> str:
    """An address as a person writes it, from words of four bytes, each of which is turned round."""
    words = [digits[start : start + 8] for start in range(0, len(digits), 8)]
    address = ipaddress.ip_address(b"".join(bytes.fromhex(word)[::-1] for word in words))
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
