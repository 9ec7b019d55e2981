"""BS304: the optimiser holds a parameter that never gets a gradient."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ...traces.findings import Finding, Severity
from ...traces.recording import Probe, Recording, Site
from ..observations import claim, named
from ..registry import rule

UPDATES = 20
WHOLE_RUN = 5
MOST_NAMES = 50  # of parameters, in the evidence


@rule("BS304", "parameter-without-gradient", reads=("parameter",))
def parameter_without_gradient(
    recording: Recording, *, updates: int = UPDATES, whole_run: int = WHOLE_RUN
) -> Iterator[Finding]:
    """Find parameters that are meant to be trained and never get a gradient.

    Somewhere between the parameter and the loss the graph is cut, or its output is not used. The
    rest of the network goes on learning, so nothing looks broken. Where the cut was seen, it is the
    finding (BS305), and this its symptom.

    Judged are parameters that an optimiser holds. Fires if no gradient arrives, or exactly zero, in
    all observed steps, and these are 20 or more, or the whole of a shorter run. One gradient is
    enough to stay silent, so parameters that are trained in turn (GANs) or used rarely pass.

    Fires on::

        x, y = rng.normal(size=(64, 4)), rng.normal(size=(64, 1))
        w, v = bs.tensor(rng.normal(size=(4, 8)) * 0.5), bs.tensor(rng.normal(size=(8, 1)) * 0.5)
        optimizer = bs.nn.optim.SGD([w, v], lr=0.01)
        for step in range(30):
            h = np.tanh(x @ w.value)
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
            loss = np.mean((h @ v - y) ** 2)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    What helps: find where the value leaves the graph; if the parameter is meant to be frozen, make
    it without gradient (`requires_grad=False`) and leave it out of the optimiser.

    Source: mmcv #1541 and many others ("unused parameters").
    """
    found = starved(recording, updates, whole_run)
    for module, group in by_module(recording, found).items():
        first = next((each for each in group if each.site.where is not None), group[0])
        site, probes = first.site, first.probes
        names = [each.site.parameter for each in group if each.site.parameter]
        last = last_seen(recording, names)
        whom = named(site) if len(group) == 1 else f"the {len(group)} parameters of `{module}`"
        what = (
            "No gradient ever arrives" if first.absent else "Only gradients of exactly zero arrive"
        )
        yield claim(
            site
            if last is None
            else dataclasses.replace(site, where=last.where, source=last.source),
            f"{what} at {whom}, which {site.attributes['optimizer']} is to train "
            f"({len(probes)} observed steps, {probes[0].step} to {probes[-1].step}).",
            Severity.CRITICAL,
            fix=hint(last) + f"Look on the way from {whom} to the loss for what leaves the graph: "
            "detach, .value or .data, no_grad, argmax, a comparison, a conversion to integers; or "
            "its output is not used. If it is meant to be frozen, make it without gradient and "
            "leave it out of the optimiser.",
            evidence={
                "steps_without_gradient": len(probes),
                "threshold": updates,
                "first_step": probes[0].step,
                "last_step": probes[-1].step,
                "observations": len(probes),
                "parameters": names[:MOST_NAMES],
            },
            note="never gets a gradient",
        )


def last_seen(recording: Recording, names: list[str]) -> Site | None:
    """Return where the values of parameters leave the graph for where nobody can follow them.

    None unless there is one such place, and all parameters behind it are among those `names`: a
    loss that is printed has every parameter behind it.
    """
    found = []
    for site in recording.of_kind("cut"):
        behind = set(site.attributes.get("parameters", ()))
        lost = not any(probe.figures.get("returned", 0.0) for probe in recording.probes(site))
        if lost and site.where is not None and behind and behind <= set(names):
            found.append(site)
    return found[0] if len(found) == 1 else None


def hint(site: Site | None) -> str:
    """Say where the values were last seen, if they left the graph."""
    if site is None or site.where is None:
        return ""
    return (
        f"Its value leaves the graph at line {site.where.line}, `{site.where.expression}`; "
        "whether it goes on into the loss from there was not seen. "
    )


class Starved(NamedTuple):
    """A parameter without gradient; `absent` if none arrived at all, else it was exactly zero."""

    site: Site
    probes: tuple[Probe, ...]
    absent: bool


def starved(
    recording: Recording, updates: int = UPDATES, whole_run: int = WHOLE_RUN
) -> list[Starved]:
    """Return the parameters that an optimiser holds and no observed step gave a gradient.

    There must be `updates` observed updates or more, or the whole of a shorter run of at least
    `whole_run`. Where gradients gather over several passes, these are one update.
    """
    steps, probed = (int(recording.meta.get(name, 0)) for name in ("steps", "probed"))
    whole = probed < updates or probed >= steps - 1
    found = []
    most: dict[str, int] = {}  # updates of each optimiser, as its best known parameter shows them
    for site in recording.of_kind("parameter"):
        held = site.attributes.get("optimizer")
        if held:
            most[held] = max(most.get(held, 0), len(updated(recording.probes(site))))
    for site in recording.of_kind("parameter"):
        held, probes = site.attributes.get("optimizer"), recording.probes(site)
        if not held or not probes:
            continue
        if any(probe.figures.get("gradient_rms", 0.0) != 0 for probe in probes):
            continue
        seen = len(updated(probes))
        short = whole and most[held] < updates and seen >= max(whole_run, most[held] - 1)
        if seen < updates and not short:
            continue
        absent = all("gradient_rms" not in probe.figures for probe in probes)
        if not absent and not site.attributes.get("weight"):
            continue  # a bias that cancels in a difference of outputs: zero by mathematics
        found.append(Starved(site, probes, absent))
    return found


def updated(probes: Sequence[Probe]) -> Sequence[Probe]:
    """Return the observations that an update followed; all where no update was seen at all."""
    return [probe for probe in probes if "unchanged" in probe.figures] or probes


def by_module(recording: Recording, found: list[Starved]) -> dict[str, list[Starved]]:
    """Put parameters together by the largest module of which none gets a gradient.

    What stands alone is under its own name.
    """
    alive = {site.parameter for site in recording.of_kind("parameter")}
    alive -= {each.site.parameter for each in found}
    groups: dict[str, list[Starved]] = {}
    for each in found:
        parts = each.site.parameter.split(".")
        prefixes = (".".join(parts[:end]) for end in range(1, len(parts)))
        whole = (p for p in prefixes if not any(name.startswith(f"{p}.") for name in alive))
        key = next(whole, each.site.parameter or f"#{each.site.id}")
        groups.setdefault(key, []).append(each)
    return groups
