"""BS103: the gradient grows with every step back through time."""

from __future__ import annotations

from collections.abc import Iterator

from ...traces.findings import Finding
from ...traces.recording import Recording
from ..observations import IN_A_ROW, claim, figures, lasting, named, power, severity_of
from ..registry import rule


@rule("BS103", "exploding-through-time", reads=("recurrence.total",))
def exploding_through_time(
    recording: Recording,
    *,
    warning: float = 1e2,
    critical: float = 1e4,
    in_a_row: int = IN_A_ROW,
) -> Iterator[Finding]:
    """Find recurrent weights whose repeated application makes the gradient explode.

    Going back through T steps multiplies the gradient by (weight × local derivative) T times. A
    factor a little above one is enough: 1.1 a step is 300 after sixty.

    Measured is the contribution of one time step, followed back through all applications of the
    same parameter by the same expression: its growth per application and in all. (The gradient as
    a whole would hide it where there is a loss at every time step.)

    Fires on::

        T, H = 40, 16
        x, y = rng.normal(size=(T, 8, 4)) * 0.01, rng.normal(size=(8, 1))
        u, v = bs.tensor(rng.normal(size=(4, H)) * 0.5), bs.tensor(rng.normal(size=(H, 1)) * 0.1)
        q, _ = np.linalg.qr(rng.normal(size=(H, H)))
        w = bs.tensor(q * 1.3)
        for step in range(10):
            h = np.zeros((8, H))
            for t in range(T):
                h = bs.leaky_relu(x[t] @ u + h @ w, slope=0.9)
            loss = np.mean((h @ v - y) ** 2)
            for p in (u, v, w):
                p.grad = None
            loss.backward()
            for p in (u, v, w):
                p.value -= 1e-9 * p.grad

    Silent on::

        T, H = 40, 16
        x, y = rng.normal(size=(T, 8, 4)) * 0.01, rng.normal(size=(8, 1))
        u, v = bs.tensor(rng.normal(size=(4, H)) * 0.5), bs.tensor(rng.normal(size=(H, 1)) * 0.1)
        q, _ = np.linalg.qr(rng.normal(size=(H, H)))
        w = bs.tensor(q)
        for step in range(10):
            h = np.zeros((8, H))
            for t in range(T):
                h = bs.leaky_relu(x[t] @ u + h @ w, slope=0.9)
            loss = np.mean((h @ v - y) ** 2)
            for p in (u, v, w):
                p.grad = None
            loss.backward()
            for p in (u, v, w):
                p.value -= 0.001 * p.grad

    What helps: an orthogonal start of the recurrent weight, gated cells (LSTM, GRU), clipping the
    gradient's norm, shorter sequences (truncated backpropagation).

    Source: R. Pascanu, T. Mikolov, Y. Bengio, On the difficulty of training recurrent neural
    networks (2013). A tanh network with spectral radius 1.6 over 60 steps has 2e3, an orthogonal
    one 7 at most.
    """
    for site in recording.of_kind("recurrence"):
        probes = recording.probes(site)
        seen = lasting(figures(probes, "total"), lambda total: total > warning, in_a_row)
        if seen is None:
            continue
        times = max((value for _, value in figures(probes, "times")), default=0.0)
        growth = seen.median ** (1 / times) if times else seen.median
        who = f"`{site.attributes.get('parameter')}`" if not site.parameter else named(site)
        yield claim(
            site,
            f"Going back through {times:.0f} applications of {who} the gradient grows "
            f"{power(seen.median)} times, by {growth:.3g} each (median of {seen.count} observed "
            f"steps, {seen.first} to {seen.last}): what lies far back drowns everything else.",
            severity_of(seen.median, warning, critical),
            fix=f"Begin {who} orthogonal (all singular values 1), clip the gradient's norm between "
            "backward() and the update, or use a gated cell (LSTM, GRU).",
            evidence={
                "growth_in_all": seen.median,
                "threshold": critical if seen.median >= critical else warning,
                "growth_per_application": growth,
                "applications": int(times),
                "first_step": seen.first,
                "last_step": seen.last,
                "observations": seen.count,
            },
            note=f"×{growth:.3g} per application going back",
        )
