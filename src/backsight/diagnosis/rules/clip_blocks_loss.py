"""BS301: a clip between the network and the loss refuses the gradient that would have taught."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from ...traces.findings import Finding, Severity
from ...traces.recording import Probe, Recording, Site
from ..registry import rule
from ..repair import repair_of_clip


@rule("BS301", "clip-blocks-loss", reads=("clamp",))
def clip_blocks_loss(
    recording: Recording, *, warning: float = 0.25, critical: float = 0.50, in_a_row: int = 5
) -> Iterator[Finding]:
    """Find clips on the way to the loss that block gradient which would have taught.

    Outside its range a clip has the local derivative zero. If it stands between the network and the
    loss, the samples that are most wrong get no gradient at all. The usual story: the author means
    to bound the gradient of outliers and bounds the error instead.

    Judged are clip, clamp, hardtanh, and minimum or maximum with a constant, where no trainable
    parameter enters between them and the loss, or where they are applied to a parameter itself. An
    element counts as blocked when gradient arrives, none leaves, and descent would move the value
    back inside the range: above the upper bound and pushed down, or below the lower and pushed up.
    The share is that over the run: the beginning is observed densely, so an observed step counts
    for all those since the one before, and the last ones for the rest of the run. Margins (hinge),
    PPO's ratio clip and free bits push outward and count nothing.

    Fires on::

        x, y = rng.normal(size=(64, 4)), rng.normal(size=(64, 1)) * 10
        w = bs.tensor(np.zeros((4, 1)), name="w")
        for step in range(10):
            error = x @ w - y
            loss = np.mean(np.clip(error, -1.0, 1.0) ** 2)
            w.grad = None
            loss.backward()
            w.value -= 0.1 * w.grad

    Silent on::

        x, y = rng.normal(size=(64, 4)), rng.normal(size=(64, 1)) * 10
        w = bs.tensor(np.zeros((4, 1)), name="w")
        for step in range(10):
            error = x @ w - y
            loss = np.mean(bs.huber(error, delta=1.0))
            w.grad = None
            loss.backward()
            w.value -= 0.1 * w.grad

    What helps: the Huber loss, which limits the gradient instead of cutting it off; or no clip in
    the loss and clipping of the gradient after the backward pass.

    Source: A. Karpathy, "Yes you should understand backprop" (2016), on DQN clipping; deep_q_rl
    #46. Thresholds calibrated on ten healthy and nine sick programs: clipped TD errors 0.88 to
    1.00, hinge, PPO and free bits 0.00.
    """
    for site in recording.of_kind("clamp"):
        if site.side == "hidden":
            continue
        probes = [probe for probe in recording.probes(site) if probe["arriving"] > 0]
        share = share_over_time(probes, int(recording.meta.get("steps", 0)), in_a_row)
        if share < warning or not lasting(probes, warning, in_a_row):
            continue
        severity = Severity.CRITICAL if share >= critical else Severity.WARNING
        blocking = [probe.step for probe in probes if probe["blocked_inward"] > 0]
        arriving = int(sum(probe["arriving"] for probe in probes))
        blocked = int(sum(probe["blocked_inward"] for probe in probes))
        yield Finding(
            message=message(site, share, blocked, arriving, len(probes), blocking),
            severity=severity,
            location=site.where,
            op=site.op,
            module=site.module,
            parameter=site.parameter,
            evidence={
                "blocked_share": round(share, 4),
                "threshold": critical if severity is Severity.CRITICAL else warning,
                "first_step": blocking[0],
                "last_step": blocking[-1],
                "samples": arriving,
                "observations": len(probes),
                "passed_norm": round(passed_norm(probes), 4),
            },
            fix=repair_of_clip(site, recording.meta.get("source", "engine")),
            source=site.source,
            note=f"blocks {share:.0%} of the gradient",
        )


def pooled_share(probes: Sequence[Probe]) -> float:
    """Return the share of blocked elements among those that gradient reached, over all probes."""
    arriving = sum(probe["arriving"] for probe in probes)
    return sum(probe["blocked_inward"] for probe in probes) / arriving if arriving else 0.0


def share_over_time(probes: Sequence[Probe], steps: int = 0, in_a_row: int = 5) -> float:
    """Return the share over a run of so many steps.

    Each observed step stands for those since the one before, the last few for all that follow.
    """
    if not probes:
        return 0.0
    gaps = [1, *(after.step - before.step for before, after in pairwise(probes))]
    last = probes[-in_a_row:]
    rest = max(steps - probes[-1].step, 0) / len(last)
    weighted = [*zip(gaps, probes, strict=True), *((rest, probe) for probe in last)]
    arriving = sum(weight * probe["arriving"] for weight, probe in weighted)
    blocked = sum(weight * probe["blocked_inward"] for weight, probe in weighted)
    return blocked / arriving if arriving else 0.0


def lasting(probes: Sequence[Probe], warning: float, in_a_row: int) -> bool:
    """Tell whether the share reaches `warning` over `in_a_row` observations somewhere."""
    return any(
        pooled_share(probes[start : start + in_a_row]) >= warning
        for start in range(len(probes) - in_a_row + 1)
    )


def passed_norm(probes: Sequence[Probe]) -> float:
    """Return ‖gradient leaving‖ ÷ ‖gradient arriving‖ at the clip, over all probes."""
    arriving = sum(probe["arriving_norm"] ** 2 for probe in probes)
    leaving = sum(probe["leaving_norm"] ** 2 for probe in probes)
    return float((leaving / arriving) ** 0.5) if arriving > 0 else 1.0


def message(
    site: Site, share: float, blocked: int, arriving: int, seen: int, steps: Sequence[int]
) -> str:
    """Say what is blocked, on what evidence, and why that is a leak."""
    observed = f"{seen} observed steps (steps {steps[0]} to {steps[-1]})"
    known = f": {blocked:,} of {arriving:,} elements in {observed}. "
    if abs(blocked / arriving - share) >= 0.01:
        known = f", each of {observed} weighed by the time that it stands for. "
    return (
        f"{site.op} blocks {share:.0%} of the gradient that reaches it{known}"
        f"{range_of(site)} its local derivative is zero, and these are values that the loss wants "
        "back inside the range: the largest errors teach nothing."
    )


def range_of(site: Site) -> str:
    """Say where the clip is flat: `Outside [-1, 1]`, `Above 5`, `Below 0`."""
    low, high = site.attributes.get("low"), site.attributes.get("high")
    if low is not None and high is not None:
        return f"Outside [{low:g}, {high:g}]"
    if high is not None:
        return f"Above {high:g}"
    return f"Below {low:g}" if low is not None else "Outside its range"
