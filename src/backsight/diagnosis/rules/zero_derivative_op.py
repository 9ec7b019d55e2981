"""BS303: rounding on the only way of a parameter to the loss."""

from __future__ import annotations

from collections.abc import Iterator

from ...traces.findings import Finding, Severity
from ...traces.recording import Recording, Site
from ..observations import claim, figures, named
from ..registry import rule

MOST_NAMED, MOST_LISTED = 4, 50  # parameters, in the message and in the evidence


@rule("BS303", "zero-derivative-op", reads=("flat",))
def zero_derivative_op(recording: Recording, *, parameters: int = 1) -> Iterator[Finding]:
    """Find rounding that stands between parameters and the loss: they never learn.

    round, floor, ceil, trunc and sign are made of steps. On a step the derivative is zero, so the
    backward pass goes through and delivers exact zeros: nothing complains, `requires_grad` stays
    true, and what lies before the step keeps its random start.

    Fires at once if at least `parameters` trainable parameters reach the loss through such ops
    alone, and have got no gradient from any other pass either. Where they have a way around it, as
    in a straight-through estimator, nothing is said.

    Fires on::

        x = rng.normal(size=(64, 8))
        w = bs.tensor(rng.normal(size=(8, 16)) * 0.3, name="w")
        v = bs.tensor(rng.normal(size=(16, 8)) * 0.3)
        for step in range(10):
            code = np.round(2 * np.tanh(x @ w))
            loss = np.mean((code @ v - x) ** 2)
            w.grad = v.grad = None
            loss.backward()
            for p in (w, v):
                p.value -= 0.01 * p.grad

    Silent on::

        x = rng.normal(size=(64, 8))
        w = bs.tensor(rng.normal(size=(8, 16)) * 0.3, name="w")
        v = bs.tensor(rng.normal(size=(16, 8)) * 0.3)
        for step in range(10):
            soft = 2 * np.tanh(x @ w)
            code = soft + (np.round(soft) - soft).detach()
            loss = np.mean((code @ v - x) ** 2)
            w.grad = v.grad = None
            loss.backward()
            for p in (w, v):
                p.value -= 0.01 * p.grad

    What helps: a straight-through estimator, which rounds forward and lets the gradient pass; a
    smooth stand-in while training (sigmoid, tanh, softmax with a temperature, noise); or an
    estimator of the score-function kind.

    Source: pytorch/pytorch #7322; Y. Bengio, N. Léonard, A. Courville (2013), on straight-through
    estimators.
    """
    for site in recording.of_kind("flat"):
        starved = figures(recording.probes(site), "starved")
        if not starved or max(count for _, count in starved) < parameters:
            continue
        names = list(site.attributes.get("parameters", ()))
        without = [name for name in names if not learns(name, recording)]
        if names and not without:
            continue
        count = len(without) if names else int(max(count for _, count in starved))
        yield claim(
            site,
            f"The derivative of {site.op} is zero wherever it exists, and {listed(without, count)} "
            f"{'reaches' if count == 1 else 'reach'} the loss through it alone: the gradient that "
            "arrives there is exactly zero, so nothing is learned before it.",
            Severity.CRITICAL,
            fix=repair(site, recording.meta.get("source", "engine")),
            evidence={
                "parameters": without[:MOST_LISTED],
                "starved": count,
                "threshold": parameters,
                "first_step": starved[0][0],
                "last_step": starved[-1][0],
                "observations": len(starved),
            },
            note="passes exact zeros back",
        )


def learns(name: str, recording: Recording) -> bool:
    """Tell whether a parameter has got any gradient in an observed step."""
    return any(
        value > 0
        for site in recording.of_kind("parameter")
        if site.parameter == name
        for _, value in figures(recording.probes(site), "gradient_rms")
    )


def listed(names: list[str], count: int) -> str:
    """Name the parameters, or count them."""
    if not names:
        return f"{count} trainable parameter{'' if count == 1 else 's'}"
    told = ", ".join(f"`{name}`" for name in names[:MOST_NAMED])
    return told + (f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")


def repair(site: Site, source: str) -> str:
    """Say how to round and still learn, in the words of the user's expression."""
    step = f"{'torch' if source == 'torch' else 'np'}.{site.op}(x)"
    rounded = named(site) if site.where is not None else f"`{step}`"
    return (
        f"Round forward and pass the gradient on, with x for what goes into {rounded}: "
        f"`x + ({step} - x).detach()` (a straight-through estimator). Or use a smooth "
        "function while training and round only in evaluation."
    )
