"""Every call that has a counterpart among our ops: traced as that, with autograd's gradients."""

from __future__ import annotations

from typing import Any

import pytest

import backsight as bs

from .tracing import check_trace, ops_of

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch
F = torch.nn.functional

T = "transpose"
# fmt: off
ELEMENTWISE = [
    ("x + y", ["add"]), ("x - y", ["subtract"]), ("x * y", ["multiply"]), ("x / y", ["divide"]),
    ("x + 2", ["add"]), ("2 - x", ["subtract"]), ("3 * x", ["multiply"]), ("1 / p", ["divide"]),
    ("p ** 2", ["power"]), ("p ** y", ["power"]), ("2 ** x", ["power"]), ("-x", ["negative"]),
    ("abs(x)", ["absolute"]), ("x.abs()", ["absolute"]), ("torch.exp(x)", ["exp"]),
    ("p.log()", ["log"]), ("p.sqrt()", ["sqrt"]), ("p.rsqrt()", ["sqrt", "reciprocal"]),
    ("x.sin() + x.cos()", ["sin", "cos", "add"]), ("torch.tanh(x)", ["tanh"]),
    ("torch.log1p(p)", ["log1p"]), ("torch.expm1(x)", ["expm1"]), ("torch.erf(x)", ["erf"]),
    ("torch.add(x, y, alpha=3)", ["multiply", "add"]), ("x.square()", ["square"]),
    ("torch.sub(x, y, alpha=2)", ["multiply", "subtract"]),
    ("F.relu(x)", ["relu"]), ("x.relu()", ["relu"]), ("x.sigmoid()", ["sigmoid"]),
    ("F.gelu(x)", ["gelu"]), ("F.gelu(x, approximate='tanh')", ["gelu"]), ("F.silu(x)", ["silu"]),
    ("F.leaky_relu(x, 0.2)", ["leaky_relu"]), ("F.elu(x, 0.7)", ["elu"]), ("F.selu(x)", ["selu"]),
    ("F.softplus(x, 2.0)", ["softplus"]), ("F.hardtanh(x)", ["hard_tanh"]),
    ("F.relu6(6 * x)", ["multiply", "relu6"]), ("F.hardsigmoid(x)", ["hard_sigmoid"]),
    ("F.logsigmoid(x)", ["log_sigmoid"]), ("F.mish(x)", ["softplus", "tanh", "multiply"]),
    ("F.hardswish(x)", ["hard_sigmoid", "multiply"]), ("F.prelu(x, v[:1])", ["getitem", "prelu"]),
    ("F.softmax(x, -1)", ["softmax"]), ("x.softmax(0)", ["softmax"]),
    ("F.log_softmax(x, 1)", ["log_softmax"]), ("torch.maximum(x, y)", ["maximum"]),
    ("torch.max(x, y)", ["maximum"]), ("torch.minimum(x, y)", ["minimum"]),
    ("x.clamp(-0.5, 0.5)", ["clip"]), ("torch.clamp(x, min=0.1)", ["clip"]),
    ("x.clamp_min(0.2)", ["clip"]), ("torch.where(x > 0, x, y)", ["where"]),
    ("torch.where(x > 0, x, v)", ["where"]), ("x.masked_fill(x > 0.3, -1.0)", ["where"]),
    ("x.tril()", ["where"]), ("torch.triu(x, 1)", ["where"]), ("torch.lerp(x, y, 0.3)",
     ["subtract", "multiply", "add"]), ("torch.addcmul(x, y, p, value=2)",
     ["multiply", "multiply", "add"]), ("x + v", ["add"]), ("x * v[:, None][0]",
     ["getitem", "getitem", "multiply"]), ("x.clone() * 2", ["multiply"]),
    ("F.normalize(x, dim=1)", ["norm", "clip", "divide"]), ("x.float()", ["astype"]),
]
MOVING = [
    ("x.reshape(2, 6)", ["reshape"]), ("x.view(-1)", ["reshape"]), ("x.T", [T]), ("x.t()", [T]),
    ("x.mT", [T]), ("x.transpose(0, 1)", [T]), ("x.permute(1, 0)", [T]),
    ("x.flatten()", ["reshape"]),
    ("z.permute((2, 0, 1))", [T]), ("x.unsqueeze(1)", ["expand_dims"]), ("x[None]", ["getitem"]),
    ("x.unsqueeze(1).squeeze(1)", ["expand_dims", "squeeze"]), ("v.expand(3, 4)", ["broadcast_to"]),
    ("v.expand_as(x)", ["broadcast_to"]), ("torch.cat([x, y], 1)", ["concatenate"]),
    ("torch.stack([x, y])", ["stack"]), ("x[1]", ["getitem"]), ("x[:, 1:3]", ["getitem"]),
    ("x[[0, 2, 2]]", ["getitem"]), ("x[torch.tensor([0, 2]), torch.tensor([1, 1])]", ["getitem"]),
    ("x[x > 0]", ["getitem"]), ("x[..., -1]", ["getitem"]), ("x.select(1, 2)", ["getitem"]),
    ("x.narrow(1, 1, 2)", ["getitem"]), ("x.index_select(0, torch.tensor([2, 0]))", ["getitem"]),
    ("x.gather(1, torch.tensor([[0], [3], [1]]))", ["gather"]),
    ("x.gather(1, torch.tensor([[0, 0]]))", ["getitem", "gather"]),
    ("torch.take_along_dim(x, torch.tensor([[0], [3], [1]]), 1)", ["gather"]),
    ("x.flip(0)", ["flip"]), ("x.roll(1, 1)", ["roll"]), ("x.repeat(2, 1)", ["tile"]),
    ("x.repeat_interleave(2, 1)", ["repeat"]), ("F.pad(x, (1, 2))", ["pad"]),
    ("F.pad(x, (1, 0, 0, 2), value=3.0)", ["pad"]), ("torch.movedim(z, 0, 2)", ["moveaxis"]),
    ("x.masked_select(x > 0)", ["getitem"]), ("z.flatten(1)", ["reshape"]),
    ("x.split(2, 1)[1]", ["getitem"]), ("x.split([1, 3], dim=1)[1]", ["getitem"]),
    ("x.chunk(2, dim=1)[0]", ["getitem"]), ("x.unbind(1)[3]", ["getitem"]),
]
REDUCING = [
    ("x.sum()", ["sum"]), ("x.sum(1)", ["sum"]), ("z.sum((0, 2), keepdim=True)", ["sum"]),
    ("x.mean()", ["mean"]), ("x.mean(dim=0)", ["mean"]), ("x.max()", ["max"]),
    ("x.max(1)[0]", ["max_by_index"]), ("x.max(1, keepdim=True).values", ["max_by_index"]),
    ("x.min(0)[0]", ["negative", "max_by_index", "negative"]), ("x.amax(1)", ["max"]),
    ("x.min()", ["min"]), ("x.var()", ["var"]), ("x.var(0, unbiased=False)", ["var"]),
    ("x.std(1, keepdim=True)", ["std"]), ("x.var(1, correction=0)", ["var"]),
    ("p.prod()", ["prod"]),
    ("x.cumsum(1)", ["cumsum"]), ("x.norm()", ["norm"]), ("x.norm(dim=1)", ["norm"]),
    ("torch.linalg.vector_norm(x, dim=1)", ["norm"]), ("x.logsumexp(1)", ["logsumexp"]),
    ("torch.linalg.vector_norm(x, 1)", ["norm"]),
]
LAYERS = [
    ("x @ y.T", [T, "matmul"]), ("torch.mm(x, y.t())", [T, "matmul"]), ("x @ v", ["matmul"]),
    ("torch.bmm(z, z.mT)", [T, "matmul"]), ("torch.dot(v, v)", ["dot"]),
    ("torch.outer(v, v)", ["outer"]),
    ("torch.einsum('ij,kj->ik', x, y)", ["einsum"]), ("F.linear(x, w, b)", [T, "linear"]),
    ("F.linear(z, w)", [T, "linear"]), ("torch.addmm(b, x, w.T)", [T, "matmul", "add"]),
    ("torch.baddbmm(z[:, :, :3], z, z.mT, beta=2)",
     ["getitem", T, "matmul", "multiply", "add"]),
    ("F.conv2d(i, k, kb)", ["conv2d"]), ("F.conv2d(i, k, padding='same')", ["conv2d"]),
    ("F.conv2d(i, k, kb, stride=2, padding=1, dilation=(1, 2))", ["conv2d"]),
    ("F.conv2d(i, k[:, :1], groups=2)", ["getitem", "conv2d"]),
    ("F.conv1d(z, w1)", ["conv1d"]),
    ("F.conv_transpose2d(i, k[:2])", ["getitem", "conv_transpose2d"]),
    ("F.max_pool2d(i, 2)", ["max_pool2d"]), ("F.max_pool2d(i, 3, 1, 1)", ["max_pool2d"]),
    ("F.avg_pool2d(i, 2)", ["avg_pool2d"]), ("F.max_pool1d(z, 2)", ["max_pool1d"]),
    ("F.avg_pool1d(z, 2)", ["avg_pool1d"]),
    ("F.max_pool2d(i, 2, return_indices=True)[0]", ["max_pool2d"]),
    ("F.adaptive_avg_pool2d(i, 1)", ["adaptive_avg_pool2d"]),
    ("F.adaptive_avg_pool2d(i, (3, None))", ["adaptive_avg_pool2d"]),
    ("F.adaptive_max_pool2d(i, 2)", ["adaptive_max_pool2d"]),
    ("F.adaptive_avg_pool1d(z, 2)", ["expand_dims", "adaptive_avg_pool2d", "squeeze"]),
    ("F.batch_norm(i, m, s, g2, b2, True)", ["batch_norm"]),
    ("F.batch_norm(i, m, s, g2, b2, False)", ["batch_norm_inference"]),
    ("F.instance_norm(i, weight=g2, bias=b2)", ["instance_norm"]),
    ("F.layer_norm(x, (4,), v, v)", ["layer_norm"]), ("F.layer_norm(x, (4,))", ["layer_norm"]),
    ("F.layer_norm(z, (3, 4), x, y)", ["layer_norm"]),
    ("F.group_norm(i, 2, g2, b2)", ["group_norm"]),
    ("F.rms_norm(x, (4,), v)", ["rms_norm"]),
    ("F.embedding(torch.tensor([[0, 2, 2]]), x)", ["embedding"]),
    ("F.embedding(torch.tensor([0, 2]), x, padding_idx=0)", ["embedding"]),
    ("F.dropout(x, 0.5)", ["dropout"]), ("F.dropout(x, 0.5, False) * 2", ["multiply"]),
    ("F.dropout(x.relu(), 0.5)", ["relu", "dropout"]), ("F.dropout2d(i, 0.5)", ["dropout"]),
    ("F.scaled_dot_product_attention(z, z, z)", ["attention"]),
    ("F.scaled_dot_product_attention(z, z, z, is_causal=True)", ["attention"]),
    ("F.scaled_dot_product_attention(z, z, z, torch.eye(3).bool())", ["attention"]),
]
LOSSES = [
    ("F.cross_entropy(x, c)", ["cross_entropy"]),
    ("F.cross_entropy(x, c, p[0].detach())", ["cross_entropy"]),
    ("F.cross_entropy(x, torch.tensor([1, -100, 2]))", ["cross_entropy"]),
    ("F.cross_entropy(x, c, label_smoothing=0.1, reduction='sum')", ["cross_entropy"]),
    ("F.cross_entropy(x, F.softmax(y.detach(), 1))", ["cross_entropy_probabilities"]),
    ("F.cross_entropy(z, torch.zeros(2, 4).long())", ["cross_entropy"]),
    ("F.nll_loss(F.log_softmax(x, 1), c)", ["log_softmax", "nll_loss"]),
    ("F.mse_loss(x, y)", ["squared_error"]),
    ("F.mse_loss(x, y, reduction='sum')", ["squared_error"]),
    ("F.l1_loss(x, y)", ["absolute_error"]),
    ("F.smooth_l1_loss(x, y, beta=0.5)", ["smooth_l1_loss"]),
    ("F.huber_loss(x, y, delta=0.3)", ["huber_loss"]),
    ("F.binary_cross_entropy(x.sigmoid(), y.detach().sigmoid())", ["sigmoid", "bce"]),
    ("F.binary_cross_entropy_with_logits(x, (y > 0).double())", ["bce_with_logits"]),
    ("F.binary_cross_entropy_with_logits(x, (y > 0).double(), pos_weight=torch.tensor(3.0))",
     ["bce_with_logits"]),
    ("F.kl_div(x.log_softmax(1), y.detach().softmax(1), reduction='batchmean')",
     ["log_softmax", "kl_divergence"]), ("F.cosine_similarity(x, y)", ["cosine_similarity"]),
]
# fmt: on


def values() -> dict[str, Any]:
    generator = torch.Generator().manual_seed(3)

    def draw(*shape: int) -> Any:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).requires_grad_()

    names: dict[str, Any] = {
        "x": draw(3, 4), "y": draw(3, 4), "v": draw(4), "z": draw(2, 3, 4), "w": draw(5, 4),
        "b": draw(5), "i": draw(2, 2, 6, 6), "k": draw(4, 2, 3, 3), "kb": draw(4),
        "w1": draw(5, 3, 2), "g2": draw(2), "b2": draw(2),
    }  # fmt: skip
    names["p"] = (names["x"].detach().abs() + 0.5).requires_grad_()
    names |= {"m": torch.zeros(2).double(), "s": torch.ones(2).double()}
    return {**names, "c": torch.tensor([1, 0, 3]), "torch": torch, "F": F}


CALLS = [*ELEMENTWISE, *MOVING, *REDUCING, *LAYERS, *LOSSES]


@pytest.mark.parametrize(("expression", "ops"), CALLS, ids=[each for each, _ in CALLS])
def test_call_is_traced_as_our_ops(expression: str, ops: list[str]) -> None:
    names = values()
    torch.manual_seed(1)
    with bs.record() as r:
        out = eval(expression, names)
        weights = torch.linspace(0.5, 1.5, out.numel(), dtype=out.dtype).reshape(out.shape)
        (out * weights).sum().backward()
    assert ops_of(r.trace) == [*ops, "multiply", "sum"]
    # PyTorch multiplies by 1/6 as a float32 there, whatever the dtype.
    check_trace(r.trace, 1e-7 if "hardsig" in expression else 1e-10)
