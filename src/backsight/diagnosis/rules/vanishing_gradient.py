"""BS101: the layers farthest from the loss get next to no gradient."""

from __future__ import annotations

from collections.abc import Iterator

from ...traces.findings import Finding
from ...traces.recording import Recording
from ..observations import IN_A_ROW, claim, lasting, power, severity_of
from ..registry import rule
from ..weights import SQUASHING, activations_named, gradients, weights


@rule("BS101", "vanishing-gradient", reads=("parameter.gradient_rms",))
def vanishing_gradient(
    recording: Recording,
    *,
    warning: float = 1e-3,
    critical: float = 1e-5,
    depth: int = 4,
    in_a_row: int = IN_A_ROW,
) -> Iterator[Finding]:
    """Find gradients that fade on the way back, so that the first layers do not learn.

    Backpropagation multiplies by one local derivative a layer. Where these are small, as those of
    the sigmoid are (0.25 at most), the product shrinks geometrically with depth.

    Measured is the root mean square of the gradient of the weight farthest from the loss, divided
    by the largest over all weights: a ratio, so that neither the scale of the loss nor that of the
    data matters. Biases and weights that feed a normalisation are left out.

    Fires on::

        x, y = rng.normal(size=(64, 8)), rng.normal(size=(64, 1))
        weights = [bs.tensor(rng.uniform(-0.35, 0.35, size=(8, 8))) for _ in range(8)]
        last = bs.tensor(rng.normal(size=(8, 1)))
        for step in range(20):
            h = x
            for w in weights:
                h = bs.sigmoid(h @ w)
            loss = np.mean((h @ last - y) ** 2)
            for w in [*weights, last]:
                w.grad = None
            loss.backward()
            for w in [*weights, last]:
                w.value -= 0.1 * w.grad

    Silent on::

        x, y = rng.normal(size=(64, 8)), rng.normal(size=(64, 1))
        weights = [bs.tensor(rng.normal(size=(8, 8)) * 5 / 3 / 8**0.5) for _ in range(8)]
        last = bs.tensor(rng.normal(size=(8, 1)) / 8**0.5)
        for step in range(20):
            h = x
            for w in weights:
                h = np.tanh(h @ w)
            loss = np.mean((h @ last - y) ** 2)
            for w in [*weights, last]:
                w.grad = None
            loss.backward()
            for w in [*weights, last]:
                w.value -= 0.01 * w.grad

    What helps: ReLU or tanh in place of the sigmoid, initialisation for that activation (He, Xavier
    with gain 5/3), normalisation layers, residual connections.

    Source: S. Hochreiter, Untersuchungen zu dynamischen neuronalen Netzen (1991); the threshold of
    a warning is AutoTrainer's (Zhang et al., 2021). Seven sigmoid layers at the usual start have
    1.4e-6, healthy nets 7e-2 and more.
    """
    sites = weights(recording)
    if len(sites) < depth:
        return
    ratios = []
    for step, rms in gradients(recording, sites):
        largest = max(value or 0.0 for value in rms)
        if rms[-1] is not None and largest > 0:
            ratios.append((step, rms[-1] / largest))

    def small(ratio: float) -> bool:
        return ratio < warning

    # Once the head has learned what it can, its own gradient fades, and the ratio says no more: so
    # twice as many in a row are enough, whatever comes after.
    seen = lasting(ratios, small, in_a_row) or lasting(ratios, small, 2 * in_a_row, passing=True)
    if seen is None:
        return
    site, severity = sites[-1], severity_of(seen.median, warning, critical)
    factor = seen.median ** (1 / (len(sites) - 1))
    sigmoids = activations_named(recording, ("sigmoid",))
    squashing = activations_named(recording, SQUASHING)
    why = f"It shrinks by a factor of about {power(factor)} a layer"
    if sigmoids and factor <= 0.25:
        why += ", and the derivative of the sigmoid is 0.25 at most"
    fix = "Initialise the weights for their activation (He for ReLU, Xavier for tanh)"
    if sigmoids:
        fix = f"Replace the sigmoid of the hidden layers (`{expression_of(sigmoids[0])}`) by ReLU"
        fix += " or tanh, initialised for it (He for ReLU, Xavier with gain 5/3 for tanh)"
    elif squashing:
        fix = "Initialise the weights with Xavier's scale and gain 5/3 for tanh, or use ReLU and He"
    yield claim(
        site,
        f"The gradient of the weight farthest from the loss is {power(seen.median)} of the "
        f"largest, over {len(sites)} layers (median of {seen.count} observed steps, {seen.first} "
        f"to {seen.last}). {why}: this layer hardly learns.",
        severity,
        fix=f"{fix}; or add normalisation or residual connections.",
        evidence={
            "gradient_ratio": seen.median,
            "threshold": critical if seen.median <= critical else warning,
            "factor_per_layer": factor,
            "layers": len(sites),
            "first_step": seen.first,
            "last_step": seen.last,
            "observations": seen.count,
        },
        note=f"gets {power(seen.median)} of the gradient",
    )


def expression_of(site: object) -> str:
    """Return the source of a site's expression, its op where that is unknown."""
    where = getattr(site, "where", None)
    return where.expression if where is not None else str(getattr(site, "op", ""))
