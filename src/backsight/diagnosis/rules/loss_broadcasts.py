"""BS308: prediction and target do not line up, and broadcasting hides it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from ...traces.findings import Finding, Severity
from ...traces.recording import Recording
from ..observations import claim
from ..registry import rule


@rule("BS308", "loss-broadcasts", reads=("loss",))
def loss_broadcasts(recording: Recording, *, times: float = 1.0) -> Iterator[Finding]:
    """Find losses that compare every prediction with every target, by broadcasting.

    (N, 1) against (N,) gives (N, N): each prediction is pulled towards the mean of all targets. The
    loss falls a little and stops, and nothing complains.

    Fires if there are as many predictions as targets, in shapes of different numbers of axes that
    together become larger (by the factor `times`) than either. One target for all, or one target
    for several predictions beside each other, is deliberate; so are pairs that were made by hand,
    with axes of length 1 on both sides.

    Fires on::

        x = rng.normal(size=(64, 4))
        y = x @ rng.normal(size=4)
        w = bs.tensor(rng.normal(size=(4, 1)) * 0.1)
        for step in range(10):
            loss = bs.squared_error(x @ w, y)
            w.grad = None
            loss.backward()
            w.value -= 0.01 * w.grad

    Silent on::

        x = rng.normal(size=(64, 4))
        y = x @ rng.normal(size=4)
        w = bs.tensor(rng.normal(size=(4, 1)) * 0.1)
        for step in range(10):
            loss = bs.squared_error(x @ w, y[:, None])
            w.grad = None
            loss.backward()
            w.value -= 0.01 * w.grad

    What helps: give both the same shape: `y[:, None]` or `prediction[:, 0]`.

    Source: a common fault; PyTorch warns of it in mse_loss.
    """
    for site in recording.of_kind("loss"):
        given = site.attributes.get("prediction_shape"), site.attributes.get("target_shape")
        if not all(isinstance(shape, list | tuple) for shape in given):
            continue
        prediction, target = (tuple(shape) for shape in given if shape is not None)
        together = stretched(prediction, target)
        largest = max(math.prod(prediction), math.prod(target))
        if together is None or len(prediction) == len(target):
            continue
        if math.prod(together) <= times * largest or math.prod(prediction) != math.prod(target):
            continue
        steps = [probe.step for probe in recording.probes(site)]
        repair = "y[:, None]" if len(prediction) > len(target) else "prediction[:, None]"
        yield claim(
            site,
            f"The prediction {prediction} and the target {target} are broadcast to {together}: "
            "every prediction is compared with every target, so all are pulled to the targets' "
            "mean.",
            Severity.CRITICAL,
            fix=f"Give both the same shape, as with `{repair}` or a reshape of one of them.",
            evidence={
                "prediction_shape": list(prediction),
                "target_shape": list(target),
                "broadcast_to": list(together),
                "first_step": steps[0] if steps else 0,
                "observations": len(steps),
            },
            note=f"{prediction} against {target}",
        )


def stretched(one: Sequence[int], other: Sequence[int]) -> tuple[int, ...] | None:
    """Return the shape that two shapes are broadcast to, None where they do not fit."""
    try:
        return np.broadcast_shapes(tuple(one), tuple(other))
    except ValueError:
        return None
