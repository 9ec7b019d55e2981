"""BS309: the last activation cannot give what the targets ask for."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ...traces.findings import Finding, Severity
from ...traces.recording import Recording, Site
from ..observations import claim, figures, power
from ..places import COMPARING
from ..registry import rule

LOGITS = ("cross_entropy", "softmax_cross_entropy", "bce_with_logits", "nll_loss")


@rule("BS309", "output-cannot-reach-target", reads=("loss",))
def output_cannot_reach_target(recording: Recording, *, beyond: float = 0.05) -> Iterator[Finding]:
    """Find outputs whose range cannot hold the targets.

    A sigmoid gives nothing above 1, a tanh nothing outside [-1, 1], a ReLU nothing below 0. Targets
    beyond that range drive the output into saturation, where it gets no gradient.

    Fires if the targets lie outside the range of the last activation by more than 5 % of their
    spread, if logits come out of a ReLU, if the rows of the targets of a softmax do
    not sum to 1, and if a softmax runs over an axis of length 1: it is constant 1 and has no
    gradient at all.

    Fires on::

        x = rng.normal(size=(64, 4))
        y = x @ rng.normal(size=(4, 1)) * 3
        w = bs.tensor(rng.normal(size=(4, 1)) * 0.1)
        for step in range(10):
            loss = bs.squared_error(np.tanh(x @ w), y)
            w.grad = None
            loss.backward()
            w.value -= 0.01 * w.grad

    Silent on::

        x = rng.normal(size=(64, 4))
        y = np.tanh(x @ rng.normal(size=(4, 1)))
        w = bs.tensor(rng.normal(size=(4, 1)) * 0.1)
        for step in range(10):
            loss = bs.squared_error(np.tanh(x @ w), y)
            w.grad = None
            loss.backward()
            w.value -= 0.01 * w.grad

    What helps: a linear output for unbounded targets, or targets scaled into the range of the
    output.

    Source: a common fault (TheDeepChecker, Braiek & Khomh 2023).
    """
    for site in recording.of_kind("loss"):
        probes = recording.probes(site)
        before = site.attributes.get("fed_by")
        if not probes or not before:
            continue
        shape = tuple(site.attributes.get("prediction_shape") or ())
        severity, problem, fix = Severity.WARNING, "", ""
        if before == "softmax" and len(shape) > 1 and math.prod(shape[1:]) == 1:
            severity = Severity.CRITICAL
            problem = (
                "The softmax runs over an axis of length 1: it always gives 1, whatever comes "
            )
            problem += "in, and its gradient is zero."
            fix = "Use a sigmoid for one output, or softmax over the axis of the classes."
        elif site.op in LOGITS and before == "relu":
            problem = f"The logits of `{site.op}` come out of a ReLU: none can be negative, and "
            problem += "where it is off no gradient arrives."
            fix = "Drop the ReLU after the last layer."
        elif site.op in COMPARING:
            problem = out_of_range(site, recording, beyond) or sums(site, recording, beyond)
            fix = f"Drop the {before} after the last layer (a linear output reaches everything), "
            fix += "or scale the targets into its range."
        if problem:
            yield claim(
                site,
                problem,
                severity,
                fix=fix,
                evidence={
                    "threshold": beyond,
                    "first_step": probes[0].step,
                    "last_step": probes[-1].step,
                    "observations": len(probes),
                },
                note=f"fed by {before}",
            )


def out_of_range(site: Site, recording: Recording, beyond: float) -> str:
    """Say by how much the targets leave the range of the last activation, "" if they do not."""
    low, high = site.attributes.get("low"), site.attributes.get("high")
    smallest = [value for _, value in figures(recording.probes(site), "target_min")]
    largest = [value for _, value in figures(recording.probes(site), "target_max")]
    if not smallest or not largest:
        return ""
    least, most = min(smallest), max(largest)
    margin = beyond * max(most - least, 1e-12)
    below = low is not None and least < low - margin
    above = high is not None and most > high + margin
    if not below and not above:
        return ""
    bounds = f"{'-∞' if low is None else f'{low:g}'} to {'∞' if high is None else f'{high:g}'}"
    return (
        f"The targets reach from {power(least)} to {power(most)}, but {site.attributes['fed_by']} "
        f"gives only {bounds}: these errors cannot be learned away, they drive it into saturation."
    )


def sums(site: Site, recording: Recording, beyond: float) -> str:
    """Say that the targets of a softmax do not sum to 1, "" if they do."""
    if site.attributes.get("fed_by") != "softmax":
        return ""
    known = [
        value
        for name in ("target_sums_min", "target_sums_max")
        for _, value in figures(recording.probes(site), name)
    ]
    wrong = [value for value in known if abs(value - 1) > beyond]
    if not wrong:
        return ""
    return (
        f"The outputs of a softmax sum to 1, but rows of the targets sum to {power(min(wrong))}"
        f"{f' … {power(max(wrong))}' if max(wrong) > min(wrong) else ''}: they cannot be reached."
    )
