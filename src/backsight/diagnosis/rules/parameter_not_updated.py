"""BS306: a parameter gets gradients, yet its value never changes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from ...traces.findings import Finding, Severity
from ...traces.recording import Recording, Site
from ..observations import claim, figures, named
from ..places import last_learning_rate
from ..registry import rule


@rule("BS306", "parameter-not-updated", reads=("parameter.unchanged", "parameter.rms"))
def parameter_not_updated(recording: Recording, *, updates: int = 20) -> Iterator[Finding]:
    """Find parameters that no update ever reaches, though their neighbours are trained.

    The usual story: a layer that was forgotten in the list for the optimiser, or one that was made
    anew (a new head) after the optimiser had been given the old one.

    Fires if the value is the same bit for bit over 20 observed updates, gradient arrives, and
    another parameter of the same model changes. A learning rate of 0 is exempt, and so is a model
    of which nothing is trained at all, as in style transfer.

    Fires on::

        x, y = rng.normal(size=(64, 4)), rng.normal(size=(64, 1))
        w, v = bs.tensor(rng.normal(size=(4, 8)) * 0.5), bs.tensor(rng.normal(size=(8, 1)) * 0.5)
        optimizer = bs.nn.optim.SGD([v], lr=0.01)
        for step in range(40):
            loss = np.mean((np.tanh(x @ w) @ v - y) ** 2)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    Silent on::

        x, y = rng.normal(size=(64, 4)), rng.normal(size=(64, 1))
        w, v = bs.tensor(rng.normal(size=(4, 8)) * 0.5), bs.tensor(rng.normal(size=(8, 1)) * 0.5)
        optimizer = bs.nn.optim.SGD([w, v], lr=0.01)
        for step in range(40):
            loss = np.mean((np.tanh(x @ w) @ v - y) ** 2)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    What helps: give the parameter to the optimiser, after the model is complete; or make it without
    gradient if it is meant to be frozen.

    Source: TrainCheck (Jiang et al., 2025), on silent errors in training.
    """
    if last_learning_rate(recording) == 0:
        return
    moved: dict[str, Site] = {}
    held = any(site.attributes.get("optimizer") for site in recording.of_kind("parameter"))
    still: list[tuple[Site, int, int, int]] = []
    for site in recording.of_kind("parameter"):
        seen = updates_of(recording, site)
        if any(value == 0 for _, value in seen):
            # Beside an optimiser, what moves without one is data made anew at every step.
            if site.attributes.get("optimizer") or not held:
                moved.setdefault(family(site), site)
        elif len(seen) >= updates and any(
            rms > 0 for _, rms in figures(recording.probes(site), "gradient_rms")
        ):
            still.append((site, len(seen), seen[0][0], seen[-1][0]))
    for site, count, first, last in still:
        neighbour = moved.get(family(site))
        if neighbour is None:
            continue
        holder = site.attributes.get("optimizer")
        where = f"It is held by {holder}" if holder else "It is in no optimiser"
        yield claim(
            site,
            f"{named(site)} gets gradients, but its value is the same bit for bit over {count} "
            f"observed updates (steps {first} to {last}), while {named(neighbour)} changes. "
            f"{where}.",
            Severity.CRITICAL,
            fix=f"The update rounds away or is never applied: look at what happens to "
            f"{named(site)} between backward and the next forward pass."
            if holder
            else f"Give {named(site)} to the optimiser, and make the optimiser after the model is "
            "complete. If it is meant to be frozen, make it without gradient.",
            evidence={
                "updates_without_change": count,
                "threshold": updates,
                "first_step": first,
                "last_step": last,
                "observations": count,
            },
            note="never changes",
        )


def updates_of(recording: Recording, site: Site) -> list[tuple[int, float]]:
    """Return (step, 1 if the value was the same bit for bit after it).

    What no update was seen of at all is compared from step to step by its RMS and spread.
    """
    probes = recording.probes(site)
    seen = figures(probes, "unchanged")
    if seen or site.attributes.get("optimizer"):
        return seen
    sizes = [(p.step, p.figures.get("rms"), p.figures.get("std")) for p in probes]
    return [(now[0], float(now[1:] == then[1:])) for then, now in pairwise(sizes)]


def family(site: Site) -> str:
    """Tell which parameters belong together: those of one model, or of the user's frame."""
    root = site.attributes.get("root")
    return str(root) if root else ("module" if "." in site.parameter else "frame")
