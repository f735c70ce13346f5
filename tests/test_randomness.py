from __future__ import annotations

import torch

from al.randomness import generator, seeded, torch_seed


def test_a_step_draws_the_same_again_and_no_other_step_does() -> None:
    draws = {
        name: generator(*name).integers(1 << 60)  # type: ignore[arg-type]
        for name in [(0, 1, "a"), (1, 1, "a"), (0, 2, "a"), (0, 1, "b"), (0, 1, "a", 1)]
    }
    assert len(set(draws.values())) == len(draws)
    assert generator(0, 1, "a").integers(1 << 60) == draws[0, 1, "a"]


def test_a_torch_seed_fits_torch() -> None:
    for cycle in range(200):
        torch.Generator().manual_seed(torch_seed(7, cycle, "init"))


def test_the_callers_generators_are_left_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    with seeded(5):
        inside = torch.rand(2)
    assert torch.equal(torch.rand(2), expected)
    with seeded(5):
        assert torch.equal(torch.rand(2), inside)
