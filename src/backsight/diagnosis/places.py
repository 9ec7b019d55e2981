"""Where to point when there is no guilty op: the loss, or where the optimiser was made."""

from __future__ import annotations

from typing import Any

from ..traces.recording import Recording, Site

SQUARED = ("squared_error", "half_squared_error", "square", "mse_loss")
COMPARING = (*SQUARED, "absolute_error", "huber_loss", "smooth_l1_loss", "bce", "distance")
"""Losses that ask each output to equal its target."""

LOG_LIKELIHOOD = ("nll_loss",)
WITH_SOFTMAX = ("cross_entropy", "softmax_cross_entropy")
WITH_SIGMOID = ("bce_with_logits", "binary_cross_entropy_with_logits")


def loss_site(recording: Recording) -> Site | None:
    """Return the place of the loss that was observed most, None if none was."""
    sites = list(recording.of_kind("loss"))
    return max(sites, key=lambda site: len(recording.probes(site)), default=None)


def optimizer_site(recording: Recording) -> Site | None:
    """Return the place where the optimiser was made, else that of the loss.

    Without an optimiser (an update by hand) the loss is the only place that is sure to exist.
    """
    event = recording.event("optimizer")
    if event is None or event.where is None or not isinstance(event.detail, dict):
        return loss_site(recording)
    detail: dict[str, Any] = event.detail
    return Site(
        op=str(detail.get("op", "")),
        kind="optimizer",
        where=event.where,
        source=str(detail.get("source", "")),
    )


def optimizer_name(recording: Recording) -> str:
    """Return the class of the optimiser, "" where the script updates by hand."""
    event = recording.event("optimizer")
    known = event is not None and isinstance(event.detail, dict)
    return str(event.detail.get("op", "")) if event is not None and known else ""


def last_learning_rate(recording: Recording) -> float | None:
    """Return the learning rate that was used last, None where it is not known."""
    rates = [step.learning_rate for step in recording.steps if step.learning_rate is not None]
    return rates[-1] if rates else None
