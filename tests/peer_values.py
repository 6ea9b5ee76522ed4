"""Whether a tool of the benchmarks gives our values: ``python tests/peer_values.py FAMILY PEER``.

As a program, because a process that has loaded JAX had better not fork, as other tests do.
"""

from __future__ import annotations

import sys

import numpy as np

from benchmarks.peers import OURS, PEERS, load_peer
from benchmarks.suite import find_family


def agree(name: str, peer: str) -> None:
    """Compare the matrices at the smallest size of a family."""
    family = find_family(name)
    task = family.task(min(family.sizes))
    theirs = load_peer(peer).prepare(task, 1)
    ours = load_peer(OURS).prepare(task, 1)
    ours.evaluate(1)
    theirs.evaluate(1)
    expected, found = ours.matrix().toarray(), theirs.matrix().toarray()
    scale = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=0, atol=PEERS[peer].tolerance * scale)
    assert ours.rows == theirs.rows


if __name__ == "__main__":
    agree(*sys.argv[1:])
