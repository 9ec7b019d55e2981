"""Repairs in the user's own terms: the expression rewritten where that is certain."""

from __future__ import annotations

import ast

from ..traces.recording import Site

MODULES = {"np", "numpy", "bs", "backsight", "torch", "F", "cp", "cupy", "jnp", "tf"}
CLIPS = {"clip", "clamp", "clip_", "clamp_", "clip_by_value"}


def repair_of_clip(site: Site, source: str) -> str:
    """Say what to write in place of a clip that blocks gradient. `source`: `engine` or `torch`."""
    if site.side == "parameter":
        return (
            "Limit the parameter after the update, outside the graph, and use it unclipped in the "
            "forward pass; or bound it smoothly: low + (high - low) * sigmoid(p)."
        )
    bound = symmetric_bound(site)
    consumers = site.attributes.get("consumers", ())
    if bound is not None and "square" in consumers:
        clipped = clipped_value(site.where.expression if site.where else "")
        huber = huber_call(clipped, bound, source) if clipped else "the Huber loss of the error"
        squared = f"the square of `{site.where.expression}`" if site.where else "the square"
        return (
            f"Use the Huber loss: {huber} in place of {squared}. Inside ±{bound:g} it is the same "
            "parabola (halved); outside it goes on as a straight line, so large errors still pull, "
            f"with a gradient of at most {bound:g}."
        )
    if bound is not None and "absolute" in consumers:
        return (
            "Leave the clip out: the gradient of an absolute error is bounded by 1 already. "
            "For a smooth bottom use the Huber loss."
        )
    return (
        "Do not clip what the loss is computed from. To limit the influence of outliers bound the "
        "gradient instead: a Huber loss, or clip the gradients between backward() and the update. "
        "To keep a prediction in range use a smooth squashing (sigmoid, tanh, softplus), and clip "
        "only what is reported."
    )


def symmetric_bound(site: Site) -> float | None:
    """Return c where the range is [-c, c], else None."""
    low, high = site.attributes.get("low"), site.attributes.get("high")
    return high if low is not None and high is not None and low == -high and high > 0 else None


def huber_call(value: str, bound: float, source: str) -> str:
    """Write the Huber loss of `value` against zero, for the library that the user writes in."""
    if source == "torch":
        return f"`F.huber_loss({value}, torch.zeros_like({value}), delta={bound!r})`"
    return f"`bs.huber({value}, delta={bound!r})`"


def clipped_value(expression: str) -> str:
    """Return the source of what a clip expression clips, "" where that is not certain.

    >>> clipped_value("np.clip(q - target, -1, 1)"), clipped_value("delta.clip(-1, 1)")
    ('q - target', 'delta')
    """
    try:
        call = ast.parse(expression.strip(), mode="eval").body
    except SyntaxError:
        return ""
    if not isinstance(call, ast.Call):
        return ""
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name not in CLIPS:
        return ""
    if isinstance(function, ast.Attribute) and not _is_module(function.value):
        clipped: ast.expr | None = function.value
    else:
        clipped = call.args[0] if call.args else None
    if clipped is None or isinstance(clipped, ast.Starred):
        return ""
    found = ast.get_source_segment(expression.strip(), clipped) or ""
    return " ".join(found.split())


def _is_module(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id in MODULES
