"""What a loss was given: shapes and a small sample of its operands, noted at the call.

The graph keeps of `prediction − target` neither, and of a loss that broadcasts not the shapes that
came in. So calls of losses, and differences with data, are noted while calls are logged.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import torch

from ..arrays import array_of, unseen

MOST_NOTED = 64  # calls; of those before them the samples are dropped
MOST_KEPT = 65_536  # elements of one operand

LOSS_CALLS = {
    "binary_cross_entropy": "bce",
    "binary_cross_entropy_with_logits": "bce_with_logits",
    "cosine_embedding_loss": "cosine_embedding_loss",
    "cross_entropy": "cross_entropy",
    "ctc_loss": "ctc_loss",
    "gaussian_nll_loss": "gaussian_nll_loss",
    "hinge_embedding_loss": "hinge_embedding_loss",
    "huber_loss": "huber_loss",
    "kl_div": "kl_divergence",
    "l1_loss": "absolute_error",
    "margin_ranking_loss": "margin_ranking_loss",
    "mse_loss": "squared_error",
    "multi_margin_loss": "multiclass_svm",
    "multilabel_margin_loss": "multilabel_margin_loss",
    "multilabel_soft_margin_loss": "multilabel_soft_margin_loss",
    "nll_loss": "nll_loss",
    "poisson_nll_loss": "poisson_nll_loss",
    "smooth_l1_loss": "smooth_l1_loss",
    "soft_margin_loss": "soft_margin_loss",
    "triplet_margin_loss": "triplet_margin_loss",
    "triplet_margin_with_distance_loss": "triplet_margin_loss",
}
"""The losses of PyTorch by the names that the house has for them."""

DIFFERENCES = {"sub", "subtract", "sub_", "__sub__", "__isub__", "rsub", "__rsub__"}
REVERSED = {"rsub", "__rsub__"}


class Operands:
    """The first two operands of one call: their shapes, and samples of both, thinned out alike.

    What is no tensor, or cannot be read without a trace, is None; so is the live side of a
    difference, since the difference itself is kept by the graph.
    """

    __slots__ = ("name", "reduction", "samples", "shapes")

    def __init__(
        self, name: str, given: tuple[Any, Any], wanted: Sequence[bool], reduction: str
    ) -> None:
        self.name = name
        self.reduction = reduction
        self.shapes = tuple(tuple(x.shape) if _is_tensor(x) else None for x in given)
        self.samples: tuple[Any, ...] = tuple(
            sample(x) if want else None for x, want in zip(given, wanted, strict=True)
        )

    @property
    def loss(self) -> str:
        """The canonical name of the loss, "" for a difference."""
        return LOSS_CALLS.get(self.name, "")


class Notes:
    """The operands of the calls of one thread; only those of the last calls keep their samples."""

    def __init__(self) -> None:
        self._noted: deque[Operands] = deque()

    def of(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Any
    ) -> Operands | None:
        """Note the operands of a call that has made nodes; None if it is of no interest."""
        name = getattr(function, "__name__", "")
        difference = name in DIFFERENCES
        if not (difference or name in LOSS_CALLS) or not quiet():
            return None
        given = operands_of(args, kwargs or {})
        with unseen():
            wanted = [_is_tensor(x) for x in given]
            if difference:
                # Only what needs no gradient can be a target, and it must be more than a number.
                wanted = [_is_data(x) for x in given]
                if sum(wanted) != 1 or not all(_is_tensor(x) for x in given):
                    return None
            reduction = str((kwargs or {}).get("reduction", "mean"))
            noted = Operands(name, given, wanted, reduction)
        self._noted.append(noted)
        if len(self._noted) > MOST_NOTED:
            self._noted.popleft().samples = (None, None)
        return noted


def operands_of(args: tuple[Any, ...], kwargs: Any) -> tuple[Any, Any]:
    """Return the first two operands of a call, by position or by name."""
    found = list(args[:2])
    for name in ("input", "anchor", "x1", "self", "log_probs"):
        if not found and name in kwargs:
            found.append(kwargs[name])
    for name in ("target", "other", "positive", "x2", "targets"):
        if len(found) == 1 and name in kwargs:
            found.append(kwargs[name])
    found += [None] * (2 - len(found))
    return found[0], found[1]


def thinned(shape: Sequence[int]) -> tuple[slice, ...]:
    """Return which elements of a tensor to sample: whole rows of classes, which lie along axis 1.

    >>> thinned((200_000, 10))
    (slice(None, None, 31), slice(None, None, 1))
    """
    steps = [1] * len(shape)
    left = math.prod(shape)
    for axis in (0, *range(len(shape) - 1, 1, -1)):
        if left > MOST_KEPT and axis < len(shape):
            steps[axis] = min(-(-left // MOST_KEPT), shape[axis])
            left = left // shape[axis] * -(-shape[axis] // steps[axis])
    return tuple(slice(None, None, step) for step in steps)


def sample(x: torch.Tensor) -> Any:
    """Return a copy of a sample of the elements, as an array; None where it cannot be had.

    Call it where the script's modes are switched off and no graph is made.
    """
    if x.is_neg() or (x.device.type == "cuda" and torch.cuda.is_current_stream_capturing()):
        return None
    chosen = x[thinned(x.shape)]
    return array_of(chosen).copy() if chosen.numel() <= 16 * MOST_KEPT else None


def quiet() -> bool:
    """Tell whether tensors can be read without anybody noticing: no tracer, no transform."""
    return (
        torch._C._len_torch_dispatch_stack() == 0
        and torch._C._functorch.peek_interpreter_stack() is None
        and torch._C._get_tracing_state() is None
    )


def _is_tensor(x: Any) -> bool:
    return (
        type(x) in (torch.Tensor, torch.nn.Parameter)
        and x.layout is torch.strided
        and not x.is_meta
        and not x.is_complex()
        and not x.is_quantized
        and x.numel() > 0
    )


def _is_data(x: Any) -> bool:
    return _is_tensor(x) and not x.requires_grad and x.is_floating_point() and x.numel() >= 2
