"""Every layer, loss and optimiser of CS231n's assignments 1–3, in that course's conventions.

The truth here is the definition, written with loops, and central differences of it. docs/cs231n.md
says what is called what and which conventions differ; this file holds that page to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight import nn

F = np.float64


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def agree(ours: Callable[..., Any], definition: Callable[..., Any], *inputs: Any) -> None:
    """Compare values, and all gradients of a weighted sum with central differences."""
    truth = definition(*inputs)
    weight = np.random.default_rng(1).standard_normal(np.shape(truth))
    given = [bs.tensor(x) for x in inputs]
    out = ours(*given)
    np.testing.assert_allclose(out.value, truth, rtol=1e-9, atol=1e-11)
    np.sum(out * weight).backward()
    for place, x in enumerate(inputs):
        slope = np.zeros(x.shape)
        for index in np.ndindex(x.shape):
            moved = []
            for h in (1e-5, -1e-5):
                near = [np.array(each) for each in inputs]
                near[place][index] += h
                moved.append(np.sum(definition(*near) * weight))
            slope[index] = (moved[0] - moved[1]) / 2e-5
        gradient = given[place].grad
        assert gradient is not None
        np.testing.assert_allclose(gradient, slope, rtol=1e-6, atol=1e-8, err_msg=str(place))


def draw(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).standard_normal(shape)


# Assignment 1


def test_svm_loss_sums_the_margins_and_averages_over_the_batch() -> None:
    y, reg = np.array([2, 0, 1, 1]), 0.1

    def definition(x: Any, w: Any) -> Any:
        scores, total = x @ w, 0.0
        for i in range(len(x)):
            for j in range(w.shape[1]):
                if j != y[i]:
                    total += max(0.0, scores[i, j] - scores[i, y[i]] + 1)
        return total / len(x) + reg * np.sum(w * w)

    def ours(x: Any, w: Any) -> Any:
        return bs.multiclass_svm(x @ w, labels=y) + reg * np.sum(w * w)

    agree(ours, definition, draw(4, 5), draw(5, 3))


def test_softmax_loss_with_regularisation() -> None:
    y, reg = np.array([2, 0, 1, 1]), 0.1

    def definition(x: Any, w: Any) -> Any:
        total = 0.0
        for scores, label in zip(x @ w, y, strict=True):
            total -= np.log(np.exp(scores[label]) / np.sum(np.exp(scores)))
        return total / len(x) + reg * np.sum(w * w)

    def ours(x: Any, w: Any) -> Any:
        return bs.cross_entropy(x @ w, labels=y) + reg * np.sum(w * w)

    agree(ours, definition, draw(4, 5), draw(5, 3))


def test_affine_flattens_what_comes_in() -> None:
    agree(
        lambda x, w, b: bs.linear(nn.Flatten()(x), w, b),
        lambda x, w, b: x.reshape(len(x), -1) @ w + b,
        *(draw(2, 3, 2), draw(6, 4), draw(4)),
    )


# Assignment 2


def test_batch_norm_forward_and_its_running_averages() -> None:
    x, gamma, beta = draw(6, 3), draw(3), draw(2, 3)[0]

    def definition(x: Any, gamma: Any, beta: Any) -> Any:
        return gamma * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5) + beta

    agree(lambda x, g, b: bs.batch_norm(x, g, b), definition, x, gamma, beta)
    momentum, mean, variance = 0.9, np.zeros(3), np.zeros(3)
    layer = nn.BatchNorm(3, momentum=1 - momentum, unbiased=False, dtype=F)
    layer.running_variance = np.zeros(3)  # where the course begins
    for _ in range(4):
        mean = momentum * mean + (1 - momentum) * x.mean(axis=0)
        variance = momentum * variance + (1 - momentum) * x.var(axis=0)
        layer(x)
    np.testing.assert_allclose(layer.running_mean, mean)
    np.testing.assert_allclose(layer.running_variance, variance)
    out = nn.evaluate(layer)(x)
    np.testing.assert_allclose(out.value, (x - mean) / np.sqrt(variance + 1e-5))


def test_spatial_batch_norm_is_per_channel() -> None:
    def definition(x: Any, gamma: Any, beta: Any) -> Any:
        out = np.zeros(x.shape)
        for c in range(x.shape[1]):
            part = x[:, c]
            out[:, c] = gamma[c] * (part - part.mean()) / np.sqrt(part.var() + 1e-5) + beta[c]
        return out

    agree(bs.batch_norm, definition, draw(2, 3, 2, 2), draw(3), draw(2, 3)[1])


def test_layer_norm() -> None:
    def definition(x: Any, gamma: Any, beta: Any) -> Any:
        rows = [(row - row.mean()) / np.sqrt(row.var() + 1e-5) for row in x]
        return gamma * np.array(rows) + beta

    agree(bs.layer_norm, definition, draw(3, 4), draw(4), draw(2, 4)[0])


def test_spatial_group_norm() -> None:
    def definition(x: Any, gamma: Any, beta: Any) -> Any:
        out = np.zeros(x.shape)
        for n in range(len(x)):
            for g in range(2):
                part = x[n, 2 * g : 2 * g + 2]
                out[n, 2 * g : 2 * g + 2] = (part - part.mean()) / np.sqrt(part.var() + 1e-5)
        return gamma.reshape(1, 4, 1, 1) * out + beta.reshape(1, 4, 1, 1)

    agree(
        lambda x, g, b: bs.group_norm(x, g, b, groups=2),
        definition,
        *(draw(2, 4, 2, 2), draw(4), draw(2, 4)[0]),
    )


def test_dropout_where_p_is_the_probability_to_keep() -> None:
    keep = 0.7
    mask = (np.random.default_rng(3).random((5, 6)) < keep) / keep
    agree(lambda x: bs.dropout(x, mask=mask), lambda x: x * mask, draw(5, 6))
    drawn = nn.Dropout(1 - keep, rng())(np.ones((300, 300)))
    np.testing.assert_allclose(np.unique(drawn), [0, 1 / keep])
    assert np.mean(drawn > 0) == pytest.approx(keep, abs=0.01)


def test_convolution_with_stride_and_padding() -> None:
    stride, pad = 2, 1

    def definition(x: Any, w: Any, b: Any) -> Any:
        padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
        high = (padded.shape[2] - w.shape[2]) // stride + 1
        wide = (padded.shape[3] - w.shape[3]) // stride + 1
        out = np.zeros((len(x), len(w), high, wide))
        for n, f, i, j in np.ndindex(out.shape):
            rows = slice(i * stride, i * stride + w.shape[2])
            columns = slice(j * stride, j * stride + w.shape[3])
            out[n, f, i, j] = np.sum(padded[n, :, rows, columns] * w[f]) + b[f]
        return out

    agree(
        lambda x, w, b: bs.conv2d(x, w, b, stride=stride, padding=pad),
        definition,
        *(draw(2, 2, 5, 4), draw(3, 2, 3, 3), draw(3)),
    )


def test_max_pooling() -> None:
    def definition(x: Any) -> Any:
        out = np.zeros((*x.shape[:2], 2, 2))
        for n, c, i, j in np.ndindex(out.shape):
            out[n, c, i, j] = x[n, c, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].max()
        return out

    agree(lambda x: bs.max_pool2d(x, size=2), definition, draw(2, 2, 4, 4))


def updated(name: str, step: Callable[[Any, Any, dict[str, Any]], Any], **options: Any) -> None:
    """Compare an optimiser with an update rule over ten steps on drawn gradients."""
    w, state = draw(4, 3), {}
    t = bs.tensor(w)
    optimizer = getattr(nn.optim, name)([t], **options)
    for i in range(10):
        gradient = np.random.default_rng(i).standard_normal(w.shape)
        t.grad = gradient.copy()
        optimizer.step()
        w = step(w, gradient, state)
        np.testing.assert_allclose(t.value, w, rtol=1e-10)


def test_sgd_with_momentum() -> None:
    def step(w: Any, dw: Any, config: dict[str, Any]) -> Any:
        config["velocity"] = 0.9 * config.get("velocity", np.zeros(w.shape)) - 1e-2 * dw
        return w + config["velocity"]

    updated("SGD", step, lr=1e-2, momentum=0.9)


def test_rmsprop() -> None:
    def step(w: Any, dw: Any, config: dict[str, Any]) -> Any:
        config["cache"] = 0.99 * config.get("cache", np.zeros(w.shape)) + 0.01 * dw**2
        return w - 1e-2 * dw / (np.sqrt(config["cache"]) + 1e-8)

    updated("RMSProp", step, lr=1e-2, alpha=0.99, eps=1e-8)


def test_adam() -> None:
    def step(w: Any, dw: Any, config: dict[str, Any]) -> Any:
        t = config["t"] = config.get("t", 0) + 1
        config["m"] = 0.9 * config.get("m", np.zeros(w.shape)) + 0.1 * dw
        config["v"] = 0.999 * config.get("v", np.zeros(w.shape)) + 0.001 * dw**2
        m, v = config["m"] / (1 - 0.9**t), config["v"] / (1 - 0.999**t)
        return w - 1e-3 * m / (np.sqrt(v) + 1e-8)

    updated("Adam", step, lr=1e-3)


# Assignment 3


def test_rnn_step_with_its_one_bias() -> None:
    agree(
        lambda x, h, wx, wh, b: bs.rnn_cell(x, h, wx, wh, b),
        lambda x, h, wx, wh, b: np.tanh(x @ wx + h @ wh + b),
        *(draw(3, 4), draw(3, 5), draw(4, 5), draw(5, 5), draw(5)),
    )


def test_lstm_step_whose_gates_stand_in_another_order() -> None:
    def sigmoid(x: Any) -> Any:
        return 1 / (1 + np.exp(-x))

    def definition(x: Any, h: Any, c: Any, wx: Any, wh: Any, b: Any) -> Any:
        ai, af, ao, ag = np.split(x @ wx + h @ wh + b, 4, axis=1)
        after = sigmoid(af) * c + sigmoid(ai) * np.tanh(ag)
        return np.stack([sigmoid(ao) * np.tanh(after), after])

    def reordered(w: Any) -> Any:
        """From i, f, o, g to i, f, g, o."""
        i, f, o, g = np.split(w, 4, axis=-1)
        return np.concatenate([i, f, g, o], axis=-1)

    def ours(x: Any, h: Any, c: Any, wx: Any, wh: Any, b: Any) -> Any:
        return np.stack(bs.lstm_cell(x, h, c, reordered(wx), reordered(wh), reordered(b)))

    agree(
        ours, definition, draw(2, 3), draw(2, 2), draw(1, 2, 2)[0], draw(3, 8), draw(2, 8), draw(8)
    )


def test_word_embedding_and_temporal_affine() -> None:
    words = np.array([[0, 2, 2], [1, 0, 3]])
    agree(
        lambda w, v, b: bs.linear(bs.embedding(w, indices=words), v, b),
        lambda w, v, b: w[words] @ v + b,
        *(draw(4, 3), draw(3, 5), draw(5)),
    )


def test_temporal_softmax_loss_is_summed_and_divided_by_the_batch() -> None:
    y = np.array([[0, 2, 1], [3, 1, 0]])
    mask = np.array([[True, True, False], [True, False, False]])

    def definition(x: Any) -> Any:
        total = 0.0
        for n, t in np.ndindex(y.shape):
            if mask[n, t]:
                total -= x[n, t, y[n, t]] - np.log(np.sum(np.exp(x[n, t])))
        return total / len(x)

    def ours(x: Any) -> Any:
        scores, labels = x.reshape(-1, 4), np.where(mask, y, -1).reshape(-1)
        total = bs.cross_entropy(scores, labels=labels, ignore_index=-1, reduction="sum")
        return total / len(x)

    agree(ours, definition, draw(2, 3, 4))


def test_multi_head_attention_with_a_mask() -> None:
    layer = nn.MultiHeadAttention(4, 2, rng(), dtype=F)
    mask = np.tril(np.ones((3, 3), bool))
    values = {name: t.value for name, t in nn.parameters(layer).items()}

    def definition(x: Any) -> Any:
        out = np.zeros(x.shape)
        for n in range(len(x)):
            parts = []
            for head in range(2):
                columns = slice(2 * head, 2 * head + 2)
                q, k, v = (
                    x[n] @ values[f"w_{each}"][:, columns] + values[f"b_{each}"][columns]
                    for each in "qkv"
                )
                scores = np.where(mask, q @ k.T / np.sqrt(2), -np.inf)
                p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
                parts.append(p @ v)
            out[n] = np.concatenate(parts, axis=1) @ values["w_o"] + values["b_o"]
        return out

    agree(lambda x: layer(x, mask=mask), definition, draw(2, 3, 4))


def test_losses_of_adversarial_networks() -> None:
    """The discriminator's: log σ(real) + log(1 − σ(fake)), and its least-squares form."""

    def definition(real: Any, fake: Any) -> Any:
        total = 0.0
        for r, f in zip(real, fake, strict=True):
            total -= np.log(1 / (1 + np.exp(-r))) + np.log(1 - 1 / (1 + np.exp(-f)))
        return total / len(real)

    def ours(real: Any, fake: Any) -> Any:
        ones, zeros = np.ones(4), np.zeros(4)
        return bs.bce_with_logits(real, ones) + bs.bce_with_logits(fake, zeros)

    agree(ours, definition, draw(4), draw(2, 4)[0])
    agree(
        lambda real, fake: 0.5 * bs.squared_error(real, np.ones(4)) + 0.5 * np.mean(fake**2),
        lambda real, fake: np.mean((real - 1) ** 2) / 2 + np.mean(fake**2) / 2,
        *(draw(4), draw(2, 4)[0]),
    )


def test_simclr_loss() -> None:
    """Of 2N views each is to be nearest to its twin, N places away, at temperature τ."""
    tau, n = 0.5, 3

    def definition(z: Any) -> Any:
        total = 0.0
        for i in range(2 * n):
            similar = [
                np.exp(z[i] @ z[k] / (np.linalg.norm(z[i]) * np.linalg.norm(z[k])) / tau)
                for k in range(2 * n)
            ]
            total -= np.log(similar[(i + n) % (2 * n)] / (sum(similar) - similar[i]))
        return total / (2 * n)

    def ours(z: Any) -> Any:
        similar = bs.cosine_similarity(z[:, None, :], z[None, :, :]) / tau
        apart = similar + np.where(np.eye(2 * n, dtype=bool), -np.inf, 0.0)
        return bs.cross_entropy(apart, labels=(np.arange(2 * n) + n) % (2 * n))

    agree(ours, definition, draw(2 * n, 4))


def test_leaky_relu() -> None:
    agree(lambda x: bs.leaky_relu(x, slope=0.1), lambda x: np.where(x > 0, x, 0.1 * x), draw(3, 4))


def test_a_captioning_network_learns_its_captions() -> None:
    """Image features begin the state; words in, the next words out; padding does not count."""
    r = rng()
    features = r.standard_normal((12, 6)).astype(np.float32)
    lengths = r.integers(3, 8, 12)
    null, start, end = 0, 1, 2
    captions = np.zeros((12, 9), int)
    for row, length in zip(captions, lengths, strict=True):
        row[: length + 2] = [start, *r.integers(3, 20, length), end]
    words_in, words_out = captions[:, :-1], captions[:, 1:]

    begin, embed = nn.Linear(6, 32, r), nn.Embedding(20, 16, r)
    lstm, out = nn.LSTM(16, 32, r), nn.Linear(32, 20, r)
    adam = nn.optim.Adam([begin, embed, lstm, out], lr=1e-2)

    def scores() -> Any:
        h = np.reshape(begin(features), (1, 12, 32))
        hidden, _ = lstm(embed(words_in), (h, np.zeros((1, 12, 32), np.float32)))
        return out(hidden)

    losses = []
    for _ in range(150):
        loss = bs.cross_entropy(
            scores().reshape(-1, 20), labels=words_out.reshape(-1), ignore_index=null
        )
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(np.log(20), rel=0.3)
    assert losses[-1] < 0.05
    best = np.argmax(scores().value, axis=-1)
    assert np.mean(best[words_out != null] == words_out[words_out != null]) > 0.98
