"""The groups of workloads in the order of the page. Each says which it has, compares them, and writes their section."""

from __future__ import annotations

from types import ModuleType

import backtests.compare
import backtests.compare_events
import batches.compare
import belief.compare
import curves.compare
import growth.compare
import imports.compare
import startup.compare
import sweeps.compare
import trades.compare

GROUPS: tuple[ModuleType, ...] = (
    backtests.compare,
    backtests.compare_events,
    sweeps.compare,
    curves.compare,
    imports.compare,
    startup.compare,
    batches.compare,
    trades.compare,
    belief.compare,
    growth.compare,
)
WORKLOADS: dict[str, ModuleType] = {name: group for group in GROUPS for name in group.WORKLOADS}


def peer_names() -> list[str]:
    """Return what ``--peers`` takes: names of peers, or of environments that several share."""
    peers = [peer for group in GROUPS for peer in getattr(group, "PEERS", ())]
    return list(dict.fromkeys(name for peer in peers for name in (peer.environment.name, peer.name)))
