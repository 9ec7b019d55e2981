"""Losses: published values, conventions at the edges, large values, and what errors say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backsight.engine import tensor
from backsight.errors import DTypeError, IndexingError, ShapeError, UsageError
from backsight.ops.losses.classification import (
    cross_entropy,
    cross_entropy_probabilities,
    hinge_loss,
    multiclass_svm,
    nll_loss,
)
from backsight.ops.losses.regression import (
    absolute_error,
    bce,
    bce_with_logits,
    cosine_embedding_loss,
    cosine_similarity,
    half_squared_error,
    huber,
    huber_loss,
    kl_divergence,
    smooth_l1_loss,
    squared_error,
)

from .sample import normal

X = normal(4, 3)
LABELS = np.array([0, 2, 1, 2])

# ---- published values


def test_svm_example_of_cs231n() -> None:
    """Notes on linear classification: scores [13, −7, 11], class 0, margin 10: a loss of 8."""
    scores = np.array([[13.0, -7.0, 11.0]])
    assert multiclass_svm(scores, labels=np.array([0]), margin=10.0) == 8.0


def test_svm_against_softmax_figure_of_cs231n() -> None:
    """The same notes: [−2.85, 0.86, 0.28], class 2: 1.58 for the margins, 1.04 for softmax."""
    scores, label = np.array([[-2.85, 0.86, 0.28]]), np.array([2])
    assert round(float(multiclass_svm(scores, labels=label)), 2) == 1.58
    assert round(float(cross_entropy(scores, labels=label)), 2) == 1.04


def test_equal_scores_lose_the_logarithm_of_the_classes() -> None:
    assert np.isclose(cross_entropy(np.zeros((5, 10)), labels=np.arange(5)), np.log(10))


# ---- gradients as the textbooks have them


def test_cross_entropy_pulls_by_probability_minus_one_hot() -> None:
    x = tensor(X)
    cross_entropy(x, labels=LABELS).backward()
    p = np.exp(X) / np.exp(X).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(x.grad, (p - np.eye(3)[LABELS]) / 4)


def test_half_squared_error_pulls_by_the_difference() -> None:
    x = tensor(X)
    half_squared_error(x, np.ones((4, 3))).backward()
    np.testing.assert_array_equal(x.grad, X - 1)


def test_huber_pulls_by_the_clipped_error() -> None:
    x = tensor([-1000.0, -1.0, 0.25, 1.0, 1000.0])
    huber(x, delta=1.0).sum().backward()
    np.testing.assert_array_equal(x.grad, [-1, -1, 0.25, 1, 1])


# ---- forms of one loss agree


def test_forms_of_cross_entropy_agree() -> None:
    one_hot = np.eye(3)[LABELS]
    log_p = X - np.log(np.exp(X).sum(axis=1, keepdims=True))
    plain = cross_entropy(X, labels=LABELS)
    assert np.isclose(plain, nll_loss(log_p, labels=LABELS))
    assert np.isclose(plain, cross_entropy_probabilities(X, targets=one_hot))
    assert np.isclose(plain, cross_entropy(X, labels=LABELS, weight=np.ones(3), ignore_index=-1))
    assert np.isclose(plain, kl_divergence(log_p, one_hot, reduction="batchmean"))


def test_bce_with_logits_is_bce_of_the_sigmoid() -> None:
    y = np.array([[0.0, 1.0, 0.3]] * 4)
    p = 1 / (1 + np.exp(-X))
    np.testing.assert_allclose(bce(p, y, reduction="none"), bce_with_logits(X, y, reduction="none"))


def test_smooth_l1_is_huber_divided_by_beta() -> None:
    y = np.zeros((4, 3))
    np.testing.assert_allclose(smooth_l1_loss(X, y, beta=0.5), huber_loss(X, y, delta=0.5) / 0.5)
    assert smooth_l1_loss(X, y, beta=0.0) == absolute_error(X, y)


# ---- edges


def test_ignored_labels_get_no_gradient() -> None:
    x = tensor(X)
    cross_entropy(x, labels=np.array([0, -100, 1, -100]), ignore_index=-100).backward()
    assert np.all(x.grad[[1, 3]] == 0)
    assert np.all(x.grad[[0, 2]] != 0)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("loss", [cross_entropy, nll_loss])
def test_the_mean_of_no_labels_is_nan_with_a_gradient_of_0(loss: Any) -> None:
    x = tensor(X)
    out = loss(x, labels=np.full(4, 7), ignore_index=7)
    out.backward()
    assert np.isnan(out.value)
    assert np.all(x.grad == 0)  # as PyTorch's


@pytest.mark.parametrize(
    "call",
    [
        lambda x: squared_error(x, x),
        lambda x: huber_loss(x, x),
        lambda x: bce(x, x),
        lambda x: bce_with_logits(x, x),
        lambda x: cross_entropy(x, labels=LABELS[:0]),
        lambda x: cross_entropy_probabilities(x, targets=x),
    ],
)
def test_an_empty_batch_has_no_mean(call: Any) -> None:
    with pytest.raises(ShapeError, match=r"x \(0, 3\) is an empty batch"):
        call(np.zeros((0, 3)))


def test_a_wide_class_weight_does_not_widen() -> None:
    x = X.astype(np.float32)
    assert cross_entropy(x, labels=LABELS, weight=np.ones(3)).dtype == np.float32
    targets = np.eye(3)[LABELS]  # float64
    assert cross_entropy_probabilities(x, targets=targets).dtype == np.float32
    assert bce_with_logits(x, x * 0, positive_weight=np.ones(3)).dtype == np.float32


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64])
def test_labels_of_any_integer_dtype(dtype: Any) -> None:
    x = tensor(X.astype(np.float32))
    out = cross_entropy(x, labels=LABELS.astype(dtype), ignore_index=-100)
    out.backward()
    assert out.dtype == x.grad.dtype == np.float32


def test_impossible_classes_may_have_minus_infinity() -> None:
    x = tensor([[0.5, -np.inf], [-np.inf, 2.0]])
    targets = np.eye(2)
    for loss in (
        cross_entropy(x, labels=np.array([0, 1])),
        cross_entropy(x, labels=np.array([0, 1]), weight=np.ones(2)),
        cross_entropy_probabilities(x, targets=targets),
        nll_loss(x - tensor([[0.5], [2.0]]), labels=np.array([0, 1])),
    ):
        assert loss.value == 0
    cross_entropy_probabilities(x, targets=targets).backward()
    assert np.all(x.grad == 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_values_give_numbers(dtype: Any) -> None:
    x = tensor((1000 * X).astype(dtype))
    y = np.where(X > 0, 0, 1).astype(dtype)  # wrong everywhere
    signs = np.where(X > 0, -1, 1)
    losses = [
        squared_error(x, y),
        half_squared_error(x, y),
        absolute_error(x, y),
        huber_loss(x, y),
        smooth_l1_loss(x, y),
        bce_with_logits(x, y),
        bce_with_logits(x, y, positive_weight=2.0),
        cross_entropy(x, labels=LABELS, label_smoothing=0.1),
        cross_entropy_probabilities(x, targets=y / y.sum(axis=1, keepdims=True).clip(1)),
        hinge_loss(x, labels=signs),
        multiclass_svm(x, labels=LABELS),
        cosine_similarity(x, y + 1).sum(),
    ]
    for loss in losses:
        loss.backward()
        assert np.isfinite(loss.value)
        assert np.all(np.isfinite(x.grad))


def test_probabilities_of_0_and_1_give_numbers_without_a_warning() -> None:
    x, y = tensor([0.0, 1.0, 0.0, 1.0]), tensor([0.0, 1.0, 1.0, 0.0])
    out = bce(x, y, reduction="none")
    out.sum().backward()
    assert out.tolist() == [0, 0, 100, 100]  # −log of PyTorch's e⁻¹⁰⁰
    assert x.grad.tolist() == [0, 0, -1e12, 1e12]
    assert y.grad.tolist() == [100, -100, 100, -100]


def test_a_target_of_0_adds_nothing_to_the_divergence() -> None:
    x = tensor(np.array([-np.inf, 0.0]))
    out = kl_divergence(x, np.array([0.0, 1.0]), reduction="sum")
    out.backward()
    assert out.value == 0
    assert x.grad.tolist() == [0, -1]


def test_parallel_opposite_and_zero_vectors() -> None:
    x = np.array([[3.0, 4.0], [3.0, 4.0], [0.0, 0.0]])
    y = np.array([[6.0, 8.0], [-3.0, -4.0], [1.0, 1.0]])
    np.testing.assert_allclose(cosine_similarity(x, y), [1, -1, 0])


def test_hinges_have_slope_0_at_the_hinge() -> None:
    x = tensor([1.0])
    hinge_loss(x, labels=np.array([1])).backward()
    assert x.grad.tolist() == [0]


# ---- errors


@pytest.mark.parametrize(
    ("call", "kind", "says"),
    [
        (
            lambda: cross_entropy(X, labels=np.array([0, 3, 1, 2])),
            IndexingError,
            "labels hold 3, but there are 3 classes: 0 to 2",
        ),
        (
            lambda: cross_entropy(X, labels=np.array([0, -100, 1, 2])),
            IndexingError,
            "labels hold -100, .* to leave labels out, pass ignore_index",
        ),
        (
            lambda: cross_entropy(X, labels=np.array([0, -100, 5, 2]), ignore_index=-100),
            IndexingError,
            "labels hold 5",
        ),
        (
            lambda: cross_entropy(X, labels=LABELS * 1.0),
            DTypeError,
            r"labels are float64 \(4,\); they must be an array of integers",
        ),
        (
            lambda: cross_entropy(X, labels=np.eye(3)[LABELS]),
            DTypeError,
            r"go to cross_entropy_probabilities, or take their class: labels\.argmax\(axis=1\)",
        ),
        (
            lambda: cross_entropy(X, labels=[0, 2, 1, 2]),
            DTypeError,
            r"labels are list \[0, 2, 1, 2\]",
        ),
        (lambda: nll_loss(X, labels=LABELS > 0), DTypeError, r"labels are bool \(4,\)"),
        (
            lambda: cross_entropy(X, labels=LABELS[:, None]),
            ShapeError,
            r"x \(4, 3\) and labels \(4, 1\) do not fit: .* its shape without C: \(4,\)",
        ),
        (
            lambda: cross_entropy(np.ones((2, 3, 5)), labels=np.zeros((2, 3), int)),
            ShapeError,
            r"without C: \(2, 5\)",
        ),
        (lambda: cross_entropy(X[0], labels=LABELS[0]), ShapeError, r"x \(3,\) and labels \(\)"),
        (
            lambda: cross_entropy(X, labels=LABELS, weight=np.ones(4)),
            ShapeError,
            r"weight \(4,\) must be \(3,\), one for each class",
        ),
        (
            lambda: cross_entropy(X, labels=LABELS, label_smoothing=1.5),
            UsageError,
            "label_smoothing is a share, 0 to 1, not 1.5",
        ),
        (
            lambda: cross_entropy_probabilities(X, targets=LABELS),
            DTypeError,
            "Class numbers go to cross_entropy as labels",
        ),
        (
            lambda: cross_entropy_probabilities(X, targets=np.ones(3)),
            ShapeError,
            r"x \(4, 3\) and targets \(3,\) must have one shape",
        ),
        (
            lambda: multiclass_svm(np.ones((2, 3, 4)), labels=np.zeros((2, 4), int)),
            ShapeError,
            r"x \(2, 3, 4\) must be \(N, C\)",
        ),
        (
            lambda: hinge_loss(X[:, 0], labels=np.array([0, 1, 1, 0])),
            UsageError,
            r"labels hold 0, but they must be 1 or -1; from 0 and 1 make 2 \* labels - 1",
        ),
        (
            lambda: hinge_loss(X, labels=np.ones(4)),
            ShapeError,
            r"labels \(4,\) must be \(4, 3\), one for each prediction",
        ),
        (
            lambda: cosine_embedding_loss(X, X, labels=np.ones((4, 1))),
            ShapeError,
            r"labels \(4, 1\) must be \(4,\)",
        ),
        (lambda: hinge_loss(X, labels=[1, -1]), DTypeError, "labels are an array of 1 and -1"),
        (
            lambda: bce(3 * np.ones(2), np.ones(2)),
            UsageError,
            "x holds 3, but it takes probabilities, 0 to 1; for logits use bce_with_logits",
        ),
        (lambda: bce(np.array([0.5, -0.25]), np.ones(2)), UsageError, "x holds -0.25"),
        (lambda: huber(X, delta=0.0), UsageError, "delta must be above 0, not 0.0"),
        (lambda: smooth_l1_loss(X, X, beta=-1.0), UsageError, "beta must be 0 or more, not -1.0"),
        (
            lambda: squared_error(X, X, reduction="avg"),
            UsageError,
            "reduction is 'mean', 'sum' or 'none', not 'avg'",
        ),
        (lambda: absolute_error(X, X, reduction="batchmean"), UsageError, "not 'batchmean'"),
        (lambda: kl_divergence(X, X, reduction="all"), UsageError, "not 'all'"),
    ],
)
def test_errors_say_both_sides(call: Any, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=says):
        call()


def test_nan_passes_bce_so_that_it_can_be_traced() -> None:
    assert np.isnan(bce(np.array([np.nan]), np.ones(1)))


def test_a_target_that_wants_a_gradient_is_no_attribute() -> None:
    with pytest.raises(DTypeError, match="targets is an attribute and gets no gradient"):
        cross_entropy_probabilities(tensor(X), targets=tensor(np.eye(3)[LABELS]))
