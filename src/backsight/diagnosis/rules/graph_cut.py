"""BS305: a value leaves the graph, comes back to the loss, and parameters stay without gradient."""

from __future__ import annotations

from collections.abc import Iterator

from ...traces.findings import Finding, Severity
from ...traces.recording import Recording, Site
from ..observations import claim, named
from ..registry import rule
from .parameter_without_gradient import UPDATES, WHOLE_RUN, Starved, starved

MOST_NAMES = 50  # of parameters, in the evidence


@rule("BS305", "graph-cut", reads=("cut",))
def graph_cut(
    recording: Recording,
    *,
    updates: int = UPDATES,
    whole_run: int = WHOLE_RUN,
    returns: int = 3,
) -> Iterator[Finding]:
    """Find the expression that takes a value out of the graph and costs parameters their gradient.

    `detach`, `.data` or `.value`, `no_grad`, `argmax`, a comparison, a conversion to integers,
    `torch.tensor(t)`, `.item()`: what they return is a constant to the backward pass. If it goes on
    into the loss, the loss looks as if it depended on everything before, and falls, since what
    comes after learns; what comes before never does.

    Cutting is no fault in itself: target networks, truncated backpropagation through time,
    straight-through estimators and stopped gradients do it on purpose. So this fires only if the
    value comes back to the loss in 3 observed steps or more, and a parameter that it is computed
    from is held by an optimiser and gets no gradient in any way (BS304, which is then its symptom).

    Fires on::

        x, y = rng.normal(size=(64, 4)), rng.normal(size=(64, 1))
        w, v = bs.tensor(rng.normal(size=(4, 8)) * 0.5), bs.tensor(rng.normal(size=(8, 1)) * 0.5)
        optimizer = bs.nn.optim.SGD([w, v], lr=0.01)
        for step in range(30):
            h = np.tanh(x @ w).detach()
            loss = np.mean((h @ v - y) ** 2)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    Silent on::

        x, y = rng.normal(size=(64, 4)), rng.normal(size=(64, 1))
        w, v = bs.tensor(rng.normal(size=(4, 8)) * 0.5), bs.tensor(rng.normal(size=(8, 1)) * 0.5)
        optimizer = bs.nn.optim.SGD([w, v], lr=0.01)
        for step in range(30):
            h = np.tanh(x @ w)
            error = np.mean((h @ v - y) ** 2)
            loss = error / (1 + error.detach())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    What helps: leave the cut out; where a choice is needed, give it a gradient (softmax, Gumbel
    softmax, a straight-through estimator); or freeze on purpose what comes before.

    Source: PyTorch #1339 and many questions about "no gradient after argmax".
    """
    lost = {each.site.parameter: each for each in starved(recording, updates, whole_run)}
    for site, found in blamed(recording, lost, returns):
        whom = f"`{found[0].site.parameter}`"
        if len(found) > 1:
            more = len(found) - 1
            whom += f" and {more} more parameter{'s' if more > 1 else ''}"
        steps = recording.probes(site)
        yield claim(
            site,
            f"{how(site)}: {whom} {'have' if len(found) > 1 else 'has'} no other way to "
            f"the loss, and no gradient ever arrives there ({len(found[0].probes)} observed "
            f"steps, {found[0].probes[0].step} to {found[0].probes[-1].step}).",
            Severity.CRITICAL,
            fix=repair_of_cut(site),
            evidence={
                "parameters": [each.site.parameter for each in found][:MOST_NAMES],
                "steps_without_gradient": len(found[0].probes),
                "threshold": updates,
                "first_step": steps[0].step,
                "last_step": steps[-1].step,
                "observations": len(steps),
            },
            note="the gradient ends here",
        )


def how(site: Site) -> str:
    """Say how a value leaves the graph."""
    if site.op in UNRECORDED:
        return f"{named(site)} is computed in `{site.op}()`, and is a constant to the loss"
    return (
        f"{named(site)} takes a value out of the graph ({site.op}), and it comes back to the loss "
        "as a constant"
    )


def blamed(
    recording: Recording, lost: dict[str, Starved], returns: int
) -> list[tuple[Site, list[Starved]]]:
    """Return the cuts that cost parameters their gradient, each with those parameters.

    Where several come into question, it is the one that comes back most often, and of those the
    one behind which there are the fewest parameters: the nearest.
    """
    counted = {
        site.id: sum(probe.figures.get("returned", 0.0) > 0 for probe in recording.probes(site))
        for site in recording.of_kind("cut")
    }
    cuts = [site for site in recording.of_kind("cut") if counted[site.id] >= returns]
    cuts.sort(key=lambda site: (-counted[site.id], len(site.attributes.get("parameters", ()))))
    found: dict[int, tuple[Site, list[Starved]]] = {}
    for name, each in lost.items():
        site = next((s for s in cuts if name and name in s.attributes.get("parameters", ())), None)
        if site is not None:
            found.setdefault(site.id, (site, []))[1].append(each)
    return list(found.values())


UNRECORDED = ("no_grad", "inference_mode")
CHOICES = ("argmax", "argmin", "argsort", "sort", "topk", "multinomial", "bernoulli", "one_hot")
COMPARISONS = (
    "gt", "lt", "ge", "le", "eq", "ne", "__gt__", "__lt__", "__ge__", "__le__", "__eq__", "__ne__",
    "greater", "less", "isclose",
)  # fmt: skip
INTEGERS = ("long", "int", "short", "byte", "bool", "to", "type", "bucketize", "round")
COPIES = ("tensor", "as_tensor", "item", "numpy", "tolist", "__float__", "__array__")
DETACHED = {"detach": ".detach()", "detach_": ".detach_()", "data": ".data", "value": ".value"}


def repair_of_cut(site: Site) -> str:
    """Say what to write in place of a cut; the expression rewritten where that is certain."""
    frozen = " If it is cut on purpose, leave those parameters out of the optimiser."
    expression = site.where.expression if site.where is not None else ""
    if site.op in DETACHED:
        kept = expression.removesuffix(DETACHED[site.op])
        if kept and kept != expression:
            return f"Write `{kept}` in place of `{expression}`.{frozen}"
        return f"Leave out `{DETACHED[site.op]}`.{frozen}"
    if site.op in UNRECORDED:
        what = f"`{expression}`" if expression else "the forward pass"
        return f"Compute {what} outside of `{site.op}()`: nothing in there is recorded.{frozen}"
    if site.op in CHOICES or site.op in COMPARISONS or site.op in INTEGERS:
        return (
            "A choice has no derivative. Use the weights in place of the choice (softmax, sigmoid, "
            "F.gumbel_softmax), or a straight-through estimator: "
            f"`soft + (hard - soft).detach()`.{frozen}"
        )
    if site.op in COPIES:
        return (
            "Use the tensor itself in place of its numbers; to put several together, "
            f"`torch.stack` or `torch.cat` keep the graph.{frozen}"
        )
    return f"Use an operation here that has a derivative.{frozen}"
