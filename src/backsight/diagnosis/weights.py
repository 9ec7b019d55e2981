"""The weights of a recorded run, by their distance from the loss, and how they are updated."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from ..traces.recording import Recording, Site
from .observations import figures

SQUASHING = ("sigmoid", "tanh", "hard_sigmoid", "hard_tanh", "softsign", "erf")


def weights(recording: Recording) -> list[Site]:
    """Return the weights, nearest to the loss first.

    Left out are biases and weights that feed a normalisation: the gradient of a bias before a batch
    norm is zero by mathematics, that of a weight there falls with the weight's own scale. Where
    there are optimisers, what none of them holds is no weight: an input whose gradient is asked
    for, say.
    """
    parameters = list(recording.of_kind("parameter"))
    held = any(site.attributes.get("optimizer") for site in parameters)
    found = [
        site
        for site in parameters
        if site.attributes.get("weight")
        and (site.attributes.get("optimizer") or not held)
        and not site.attributes.get("normalised")
        and site.attributes.get("distance") is not None
        and figures(recording.probes(site), "gradient_rms")
    ]
    return sorted(found, key=lambda site: int(site.attributes["distance"]))


def gradients(recording: Recording, sites: list[Site]) -> Iterator[tuple[int, list[float | None]]]:
    """Go through the observed steps: the gradient RMS of each of `sites`, None for none."""
    by_site = [dict(figures(recording.probes(site), "gradient_rms")) for site in sites]
    for step in sorted(set().union(*by_site)):
        yield step, [known.get(step) for known in by_site]


def update_ratios(recording: Recording) -> list[tuple[int, float]]:
    """Return (step, median over weights of std(Δw) ÷ std(w)), of the real change by the update.

    A weight that begins at zero is measured by the spread that it reaches: else its first updates
    would be infinitely large.
    """
    ratios: dict[int, list[float]] = {}
    for site in recording.of_kind("parameter"):
        if not site.attributes.get("weight"):
            continue
        spread = dict(figures(recording.probes(site), "std"))
        usual = statistics.median(spread.values()) if spread else 0.0
        for step, change in figures(recording.probes(site), "update_std"):
            scale = max(spread.get(step, 0.0), usual)
            if scale > 0:
                ratios.setdefault(step, []).append(change / scale)
    return [(step, statistics.median(found)) for step, found in sorted(ratios.items())]


def activations_named(recording: Recording, ops: tuple[str, ...]) -> list[Site]:
    """Return the hidden activations with these ops."""
    return [
        site
        for site in recording.of_kind("activation")
        if site.op in ops and site.side == "hidden" and not site.attributes.get("gate")
    ]
