"""BS306: a parameter gets gradients, yet its value never changes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from ...traces.findings import Finding, Severity
from ...traces.recording import Recording, Site
from ..observations import claim, figures, named
from ..places import last_learning_rate
from ..registry import rule

MOST_TOLD, MOST_NAMES = 4, 50  # parameters, in the message and in the evidence


class Still(NamedTuple):
    """A parameter that has not changed over `seen` updates, from step `first` to `last`."""

    site: Site
    seen: int
    first: int
    last: int


@rule("BS306", "parameter-not-updated", reads=("parameter.unchanged", "parameter.rms"))
def parameter_not_updated(recording: Recording, *, updates: int = 20) -> Iterator[Finding]:
    """Find parameters that no update ever reaches, though their neighbours are trained.

    The usual story: a layer that was forgotten in the list for the optimiser, or one that was made
    anew (a new head) after the optimiser had been given the old one.

    Fires if the value is the same bit for bit over 20 observed updates, gradient arrives, and
    another parameter of the same model changes. A learning rate of 0 is exempt, and so is a model
    of which nothing is trained at all, as in style transfer. A module of which nothing changes is
    one finding.

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
    still: list[Still] = []
    for site in recording.of_kind("parameter"):
        seen = updates_of(recording, site)
        if any(value == 0 for _, value in seen):
            # Beside an optimiser, what moves without one is data made anew at every step.
            if site.attributes.get("optimizer") or not held:
                moved.setdefault(family(site), site)
        elif len(seen) >= updates and any(
            rms > 0 for _, rms in figures(recording.probes(site), "gradient_rms")
        ):
            still.append(Still(site, len(seen), seen[0][0], seen[-1][0]))
    groups: dict[tuple[str, str], list[Still]] = {}
    whole = unmoved_modules(recording, still)
    for each in still:
        if family(each.site) in moved:
            holder = str(each.site.attributes.get("optimizer") or "")
            groups.setdefault((whole[each.site.id], holder), []).append(each)
    for (module, holder), group in groups.items():
        first = next((each for each in group if each.site.where is not None), group[0])
        names = [each.site.parameter for each in group if each.site.parameter]
        neighbour = moved[family(first.site)]
        whom = named(first.site)
        if len(group) > 1:
            whom = f"`{module}`" if module else "these parameters"
        told = listed(names) if len(group) > 1 else named(first.site)
        one = len(group) == 1
        yield claim(
            first.site,
            f"{told} {'gets' if one else 'get'} gradients, but {'its value is' if one else 'their'}"
            f"{'' if one else ' values are'} the same bit for bit over {first.seen} observed "
            f"updates (steps {first.first} to {first.last}), while {named(neighbour)} changes. "
            + (
                f"{'It is' if one else 'They are'} held by {holder}."
                if holder
                else f"{'It is' if one else 'They are'} in no optimiser."
            ),
            Severity.CRITICAL,
            fix=f"The update rounds away or is never applied: look at what happens to {whom} "
            "between backward and the next forward pass."
            if holder
            else f"Give {whom} to the optimiser, and make the optimiser after the model is "
            "complete. If it is meant to be frozen, make it without gradient.",
            evidence={
                "updates_without_change": first.seen,
                "threshold": updates,
                "first_step": first.first,
                "last_step": first.last,
                "observations": first.seen,
                "parameters": names[:MOST_NAMES],
                "replaced": replaced(recording)[:MOST_NAMES] if not holder else [],
            },
            note="never changes",
        )


def unmoved_modules(recording: Recording, still: list[Still]) -> dict[int, str]:
    """Return for each site the largest module of which nothing changes, "" for one of none."""
    names = {each.site.parameter for each in still}
    alive = {s.parameter for s in recording.of_kind("parameter")} - names
    found = {}
    for each in still:
        parts = each.site.parameter.split(".")
        prefixes = (".".join(parts[:end]) for end in range(1, len(parts)))
        whole = (p for p in prefixes if not any(name.startswith(f"{p}.") for name in alive))
        found[each.site.id] = next(whole, "")
    return found


def replaced(recording: Recording) -> list[str]:
    """Return the parameters that only an optimiser holds: another has taken their place.

    They are called by their place in it, for no module and no variable of the script has them.
    """
    return [
        site.parameter
        for site in recording.of_kind("parameter")
        if site.attributes.get("optimizer") and ".param_groups[" in site.parameter
    ]


def listed(names: list[str]) -> str:
    """Name the first few parameters, and say how many more there are."""
    told = ", ".join(f"`{name}`" for name in names[:MOST_TOLD])
    return told + (f" and {len(names) - MOST_TOLD} more" if len(names) > MOST_TOLD else "")


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
