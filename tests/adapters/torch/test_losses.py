"""Losses of PyTorch: what they compare, what feeds them, and what is no loss."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backsight.traces.recording import Site

from ..engine_runs import only
from .runs import recorded

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch
F = torch.nn.functional

torch.manual_seed(5)
X, Y, W = torch.randn(16, 4), torch.rand(16, 3), torch.randn(4, 3)
LABELS, ONES = torch.randint(0, 3, (16,)), torch.ones(16, 3)
SOFT = torch.softmax(torch.randn(16, 3), 1)
SHAPES = {"prediction_shape": [16, 3], "target_shape": [16, 3]}

CASES: dict[str, tuple[Callable[[Any], Any], str, dict[str, Any]]] = {
    "mse": (lambda p: F.mse_loss(p, Y), "squared_error", {**SHAPES, "reduction": "mean"}),
    "sum": (lambda p: F.mse_loss(p, Y, reduction="sum"), "squared_error", {"reduction": "sum"}),
    "module": (lambda p: torch.nn.MSELoss()(p, Y), "squared_error", {"whole": True}),
    "by name": (lambda p: F.mse_loss(target=Y, input=p), "squared_error", SHAPES),
    "weighed": (lambda p: 3 * F.mse_loss(p, Y), "squared_error", {"whole": False}),
    "one by one": (
        lambda p: F.mse_loss(p, Y, reduction="none").mean(),
        "squared_error",
        {"reduction": "mean", "whole": True},
    ),
    "stretched": (
        lambda p: F.mse_loss(p[:, :1], Y[:, 0]),
        "squared_error",
        {"prediction_shape": [16, 1], "target_shape": [16]},
    ),
    "by hand": (lambda p: ((p - Y) ** 2).mean(), "squared_error", {**SHAPES, "whole": True}),
    "turned": (lambda p: (Y - p).square().sum(), "squared_error", {"reduction": "sum"}),
    "times itself": (lambda p: (lambda d: (d * d).mean())(p - Y), "squared_error", SHAPES),
    "clipped": (lambda p: ((p - Y).clamp(-1, 1) ** 2).mean(), "squared_error", SHAPES),
    "masked": (lambda p: (((p - Y) * (Y > 0.3)) ** 2).mean(), "squared_error", SHAPES),
    "stretched by hand": (
        lambda p: ((p[:, :1] - Y[:, 0]) ** 2).mean(),
        "squared_error",
        {"prediction_shape": [16, 1], "target_shape": [16]},
    ),
    "absolute": (lambda p: (p - Y).abs().mean(), "absolute_error", SHAPES),
    "l1": (lambda p: F.l1_loss(p, Y), "absolute_error", {**SHAPES, "whole": True}),
    "norm": (lambda p: torch.linalg.norm(p - Y), "distance", SHAPES),
    "huber": (lambda p: F.huber_loss(p, Y), "huber_loss", SHAPES),
    "smooth": (lambda p: F.smooth_l1_loss(p, Y), "smooth_l1_loss", SHAPES),
    "cross-entropy": (
        lambda p: F.cross_entropy(p, LABELS),
        "cross_entropy",
        {"fed_by": "matmul", "target_shape": [16], "whole": True},
    ),
    "smoothed": (
        lambda p: F.cross_entropy(p, LABELS, label_smoothing=0.1, weight=torch.rand(3)),
        "cross_entropy",
        {"fed_by": "matmul", "reduction": "mean", "whole": True},
    ),
    "soft": (
        lambda p: F.cross_entropy(p, SOFT),
        "cross_entropy_probabilities",
        {"fed_by": "matmul", **SHAPES, "reduction": "mean"},
    ),
    "likelihood": (
        lambda p: F.nll_loss(p.log_softmax(1), LABELS),
        "nll_loss",
        {"fed_by": "log_softmax", "high": 0.0},
    ),
    "softmax twice": (
        lambda p: F.cross_entropy(p.softmax(1), LABELS),
        "cross_entropy",
        {"fed_by": "softmax", "low": 0.0, "high": 1.0},
    ),
    "pictures": (
        lambda p: F.cross_entropy(p.T.reshape(1, 3, 4, 4).sigmoid(), LABELS.reshape(1, 4, 4)),
        "cross_entropy",
        {"fed_by": "sigmoid", "prediction_shape": [1, 3, 4, 4]},
    ),
    "divergence": (
        lambda p: F.kl_div(p.log_softmax(1), SOFT, reduction="batchmean"),
        "kl_divergence",
        {"fed_by": "log_softmax", "reduction": "batchmean"},
    ),
    "binary": (lambda p: F.binary_cross_entropy(p.sigmoid(), Y), "bce", {"fed_by": "sigmoid"}),
    "logits": (lambda p: F.binary_cross_entropy_with_logits(p, Y), "bce_with_logits", SHAPES),
    "margins": (lambda p: F.multi_margin_loss(p, LABELS), "multiclass_svm", {"fed_by": "matmul"}),
    "hinge": (lambda p: F.hinge_embedding_loss(p, Y.round() * 2 - 1), "hinge_embedding_loss", {}),
    "triplet": (lambda p: F.triplet_margin_loss(p, Y, -Y), "triplet_margin_loss", {}),
    "gaussian": (lambda p: F.gaussian_nll_loss(p, Y, ONES), "gaussian_nll_loss", SHAPES),
    "squeezed": (
        lambda p: F.mse_loss(torch.tanh(p[:, :1]).squeeze(1), Y[:, 0]),
        "squared_error",
        {"fed_by": "tanh", "low": -1.0, "high": 1.0, "prediction_shape": [16]},
    ),
    "hardtanh": (
        lambda p: F.mse_loss(F.hardtanh(p, -2, 3), Y),
        "squared_error",
        {"fed_by": "hard_tanh", "low": -2.0, "high": 3.0},
    ),
    "clamped at 0": (lambda p: F.mse_loss(p.clamp(min=0), Y), "squared_error", {"fed_by": "relu"}),
    "sigmoid by hand": (
        lambda p: F.mse_loss(1 / (1 + torch.exp(-p)), Y),
        "squared_error",
        {"fed_by": "sigmoid"},
    ),
}
KNOWN_BY_HAND = ("times itself", "by hand", "turned", "clipped", "absolute", "norm")


def train(loss_of: Callable[[Any], Any]) -> Callable[[], Any]:
    w = W.clone().requires_grad_()
    return lambda: loss_of(X @ w).backward()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore:Using a target size:UserWarning")
def test_losses_are_found(name: str, tmp_path: Path) -> None:
    loss_of, op, wanted = CASES[name]
    recording = recorded(tmp_path, train(loss_of))
    site = only(recording, "loss")
    assert site.op == op
    assert {key: site.attributes[key] for key in wanted} == wanted
    (probe,) = recording.probes(site)
    shape = site.attributes["target_shape"]
    target = {(16, 3): Y, (16,): Y[:, 0]}.get(tuple(shape))
    if "classes" in probe.figures:
        assert probe["classes"] == 3
    elif target is not None and name not in ("hinge", "soft", "divergence"):
        given = target.numpy()
        assert probe["target_min"] == given.min()
        assert probe["target_max"] == given.max()
        assert probe["target_rms"] == pytest.approx(np.sqrt(np.mean(given**2)))
        assert probe["target_std"] == pytest.approx(given.std())
    if name in KNOWN_BY_HAND or name == "mse":
        prediction = (X @ W).numpy()
        assert probe["prediction_max"] == pytest.approx(prediction.max(), rel=1e-5)
        assert probe["error_rms"] == pytest.approx(np.sqrt(np.mean((prediction - Y.numpy()) ** 2)))


@pytest.mark.parametrize(
    "loss_of",
    [
        lambda p: (1 - p).clamp(min=0).mean(),  # a number is no target
        lambda p: ((p - p.mean(0)) ** 2).mean(),  # nor is what learns
        lambda p: ((Y - p) * p.detach()).mean(),  # an advantage
        lambda p: (p - SOFT).exp().clamp(0.8, 1.2).mean(),  # a ratio
        lambda p: -0.5 * (1 + p - p.exp()).mean(),  # a divergence by hand
        lambda p: ((((p - Y) ** 2) @ torch.ones(3, 1, requires_grad=True)) ** 2).mean(),  # inside
        lambda p: p.logsumexp(1).mean(),
    ],
)
def test_what_is_no_loss(loss_of: Any, tmp_path: Path) -> None:
    assert not list(recorded(tmp_path, train(loss_of)).of_kind("loss"))


def test_each_term_is_a_loss_of_its_own(tmp_path: Path) -> None:
    recording = recorded(
        tmp_path, train(lambda p: F.mse_loss(p, Y) + 0.5 * F.cross_entropy(p, LABELS))
    )
    sites: list[Site] = list(recording.of_kind("loss"))
    assert {site.op for site in sites} == {"squared_error", "cross_entropy"}
    assert not any(site.attributes["whole"] for site in sites)
    assert all(site.where is not None and site.where.expression.startswith("F.") for site in sites)


def test_large_operands_are_sampled(tmp_path: Path) -> None:
    x, y = torch.randn(30_000, 8), torch.randn(30_000, 8)
    w = torch.randn(8, 8, requires_grad=True)
    recording = recorded(tmp_path, lambda: ((x @ w - y) ** 2).mean().backward())
    site = only(recording, "loss")
    (probe,) = recording.probes(site)
    error = float(((x @ w.detach() - y) ** 2).mean().sqrt())
    assert probe["error_rms"] == pytest.approx(error, rel=0.03)
    assert probe["target_std"] == pytest.approx(1, rel=0.03)
    assert site.attributes["target_shape"] == [30_000, 8]


def test_samples_of_earlier_calls_are_dropped() -> None:
    from backsight.adapters.torch.sites.operands import MOST_NOTED, Notes

    notes = Notes()
    noted = [notes.of(F.mse_loss, (W.clone(), W), None) for _ in range(MOST_NOTED + 5)]
    kept = [each for each in noted if each is not None and each.samples[0] is not None]
    assert len(noted) == MOST_NOTED + 5
    assert kept == noted[5:]


@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")
def test_nothing_is_noted_where_somebody_would_notice(tmp_path: Path) -> None:
    from torch.utils._python_dispatch import TorchDispatchMode

    seen: list[str] = []

    class Listening(TorchDispatchMode):
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            seen.append(str(func))
            return func(*args, **(kwargs or {}))

    def loss() -> Any:
        w = W.clone().requires_grad_()
        with Listening():
            return ((X @ w - Y) ** 2).mean() + F.mse_loss(X @ w, Y)

    loss()
    bare = list(seen)
    seen.clear()
    recorded(tmp_path / "a", lambda: loss().backward())
    assert seen == bare

    def transformed() -> None:
        w = W.clone().requires_grad_()
        per_row = torch.func.vmap(lambda x, y: ((x @ w - y) ** 2).mean())
        per_row(X, Y).mean().backward()
        slope = torch.func.grad(lambda v: F.mse_loss(X @ v, Y))(W)
        assert slope.shape == W.shape
        traced = torch.jit.trace(lambda p: ((p - Y) ** 2).mean(), X @ W, check_trace=False)
        assert float(traced(Y)) == 0

    recorded(tmp_path / "b", transformed)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_any_precision(dtype: str, tmp_path: Path) -> None:
    kind = getattr(torch, dtype)
    w = W.to(kind).requires_grad_()
    recording = recorded(tmp_path, lambda: ((X.to(kind) @ w - Y.to(kind)) ** 2).mean().backward())
    (probe,) = recording.probes(only(recording, "loss"))
    assert probe["target_max"] == pytest.approx(float(Y.max()), rel=1e-2)
