"""BS206: from layer to layer the activations grow or shrink by orders of magnitude."""

from __future__ import annotations

from collections.abc import Iterator

from ...traces.findings import Finding
from ...traces.recording import Recording, Site
from ..observations import claim, figures, named, power, severity_of
from ..registry import rule
from ..weights import activations_named

JUDGED = ("relu", "leaky_relu", "elu", "selu", "gelu", "silu", "tanh", "softplus", "prelu")


@rule("BS206", "activation-scale", reads=("activation.std",))
def activation_scale(
    recording: Recording, *, warning: float = 10.0, critical: float = 100.0, layers: int = 3
) -> Iterator[Finding]:
    """Find a start at which signals fade or blow up on their way through the layers.

    Each layer multiplies the spread of its inputs by √inputs × std of its weights. Unless that is
    about one, the spread changes geometrically with depth, and with it every gradient.

    Measured is the standard deviation over all elements of each hidden activation in the first
    pass: the largest over the layers by the smallest. Sigmoid and softmax, whose outputs have a
    scale of their own, gates and normalised layers are left out, and so is what is constant (std
    0): the last layer of a branch that begins at zero on purpose, as in flows and residual nets.

    Fires on::

        x, y = rng.normal(size=(64, 16)), rng.normal(size=(64, 1))
        weights = [bs.tensor(rng.normal(size=(16, 16)) * 0.01) for _ in range(3)]
        last = bs.tensor(rng.normal(size=(16, 1)))
        for step in range(10):
            h = x
            for w in weights:
                h = np.tanh(h @ w)
            loss = np.mean((h @ last - y) ** 2)
            for w in [*weights, last]:
                w.grad = None
            loss.backward()
            for w in [*weights, last]:
                w.value -= 0.01 * w.grad

    Silent on::

        x, y = rng.normal(size=(64, 16)), rng.normal(size=(64, 1))
        weights = [bs.tensor(rng.normal(size=(16, 16)) * 0.25 * 5 / 3) for _ in range(3)]
        last = bs.tensor(rng.normal(size=(16, 1)) * 0.25)
        for step in range(10):
            h = x
            for w in weights:
                h = np.tanh(h @ w)
            loss = np.mean((h @ last - y) ** 2)
            for w in [*weights, last]:
                w.grad = None
            loss.backward()
            for w in [*weights, last]:
                w.value -= 0.01 * w.grad

    What helps: He's initialisation for ReLU, Xavier's for tanh; inputs with std 1; normalisation.

    Source: K. He et al., Delving deep into rectifiers (2015); the factor of ten is SageMaker
    Debugger's for tensors, used here on activations.
    """
    spreads: list[tuple[float, Site, int]] = []
    for site in activations_named(recording, JUDGED):
        measured = figures(recording.probes(site), "std")
        if measured and measured[0][1] > 0 and not site.attributes.get("normalised"):
            spreads.append((measured[0][1], site, measured[0][0]))
    if len(spreads) < layers:
        return
    small, large = (pick(spreads, key=lambda each: each[0]) for pick in (min, max))
    ratio = large[0] / small[0]
    if ratio <= warning:
        return
    yield claim(
        small[1],
        f"At the start the activations of {len(spreads)} layers differ in scale by a factor of "
        f"{power(ratio)}: std {power(large[0])} at {named(large[1])}{line_of(large[1])}, "
        f"{power(small[0])} here. Signals and gradients fade or blow up by the same factor.",
        severity_of(ratio, warning, critical),
        fix="Initialise each weight so that it keeps the scale: std √(2 / inputs) for ReLU (He), "
        "5/3 · 1/√inputs for tanh (Xavier), and scale the data to std 1.",
        evidence={
            "scale_ratio": ratio,
            "threshold": critical if ratio >= critical else warning,
            "smallest_std": small[0],
            "largest_std": large[0],
            "layers": len(spreads),
            "first_step": small[2],
        },
        note=f"std {power(small[0])}, elsewhere {power(large[0])}",
    )


def line_of(site: Site) -> str:
    """Name the line of a site, "" where it is not known."""
    return f" (line {site.where.line})" if site.where is not None else ""
