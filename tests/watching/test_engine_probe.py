"""What a walk of the engine shows, against blocked shares that plain NumPy works out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight.adapters.blocking import MOST_SAMPLES, stride
from backsight.adapters.engine_probe import EngineProbes
from backsight.engine import observers
from backsight.traces.recording import Observation, Site

RNG = np.random.default_rng(7)


class Looker:
    """The smallest observer: the probes of every walk."""

    def __init__(self) -> None:
        self.sites: list[Site] = []
        self.seen: list[Observation] = []
        self.probes = EngineProbes(self.add)

    def add(self, site: Site) -> int:
        self.sites.append(site)
        return len(self.sites)

    def begins(self, outputs: Any) -> bool:
        self.walk = self.probes.walk()
        return True

    def node(self, node: Any, dout: Any, downstream: Any) -> None:
        self.walk.node(node, dout, downstream)

    def ends(self, outputs: Any, error: BaseException | None) -> None:
        self.seen.append(self.walk.finished())

    def stepped(self, optimizer: Any) -> None:
        pass


def looked_at(loss_of: Callable[[], Any]) -> tuple[list[Site], dict[int, Any], Observation]:
    looker = Looker()
    observers.active.append(looker)
    try:
        loss_of().backward()
    finally:
        observers.active.remove(looker)
    (seen,) = looker.seen
    return looker.sites, dict(seen.figures), seen


def only(loss_of: Callable[[], Any]) -> tuple[Site, dict[str, float]]:
    sites, figures, _ = looked_at(loss_of)
    (site,) = sites
    return site, figures[1]


def share(figures: dict[str, float]) -> float:
    return figures["blocked_inward"] / figures["arriving"]


ERROR = RNG.normal(size=(500, 3)) * 2


def leaf(value: Any = ERROR) -> Any:
    return bs.tensor(value, name="q")


def test_a_planted_fraction_is_found_exactly() -> None:
    planted = np.full(1000, 0.5)
    planted[:370] = RNG.choice([-1, 1], size=370) * RNG.uniform(1.5, 9.0, size=370)
    site, figures = only(lambda: np.mean(np.clip(leaf(planted) * 1.0, -1.0, 1.0) ** 2))
    assert (figures["arriving"], figures["blocked_inward"]) == (1000, 370)
    assert (figures["leaving"], figures["samples"], figures["elements"]) == (630, 1000, 1000)
    assert site.attributes == {"low": -1.0, "high": 1.0, "consumers": ["square"], "units": None}
    clipped = np.clip(planted, -1, 1)
    upstream = 2 * clipped / 1000
    assert figures["arriving_norm"] == pytest.approx(np.linalg.norm(upstream))
    assert figures["leaving_norm"] == pytest.approx(np.linalg.norm(upstream[370:]))


OUTSIDE = float(np.mean(np.abs(ERROR) > 1))
ABOVE = float(np.mean(ERROR > 1))

SQUARES: dict[str, Callable[[Any], Any]] = {
    "np.clip, power": lambda e: np.mean(np.clip(e, -1, 1) ** 2),
    "bs.clip, np.square": lambda e: np.sum(np.square(bs.clip(e, low=-1, high=1))),
    "method": lambda e: (e.clip(-1.0, 1.0) ** 2).mean(),
    "product with itself": lambda e: np.mean((c := np.clip(e, -1, 1)) * c),
    "float32": lambda e: np.mean(np.clip(e.astype(np.float32), -1, 1) ** 2),
    "bounds as arrays": lambda e: np.mean(np.clip(e, -np.ones(3), np.ones((500, 1))) ** 2),
    "transposed": lambda e: np.mean(np.clip(e.T, -1, 1) ** 2),
}


@pytest.mark.parametrize("name", SQUARES)
def test_every_way_to_write_it(name: str) -> None:
    site, figures = only(lambda: SQUARES[name](leaf() * 1.0 + np.zeros(3)))
    assert share(figures) == pytest.approx(OUTSIDE)
    assert site.side == "loss"
    assert site.attributes["consumers"] == ["square"]


def test_one_sided_clips_block_one_side() -> None:
    site, figures = only(lambda: np.mean(np.minimum(leaf() + np.zeros(3), 1.0) ** 2))
    assert share(figures) == pytest.approx(ABOVE)
    assert (site.attributes["low"], site.attributes["high"]) == (None, 1.0)
    site, figures = only(lambda: np.mean(np.maximum(-1.0, leaf() + np.zeros(3)) ** 2))
    assert share(figures) == pytest.approx(OUTSIDE - ABOVE)
    assert (site.attributes["low"], site.attributes["high"]) == (-1.0, None)


def test_two_live_values_are_a_choice_not_a_clip() -> None:
    x = leaf()
    sites, _, _ = looked_at(lambda: np.mean(np.minimum(x * 1.0, x * 2.0)))
    assert sites == []


def test_relu_and_where_are_gates() -> None:
    x = leaf()
    sites, _, _ = looked_at(lambda: np.mean(np.where(x.value > 0, x * 1.0, 0.0)))
    assert sites == []


def hinge(x: Any) -> Any:
    return np.mean(np.maximum(0.0, 1.0 - x * np.sign(ERROR)))


def ppo(x: Any) -> Any:
    ratio, advantage = np.exp(x), np.sign(ERROR[::-1])
    return -np.mean(np.minimum(ratio * advantage, np.clip(ratio, 0.8, 1.2) * advantage))


def free_bits(x: Any) -> Any:
    return np.sum(np.maximum((x * 1.0) ** 2, 0.5))


def huber_by_hand(x: Any) -> Any:
    size = np.abs(x)
    quadratic = np.minimum(size, 1.0)
    return np.mean(0.5 * quadratic**2 + (size - quadratic))


@pytest.mark.parametrize("loss", [hinge, ppo, free_bits, huber_by_hand])
def test_losses_that_push_outward_block_nothing(loss: Callable[[Any], Any]) -> None:
    _, figures, _ = looked_at(lambda: loss(leaf()))
    assert figures
    for each in figures.values():
        assert each["blocked_inward"] == 0


X = RNG.normal(size=(32, 4))


def parameters() -> tuple[Any, Any, Any]:
    return (
        bs.tensor(RNG.normal(size=(4, 8)), name="w1"),
        bs.tensor(RNG.normal(size=(8, 1)), name="w2"),
        bs.tensor(np.zeros(8), name="b"),
    )


def hidden_clip(w1: Any, w2: Any, b: Any) -> Any:
    return np.mean((np.clip(X @ w1, 0, 6) @ w2) ** 2)


def hidden_clip_before_transpose(w1: Any, w2: Any, b: Any) -> Any:
    return np.mean((np.clip(X @ w1, 0, 6) @ w2.T.reshape(8, 1)) ** 2)


def hidden_clip_before_bias(w1: Any, w2: Any, b: Any) -> Any:
    return np.mean((np.clip(X @ w1, 0, 6) + b) ** 2)


def hidden_clip_before_normalised_weight(w1: Any, w2: Any, b: Any) -> Any:
    return np.mean((np.clip(X @ w1, 0, 6) @ (w2 / np.sum(w2**2))) ** 2)


@pytest.mark.parametrize(
    "loss",
    [
        hidden_clip,
        hidden_clip_before_transpose,
        hidden_clip_before_bias,
        hidden_clip_before_normalised_weight,
    ],
)
def test_a_clip_inside_the_model_is_on_the_hidden_side(loss: Callable[..., Any]) -> None:
    site, _ = only(lambda: loss(*parameters()))
    assert site.side == "hidden"


def plain_loss(w1: Any, w2: Any, b: Any) -> Any:
    return np.mean(np.clip(X @ w1 @ w2, -1, 1) ** 2)


def regularised_loss(w1: Any, w2: Any, b: Any) -> Any:
    return plain_loss(w1, w2, b) + 0.01 * np.sum(w1**2)


def loss_with_temperature(w1: Any, w2: Any, b: Any) -> Any:
    return plain_loss(w1, w2, b) * np.exp(-np.sum(b))


def loss_with_weights(w1: Any, w2: Any, b: Any) -> Any:
    return np.mean(np.clip(X @ w1 @ w2, -1, 1) ** 2 * np.ones((32, 1)))


@pytest.mark.parametrize(
    "loss", [plain_loss, regularised_loss, loss_with_temperature, loss_with_weights]
)
def test_a_clip_behind_the_model_is_on_the_loss_side(loss: Callable[..., Any]) -> None:
    site, _ = only(lambda: loss(*parameters()))
    assert site.side == "loss"


def test_a_clipped_parameter_is_on_its_own_side() -> None:
    b = bs.tensor(RNG.normal(size=8), name="log_std")
    site, _ = only(lambda: np.mean((X[:, :1] / np.exp(np.clip(b, -0.1, 0.1))) ** 2))
    assert site.side == "parameter"


def test_the_place_is_the_exact_expression() -> None:
    q = leaf()

    def loss() -> Any:
        return np.mean(np.clip(q - 1.0, -1.0, 1.0) ** 2)

    site, _ = only(loss)
    assert site.where is not None
    assert site.where.expression == "np.clip(q - 1.0, -1.0, 1.0)"
    assert site.where.function.endswith("loss")
    assert site.source.strip() == "return np.mean(np.clip(q - 1.0, -1.0, 1.0) ** 2)"


def test_one_expression_in_a_loop_is_one_site() -> None:
    x = leaf()
    total = 0.0
    for _ in range(5):
        total = total + np.mean(np.clip(x * 1.0, -1, 1) ** 2)
    sites, figures, _ = looked_at(lambda: total)
    assert len(sites) == 1
    assert figures[1]["arriving"] == 5 * ERROR.size
    assert share(figures[1]) == pytest.approx(OUTSIDE)
    assert figures[1]["arriving_norm"] == pytest.approx(
        np.sqrt(5) * np.linalg.norm(2 * np.clip(ERROR, -1, 1) / ERROR.size)
    )


@pytest.mark.parametrize("shape", [(1, 1_000_000), (500, 2048), (1_000_003,), (4, 3, 65_536)])
def test_large_arrays_are_sampled_without_bias(shape: tuple[int, ...]) -> None:
    value = RNG.normal(size=shape)
    _, figures = only(lambda: np.sum(np.clip(bs.tensor(value) * 1.0, -1, 1) ** 2))
    assert figures["elements"] == value.size
    assert 0.4 * MOST_SAMPLES < figures["samples"] <= MOST_SAMPLES
    assert share(figures) == pytest.approx(np.mean(np.abs(value) > 1), abs=0.008)


def test_a_sample_meets_every_column() -> None:
    for rows, columns in ((100_000, 10), (5000, 256), (70_000, 97)):
        step = stride((rows, columns))
        assert np.gcd(step, columns) == 1


def test_the_gradient_norm_is_that_of_all_leaves() -> None:
    w1, w2, b = parameters()
    _, _, seen = looked_at(lambda: np.mean((np.tanh(X @ w1 + b) @ w2) ** 2))
    flat = np.concatenate([np.ravel(t.grad) for t in (w1, w2, b)])
    assert seen.gradient_norm == pytest.approx(np.linalg.norm(flat))


def test_a_norm_beyond_float32_is_still_known() -> None:
    w = bs.tensor(np.full(4, 1e-30, dtype=np.float32))
    _, _, seen = looked_at(lambda: np.sum(w * np.float32(1e30)))
    assert seen.gradient_norm == pytest.approx(2e30, rel=1e-6)


def test_nothing_that_is_not_finite_disturbs() -> None:
    value = ERROR.copy()
    value[0, 0], value[1, 1], value[2, 2] = np.nan, np.inf, -np.inf
    with np.errstate(all="raise"):
        _, figures = only(lambda: np.sum(np.clip(leaf(value) * 1.0, -1, 1)))
    assert figures["arriving"] == value.size
