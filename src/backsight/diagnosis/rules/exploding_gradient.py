"""BS102: the gradient grows from layer to layer on its way back."""

from __future__ import annotations

from collections.abc import Iterator

from ...traces.findings import Finding
from ...traces.recording import Recording
from ..observations import IN_A_ROW, claim, lasting, power, severity_of
from ..registry import rule
from ..weights import gradients, weights


@rule("BS102", "exploding-gradient", reads=("parameter.gradient_rms",))
def exploding_gradient(
    recording: Recording,
    *,
    warning: float = 1e2,
    critical: float = 1e4,
    depth: int = 4,
    in_a_row: int = IN_A_ROW,
) -> Iterator[Finding]:
    """Find gradients that grow on the way back, so that the first layers are thrown about.

    Where weights are large, each layer multiplies the gradient by more than one. Any learning rate
    that suits the last layer is then far too high for the first, and the other way round.

    Measured is the root mean square of the gradient of the weight farthest from the loss, divided
    by that of the nearest, over four weights or more. Biases and weights that feed a normalisation
    are left out.

    Fires on::

        x, y = rng.normal(size=(64, 16)), rng.normal(size=(64, 1))
        weights = [bs.tensor(rng.normal(size=(16, 16)) * 1.5) for _ in range(7)]
        last = bs.tensor(rng.normal(size=(16, 1)) / 4)
        for step in range(20):
            h = x
            for w in weights:
                h = np.sin(h @ w)
            loss = np.mean((h @ last - y) ** 2)
            for w in [*weights, last]:
                w.grad = None
            loss.backward()
            for w in [*weights, last]:
                w.value -= 1e-9 * w.grad

    Silent on::

        x, y = rng.normal(size=(64, 16)), rng.normal(size=(64, 1))
        weights = [bs.tensor(rng.normal(size=(16, 16)) / 4) for _ in range(7)]
        last = bs.tensor(rng.normal(size=(16, 1)) / 4)
        for step in range(20):
            h = x
            for w in weights:
                h = np.sin(h @ w)
            loss = np.mean((h @ last - y) ** 2)
            for w in [*weights, last]:
                w.grad = None
            loss.backward()
            for w in [*weights, last]:
                w.value -= 0.01 * w.grad

    What helps: initialisation that keeps the scale (He for ReLU, Xavier for tanh), normalisation
    layers; clipping the gradient's norm limits the damage, but not its cause.

    Source: X. Glorot, Y. Bengio, Understanding the difficulty of training deep feedforward neural
    networks (2010); AutoTrainer's threshold for neighbouring layers is 70.
    """
    sites = weights(recording)
    if len(sites) < depth:
        return
    ratios = [
        (step, rms[-1] / rms[0])
        for step, rms in gradients(recording, sites)
        if rms[0] and rms[-1] is not None
    ]
    seen = lasting(ratios, lambda ratio: ratio > warning, in_a_row)
    if seen is None:
        return
    factor = seen.median ** (1 / (len(sites) - 1))
    yield claim(
        sites[-1],
        f"The gradient of the weight farthest from the loss is {power(seen.median)} times that of "
        f"the nearest, over {len(sites)} layers (median of {seen.count} observed steps, "
        f"{seen.first} to {seen.last}). It grows by a factor of about {power(factor)} a layer: no "
        "learning rate suits both ends.",
        severity_of(seen.median, warning, critical),
        fix="Initialise the weights so that they keep the scale: He (std √(2 / inputs)) for ReLU, "
        "Xavier for tanh; or add normalisation. Clipping the gradient's norm before the update "
        "limits the damage.",
        evidence={
            "gradient_ratio": seen.median,
            "threshold": critical if seen.median >= critical else warning,
            "factor_per_layer": factor,
            "layers": len(sites),
            "first_step": seen.first,
            "last_step": seen.last,
            "observations": seen.count,
        },
        note=f"gets {power(seen.median)} times the gradient of the last layer",
    )
