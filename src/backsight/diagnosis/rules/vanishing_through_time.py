"""BS104: the gradient is gone after a few steps back through time, and nothing is learned."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from operator import gt

from ...traces.findings import Finding, Severity
from ...traces.recording import Recording
from ..curves import flat
from ..observations import IN_A_ROW, claim, figures, lasting, named
from ..registry import rule


@rule("BS104", "vanishing-through-time", reads=("recurrence.horizon",))
def vanishing_through_time(
    recording: Recording,
    *,
    warning: float = 0.25,
    critical: float = 8.0,
    shortest: int = 16,
    long: int = 32,
    updates: int = 20,
    in_a_row: int = IN_A_ROW,
) -> Iterator[Finding]:
    """Find recurrent weights through which the gradient does not reach far enough back.

    What lies further back than the horizon cannot be learned from: the gradient has shrunk to a
    thousandth. At the usual start the horizon of RNN, LSTM and GRU alike is some ten steps, and
    those that can learn extend it; so this is judged after 20 updates only, and only while the loss
    is flat and has hardly fallen.

    Measured is the number of applications over which the contribution of one step keeps 1e-3 of its
    start: a warning under a quarter of the sequence (of 16 steps or more), critical under 8 steps
    (of 32 or more).

    Fires on::

        T, H = 40, 8
        u, v = bs.tensor(rng.normal(size=(1, H)) * 0.5), bs.tensor(rng.normal(size=(H, 1)) * 0.1)
        q, _ = np.linalg.qr(rng.normal(size=(H, H)))
        w = bs.tensor(q * 0.3)
        for step in range(80):
            x = rng.normal(size=(T, 64, 1)) * 0.5
            h = np.zeros((64, H))
            for t in range(T):
                h = np.tanh(x[t] @ u + h @ w)
            loss = np.mean((h @ v - np.sign(x[0])) ** 2)
            for p in (u, v, w):
                p.grad = None
            loss.backward()
            for p in (u, v, w):
                p.value -= 0.001 * p.grad

    Silent on::

        T, H = 40, 8
        u, v = bs.tensor(rng.normal(size=(1, H)) * 0.5), bs.tensor(rng.normal(size=(H, 1)) * 0.1)
        q, _ = np.linalg.qr(rng.normal(size=(H, H)))
        w = bs.tensor(q)
        for step in range(80):
            x = rng.normal(size=(T, 64, 1)) * 0.1
            h = np.zeros((64, H))
            for t in range(T):
                h = np.tanh(x[t] @ u + h @ w)
            loss = np.mean((h @ v - np.sum(x, axis=0)) ** 2)
            for p in (u, v, w):
                p.grad = None
            loss.backward()
            for p in (u, v, w):
                p.value -= 0.01 * p.grad

    What helps: gated cells (LSTM with a forget bias of 1, GRU), an orthogonal start of the
    recurrent weight, shortcuts through time (attention).

    Source: R. Pascanu, T. Mikolov, Y. Bengio (2013); S. Hochreiter, J. Schmidhuber, Long short-term
    memory (1997).
    """
    idle = flat(recording)
    if idle is None or not idle.stuck:
        return
    for site in recording.of_kind("recurrence"):
        probes = recording.probes(site)[updates:]
        times = max((value for _, value in figures(probes, "times")), default=0.0)
        if times < shortest:
            continue
        limit = max(warning * times, critical if times >= long else 0.0)
        seen = lasting(figures(probes, "horizon"), partial(gt, limit), in_a_row)
        if seen is None:
            continue
        severe = times >= long and seen.median < critical
        who = named(site) if site.parameter else f"`{site.attributes.get('parameter')}`"
        yield claim(
            site,
            f"Going back through {who} the gradient is down to a thousandth after "
            f"{seen.median:.0f} of {times:.0f} applications (median of {seen.count} observed "
            f"steps, {seen.first} to {seen.last}), and the loss does not fall: what lies further "
            "back cannot be learned from.",
            Severity.CRITICAL if severe else Severity.WARNING,
            fix=f"Begin {who} orthogonal (all singular values 1), or use an LSTM (forget bias 1) "
            "or GRU cell in its place.",
            evidence={
                "horizon": seen.median,
                "threshold": critical if severe else warning * times,
                "applications": int(times),
                "first_step": seen.first,
                "last_step": seen.last,
                "observations": seen.count,
            },
            note=f"reaches {seen.median:.0f} of {times:.0f} steps back",
        )
