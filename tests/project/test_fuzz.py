"""The random programs themselves: the same from a seed, and few of them each time."""

from __future__ import annotations

import fuzz
import pytest


@pytest.mark.every(30)
@pytest.mark.parametrize("seed", range(3, 63))
def test_a_random_program(seed: int) -> None:
    _, kind, text = fuzz.attempt(seed)
    assert kind in ("scalar", "vector", "refused"), text


def test_a_seed_is_a_program() -> None:
    assert fuzz.draw(7).text == fuzz.draw(7).text
    assert len({fuzz.draw(seed).text for seed in range(40)}) > 35


def test_a_wrong_derivative_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    values = fuzz.ss.jacobian

    def wrong(function, *args, method="auto"):
        J = values(function, *args, method=method)
        if method == "auto":
            right = J._values  # what a call, `values` and `refill` evaluate
            monkeypatch.setattr(J, "_values", lambda *a: right(*a) * 1.001)
        return J

    monkeypatch.setattr(fuzz.ss, "jacobian", wrong)
    kinds = [fuzz.attempt(seed)[1] for seed in range(1, 9)]
    assert "disagrees" in kinds
