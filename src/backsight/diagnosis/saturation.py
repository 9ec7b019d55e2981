"""Which activations may be judged for saturation, and what is said of them."""

from __future__ import annotations

from collections.abc import Sequence

from ..traces.recording import Probe, Recording, Site
from .weights import SQUASHING


def squashing_sites(recording: Recording) -> list[Site]:
    """Return the activations that must not saturate.

    Not the gates of recurrent cells and of anything else (what is multiplied with another value),
    not what goes into the loss: those saturate in healthy networks, too.
    """
    found = []
    for site in recording.of_kind("activation"):
        gate = site.attributes.get("gate") or (
            site.op in ("sigmoid", "hard_sigmoid")
            and "multiply" in site.attributes.get("consumers", ())
        )
        output = site.side == "loss" or site.attributes.get("last")
        if site.op in (*SQUASHING, "softmax") and not gate and not output:
            found.append(site)
    return found


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
