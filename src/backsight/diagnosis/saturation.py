"""Which activations may be judged for saturation, and what is said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..traces.recording import Probe, Recording, Site
from .places import COMPARING
from .weights import SQUASHING

WORSE = 1.25  # times the error of the targets' mean


@dataclass(frozen=True, slots=True)
class Judged:
    """An activation that must not saturate: its saturated share over time, as (step, share).

    A `head` is the output of the network under a squared or absolute error. Fitted to targets at
    the ends of its range it saturates as it should, so its share counts only while its error is
    worse than that of the targets' mean: then it is sure, and wrong.
    """

    site: Site
    shares: list[tuple[int, float]]
    head: bool = False

    @property
    def also(self) -> str:
        """What else is said of a head."""
        if not self.head:
            return ""
        return " What it says is further from the targets than their mean, so it is wrong as well."


def judged(recording: Recording) -> list[Judged]:
    """Return the activations that must not saturate.

    Not the gates of recurrent cells and of anything else (what is multiplied with another value),
    and not an output under a cross-entropy: those saturate in healthy networks, too.
    """
    found = []
    for site in recording.of_kind("activation"):
        gate = site.attributes.get("gate") or (
            site.op in ("sigmoid", "hard_sigmoid")
            and "multiply" in site.attributes.get("consumers", ())
        )
        if site.op not in (*SQUASHING, "softmax") or gate or is_choice(site):
            continue
        measured = shares(recording.probes(site))
        if not (site.side == "loss" or site.attributes.get("last")):
            found.append(Judged(site, measured))
            continue
        loss = compared_by(site, recording)
        if loss is not None:
            wrong = wrong_steps(recording.probes(loss))
            at_fault = [(step, share if step in wrong else 0.0) for step, share in measured]
            found.append(Judged(site, at_fault, head=True))
    return found


def is_choice(site: Site) -> bool:
    """Tell whether a softmax is half of a straight-through choice, sure on purpose.

    `hard - soft.detach() + soft`, as in a hard Gumbel softmax, and nobody else takes it.
    """
    return site.op == "softmax" and site.attributes.get("consumers") in (["add"], ["subtract"])


def compared_by(head: Site, recording: Recording) -> Site | None:
    """Return the loss that asks an output to equal its targets, None unless that is certain."""
    taking = [
        site for site in recording.of_kind("loss") if site.attributes.get("fed_by") == head.op
    ]
    if len(taking) != 1 or taking[0].op not in COMPARING or taking[0].op == "bce":
        return None
    same = [
        site
        for site in recording.of_kind("activation")
        if site.op == head.op and (site.side == "loss" or site.attributes.get("last"))
    ]
    return taking[0] if len(same) == 1 else None


def wrong_steps(probes: Sequence[Probe]) -> set[int]:
    """Return the steps in which a prediction was clearly worse than the mean of the targets."""
    return {
        probe.step
        for probe in probes
        if probe.figures.get("target_std", 0.0) > 0
        and probe.figures.get("error_rms", 0.0) ** 2 > WORSE * probe["target_std"] ** 2
    }


def shares(probes: Sequence[Probe]) -> list[tuple[int, float]]:
    """Return the saturated share over time."""
    return [
        (probe.step, probe["saturated"] / probe["elements"])
        for probe in probes
        if "saturated" in probe.figures and probe.figures.get("elements", 0) > 0
    ]


def flat_ends(site: Site) -> str:
    """Say what saturation means for an activation."""
    if site.op == "softmax":
        return "one weight is above 0.99 in these rows and the others pass nothing"
    return "there its derivative is under 5 % of the largest"


def repair_of_saturation(site: Site) -> str:
    """Say what to do about it, in the words of the user's expression."""
    expression = site.where.expression if site.where is not None else site.op
    if site.op == "softmax":
        return (
            f"Scale the scores in `{expression}`: divide by √(size of the key), or normalise "
            "queries and keys; look for a learning rate that is too high."
        )
    return (
        f"Make the input of `{expression}` smaller: initialise the weights with std 1 / √inputs "
        "(Xavier), scale the data to mean 0 and std 1, or normalise before the activation. If it "
        "began well, lower the learning rate."
    )
