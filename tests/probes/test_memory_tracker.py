"""The tracker beside independent measurements of the same memory."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch._subclasses.fake_tensor import FakeTensorMode  # noqa: E402

from probes import _torch_private as private  # noqa: E402
from probes import memory_log, pulse  # noqa: E402
from probes.memory_log import Kind, MemoryLog  # noqa: E402
from probes.memory_tracker import MemoryTracker, states_of  # noqa: E402


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(256, 512), nn.ReLU(), nn.Sequential(nn.Linear(512, 512), nn.Tanh()),
        nn.Linear(512, 8),
    )  # fmt: skip


def follow(net: nn.Module, steps: int = 2, batch: int = 64) -> MemoryLog:
    optimizer = torch.optim.AdamW(net.parameters())
    with MemoryTracker(net) as tracker:
        tracker.mark(Kind.PARAMETERS, dict(net.named_parameters()))
        for _ in range(steps):
            with pulse.phase("transfer"):
                x = torch.ones(batch, 256)
                tracker.mark(Kind.INPUTS, {"x": x})
            with pulse.phase("forward"):
                y = net(x).square().mean()
            with pulse.phase("backward"):
                y.backward()
            tracker.mark(Kind.GRADIENTS, {n: p.grad for n, p in net.named_parameters()})
            with pulse.phase("optimizer"):
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            tracker.mark(Kind.OPTIMIZER, states_of(optimizer, net))
            del x, y
            tracker.next_step()
    memory_log.classify(tracker.log)
    return tracker.log


def test_peak_is_that_of_torchs_own_profiler() -> None:
    net = network()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    x = torch.ones(512, 256)

    def step() -> None:
        net(x).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    step()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU],
                                profile_memory=True) as profiler:  # fmt: skip
        step()
    held = peak = 0
    for event in profiler.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    with MemoryTracker(net) as tracker:
        before = sum(p.numel() * 4 for p in net.parameters()) + x.numel() * 4
        tracker.mark(Kind.PARAMETERS, dict(net.named_parameters()))
        tracker.mark(Kind.INPUTS, {"x": x})
        step()
    assert memory_log.peak(tracker.log).bytes - before == pytest.approx(peak, rel=0.01)


def test_kinds_add_up_to_the_peak_and_are_what_they_must_be() -> None:
    net = network()
    log = follow(net)
    parameters = sum(p.numel() * 4 for p in net.parameters())
    steady = memory_log.peak(log, steps=[1])
    assert sum(steady.by_kind.values()) == sum(steady.by_module.values()) == steady.bytes
    assert steady.by_kind["parameters"] == parameters
    # Two moments a parameter, and a count of four bytes each.
    assert steady.by_kind["optimizer"] == 2 * parameters + 4 * len(list(net.parameters()))
    first = memory_log.peak(log, steps=[0], phase="forward")
    assert "optimizer" not in first.by_kind
    assert "gradients" not in first.by_kind
    assert first.by_kind["inputs"] == 64 * 256 * 4
    kept = sum(
        one.size for one in log.allocations if one.kind is Kind.ACTIVATIONS and one.step == 0
    )
    # What ReLU and Tanh return is kept by them and by the next layer: once each. Then the output,
    # and the mean of its squares.
    assert kept == 4 * (2 * 64 * 512 + 64 * 8 + 1)


def test_modules_are_named_in_forward_and_in_backward() -> None:
    net = network()
    log = follow(net)
    made = {(one.phase, one.module, one.size) for one in log.allocations}
    assert ("forward", "2.0", 64 * 512 * 4) in made
    assert ("backward", "2.0", 512 * 512 * 4) in made
    assert ("backward", "3", 8 * 512 * 4) in made
    assert all(one.module in ("", "0", "1", "2", "2.0", "2.1", "3") for one in log.allocations)


def test_everything_that_a_step_made_is_seen_to_go() -> None:
    log = follow(network())
    alive = sum(event.bytes for event in log.events)
    kept = sum(one.size for one in log.allocations if one.kind in (Kind.PARAMETERS, Kind.OPTIMIZER))
    assert alive == kept


def test_fake_tensors_make_the_same_log() -> None:
    with FakeTensorMode():
        fake = follow(network())
    real = follow(network())
    for steps in ([0], [1]):
        assert memory_log.peak(fake, steps=steps) == memory_log.peak(real, steps=steps)
        assert memory_log.phase_peaks(fake, steps) == memory_log.phase_peaks(real, steps)


def test_checkpointed_part_is_made_again_by_its_modules_in_backward() -> None:
    net = network()
    with MemoryTracker(net) as tracker:
        with pulse.phase("forward"):
            x = torch.ones(64, 256, requires_grad=True)
            y = torch.utils.checkpoint.checkpoint(net, x, use_reentrant=False).sum()
        with pulse.phase("backward"):
            y.backward()
    memory_log.classify(tracker.log)
    again = [
        one for one in tracker.log.allocations if one.phase == "backward" and one.module == "2.0"
    ]
    assert any(one.size == 64 * 512 * 4 for one in again)


def test_stacks_name_the_line_that_made_it() -> None:
    net = network()
    with MemoryTracker(net, stacks=True) as tracker, pulse.phase("forward"):
        made = net(torch.ones(7, 256))
    [one] = (one for one in tracker.log.allocations if one.size == made.nbytes)
    (file, _, function), *_ = one.stack
    assert (file, function) == (__file__, "test_stacks_name_the_line_that_made_it")
    assert not any("/torch/" in frame[0] for frame in one.stack)
    with MemoryTracker(net) as tracker:
        net(torch.ones(7, 256))
    assert all(one.stack == () for one in tracker.log.allocations)


def test_what_is_private_of_torch_is_as_it_was() -> None:
    x = torch.ones(3, requires_grad=True)
    before = private.next_sequence_number()
    y = x * 2
    assert private.next_sequence_number() > before
    seen = []
    y.register_hook(lambda grad: seen.append(private.backward_sequence_number()))
    z = y.sum()
    z.backward()
    assert private.backward_sequence_number() is None
    assert seen != []
    assert all(number is not None and number >= before for number in seen)
    assert "aten::conv2d" in private.operators_cast_on("AutocastCUDA")
    weight = nn.Parameter(torch.ones(2, 2))
    assert private.is_plain_leaf(weight)
    assert not private.is_plain_leaf(weight[0])
    assert not private.is_plain_leaf(weight.detach())
