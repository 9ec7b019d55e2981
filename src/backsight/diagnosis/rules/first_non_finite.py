"""BS401: the first value that is not a number, and where it comes from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from ...traces.findings import Finding, Severity
from ...traces.recording import Recording
from ..curves import losses
from ..observations import claim
from ..places import loss_site
from ..registry import rule

REPAIRS = {
    "log": "Keep the argument of the logarithm above 0: log(x + 1e-7), or a loss that takes "
    "logits (log_softmax, cross_entropy, bce_with_logits).",
    "sqrt": "The derivative of the root is infinite at 0: take it of x + 1e-12.",
    "divide": "Keep the denominator from 0: add a small number to it.",
    "exp": "Subtract the largest value first, or use a stable op: sigmoid, softmax, logsumexp, "
    "softplus.",
    "rsqrt": "Its derivative is infinite at 0: take it of x + 1e-12.",
    "power": "A negative base with a fractional exponent, or 0 with a negative one, has no value: "
    "bound the base first.",
}


@rule("BS401", "first-non-finite", reads=("event:non-finite", "loss-curve"))
def first_non_finite(recording: Recording, *, at_least: int = 1) -> Iterator[Finding]:
    """Find the op or the value with which NaN and infinity begin.

    One NaN spreads to every weight in one update, and from then on nothing is learned. What matters
    is where it was born: the first op whose output is not finite while its inputs are, forward or
    backward, or an input, target or parameter that was not finite to begin with.

    Fires if `at_least` elements are not finite. If the birth was not observed, because it happened
    in a step that was not, the loss that is not finite is named instead.

    Fires on::

        x, y = np.abs(rng.normal(size=(64, 4))), rng.normal(size=(64, 1))
        x[3, 2] = 0.0
        w = bs.tensor(np.zeros((4, 1)))
        for step in range(5):
            features = bs.tensor(x, name="x")
            loss = np.mean((np.log(features) @ w - y) ** 2)
            w.grad = None
            loss.backward()
            w.value -= 0.01 * w.grad

    Silent on::

        x, y = np.abs(rng.normal(size=(64, 4))), rng.normal(size=(64, 1))
        x[3, 2] = 0.0
        w = bs.tensor(np.zeros((4, 1)))
        for step in range(5):
            features = bs.tensor(x, name="x")
            loss = np.mean((np.log(features + 0.1) @ w - y) ** 2)
            w.grad = None
            loss.backward()
            w.value -= 0.01 * w.grad

    What helps: a stable form of the expression; clean data; for overflow in training a lower
    learning rate or clipped gradients.

    Source: the practice of anomaly detection (PyTorch's detect_anomaly), made exact.
    """
    for event in recording.events:
        if event.kind != "non-finite" or not isinstance(event.detail, dict):
            continue
        detail: dict[str, Any] = event.detail
        if int(detail.get("count", 1)) < at_least:
            continue
        yield Finding(
            birth(detail),
            Severity.CRITICAL,
            location=event.where,
            op=str(detail.get("op", "")),
            parameter=str(detail.get("name", ""))
            if detail.get("kind") in ("parameter", "gradient")
            else "",
            evidence={
                name: detail[name]
                for name in ("step", "phase", "count", "size", "nan", "inf", "columns")
                if detail.get(name) not in (None, "", [])
            },
            fix=repair(detail),
            source=str(detail.get("source", "")),
            note="not finite from here on",
        )
        return
    for step, loss in losses(recording):
        if not math.isfinite(loss):
            yield claim(
                loss_site(recording),
                f"The loss is {loss} from step {step} on. Where that began was not observed.",
                Severity.CRITICAL,
                fix="Run again with --every-step, which observes the very op; a usual cause is a "
                "learning rate that is too high.",
                evidence={"first_step": step, "count": 1},
                note=f"{loss} from step {step} on",
            )
            return


def birth(detail: dict[str, Any]) -> str:
    """Say where the first value that is not finite was born."""
    count, size = int(detail.get("count", 1)), int(detail.get("size", 0))
    nans, infinities = int(detail.get("nan", 0)), int(detail.get("inf", 0))
    kinds = " and ".join(
        f"{number:,} {name}" for number, name in ((nans, "NaN"), (infinities, "infinite")) if number
    )
    many = f"{kinds or f'{count:,} not finite'} of {size:,} elements" if size else "not finite"
    step = f" in step {detail['step']}" if detail.get("step") is not None else ""
    if detail.get("phase") == "leaf":
        name = f" `{detail['name']}`" if detail.get("name") else ""
        columns = f", in columns {detail['columns']}" if detail.get("columns") else ""
        what = str(detail.get("kind") or "value")
        return f"The {what}{name} is itself not finite{step}: {many}{columns}."
    if detail.get("kind") == "gradient":
        of = f" of `{detail['name']}`" if detail.get("name") else ""
        return (
            f"The gradient{of} is not finite{step} ({many}), though the loss is. In which op that "
            "began was not observed."
        )
    if detail.get("phase") == "backward":
        return (
            f"The gradient of `{detail.get('op', '')}` is not finite{step} ({many}), though the "
            "gradient that arrives and all values are: its local derivative is infinite or "
            "undefined here."
        )
    if not detail.get("sure", True):
        return (
            f"`{detail.get('op', '')}` gives values that are not finite{step} ({many}). Whether "
            "its inputs were was not seen."
        )
    return (
        f"`{detail.get('op', '')}` gives the first values that are not finite{step} ({many}), "
        "though its inputs are finite."
    )


def repair(detail: dict[str, Any]) -> str:
    """Say what to do about it."""
    if detail.get("phase") == "leaf":
        if detail.get("kind") == "parameter":
            return (
                "Look at its initialisation, or at the update before: lower the learning rate, "
                "clip the gradient's norm, and do not update with gradients that are not finite."
            )
        return "Clean the data: drop or fill these rows before training, and check with isfinite."
    if detail.get("kind") == "gradient":
        return (
            "Run again with --every-step, which observes the very op; usual causes are the root "
            "of 0, a logarithm or a division near 0, and a learning rate that is too high."
        )
    op = str(detail.get("op", ""))
    overflows = op == "power" and not detail.get("nan")
    known = None if overflows else REPAIRS.get(op)
    return known or (
        "Bound the inputs of this expression or use a stable form of it; if it overflows only "
        "after some training, lower the learning rate or clip the gradient's norm."
    )
