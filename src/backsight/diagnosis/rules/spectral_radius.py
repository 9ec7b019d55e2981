"""BS105: the spectral radius of a recurrent weight; supports findings about time."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from ...traces.findings import Finding, Severity
from ...traces.recording import Recording
from ..observations import claim, figures, named
from ..registry import rule


@rule("BS105", "spectral-radius", reads=("recurrence.spectral_radius",), supports=True)
def spectral_radius(
    recording: Recording, *, low: float = 0.9, high: float = 1.1, times: int = 8
) -> Iterator[Finding]:
    """Explain growth or decay through time by the weight and the activation.

    Each step back multiplies by the weight's spectral radius (its largest eigenvalue) and by the
    mean local derivative of the activation. Their product says more than either: a tanh network
    with radius 1.6 grew by 1.14 only, another not at all. So this is no verdict of its own; it is
    listed under BS103 and BS104.

    Fires on::

        T, H = 20, 16
        x, y = rng.normal(size=(T, 8, 4)), rng.normal(size=(8, 1))
        u, v = bs.tensor(rng.normal(size=(4, H)) * 0.5), bs.tensor(rng.normal(size=(H, 1)) * 0.1)
        q, _ = np.linalg.qr(rng.normal(size=(H, H)))
        w = bs.tensor(q * 1.6)
        for step in range(10):
            h = np.zeros((8, H))
            for t in range(T):
                h = np.tanh(x[t] @ u + h @ w)
            loss = np.mean((h @ v - y) ** 2)
            for p in (u, v, w):
                p.grad = None
            loss.backward()
            for p in (u, v, w):
                p.value -= 0.001 * p.grad

    Silent on::

        T, H = 20, 16
        x, y = rng.normal(size=(T, 8, 4)), rng.normal(size=(8, 1))
        u, v = bs.tensor(rng.normal(size=(4, H)) * 0.5), bs.tensor(rng.normal(size=(H, 1)) * 0.1)
        q, _ = np.linalg.qr(rng.normal(size=(H, H)))
        w = bs.tensor(q)
        for step in range(10):
            h = np.zeros((8, H))
            for t in range(T):
                h = np.tanh(x[t] @ u + h @ w)
            loss = np.mean((h @ v - y) ** 2)
            for p in (u, v, w):
                p.grad = None
            loss.backward()
            for p in (u, v, w):
                p.value -= 0.001 * p.grad

    What helps: an orthogonal start, whose radius is 1.

    Source: R. Pascanu, T. Mikolov, Y. Bengio (2013).
    """
    for site in recording.of_kind("recurrence"):
        probes = recording.probes(site)
        radii = figures(probes, "spectral_radius")
        applied = max((value for _, value in figures(probes, "times")), default=0.0)
        if not radii or applied < times:
            continue
        radius = statistics.median(value for _, value in radii)
        if low <= radius <= high:
            continue
        slopes = figures(probes, "slope")
        evidence: dict[str, float] = {"spectral_radius": radius}
        product = ""
        if slopes:
            slope = statistics.median(value for _, value in slopes)
            evidence["mean_slope"] = slope
            product = f", times the mean local derivative {slope:.3g} = {radius * slope:.3g} a step"
        who = named(site) if site.parameter else f"`{site.attributes.get('parameter')}`"
        yield claim(
            site,
            f"The spectral radius of {who} is {radius:.3g}{product}.",
            Severity.INFO,
            fix="Begin it orthogonal: then its radius is 1.",
            evidence={**evidence, "applications": int(applied), "observations": len(radii)},
            note=f"spectral radius {radius:.3g}",
        )
