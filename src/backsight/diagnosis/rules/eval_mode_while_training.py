"""BS509: batch norm or dropout evaluates while the network around it is trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...traces.findings import Finding, Severity
from ...traces.recording import Probe, Recording, Site
from ..observations import claim
from ..registry import rule


@rule("BS509", "eval-mode-while-training", reads=("module",))
def eval_mode_while_training(
    recording: Recording, *, in_a_row: int = 5, share: float = 0.25
) -> Iterator[Finding]:
    """Find batch norms and dropouts that are in eval mode during training steps.

    The usual story: `model.eval()` for a validation, and no `model.train()` after it. From then on
    dropout drops nothing, and batch norm divides by statistics that no longer follow the data. The
    loss still falls, so nothing looks broken, and the network generalises worse.

    Fires if a module evaluates in all observed steps since some moment, 5 or more and a quarter of
    all. A batch norm counts if its own scale is trained, or what is nearest around it if it has
    none; a dropout if all that is near it is trained, and every module around it is in eval mode,
    too. So frozen batch norms (frozen parameters, too), frozen backbones, networks that are not
    trained, and steps for an attack in eval mode between training steps are left in peace.

    The engine's own modules are not watched for this.

    Fires on::

        import torch
        from torch import nn
        _ = torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(6, 32), nn.BatchNorm1d(32), nn.Tanh(), nn.Linear(32, 1))
        optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
        x = torch.randn(256, 6)
        y = x[:, :1] - x[:, 1:2]
        for epoch in range(40):
            loss = nn.functional.mse_loss(net(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            net.eval()
            with torch.no_grad():
                error = (net(x) - y).abs().mean()

    Silent on::

        import torch
        from torch import nn
        _ = torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(6, 32), nn.BatchNorm1d(32), nn.Tanh(), nn.Linear(32, 1))
        optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
        x = torch.randn(256, 6)
        y = x[:, :1] - x[:, 1:2]
        for epoch in range(40):
            net.train()
            loss = nn.functional.mse_loss(net(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            net.eval()
            with torch.no_grad():
                error = (net(x) - y).abs().mean()

    What helps: call `model.train()` at the beginning of every epoch, not once before the loop. To
    freeze a batch norm on purpose, set `requires_grad_(False)` on its scale and shift, too.

    Source: a common fault; the PyTorch documentation of `nn.Module.eval`.
    """
    found: dict[object, list[tuple[Site, Sequence[Probe]]]] = {}
    for site in recording.of_kind("module"):
        lasting = evaluating(site, recording.probes(site))
        if len(lasting) >= max(in_a_row, share * int(recording.meta.get("probed", 0))):
            found.setdefault(site.where or site.id, []).append((site, lasting))
    for group in found.values():
        site, probes = group[0]
        names = [f"`{each.module}`" if each.module else each.op for each, _ in group]
        kinds = " and ".join(dict.fromkeys(each.op for each, _ in group))
        several = len(group) > 1
        whom = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        switched = bool(site.attributes.get("switched")) and site.where is not None
        after = f", put there by `{site.where.expression}`" if switched and site.where else ""
        yield claim(
            site,
            f"{whom} ({kinds}) {'are' if several else 'is'} in eval mode while the network is "
            f"trained: in all {len(probes)} observed steps from {probes[0].step} to "
            f"{probes[-1].step}{after}.",
            Severity.WARNING,
            fix="Call `.train()` on the model before each epoch of training, and `.eval()` only "
            "for validation. If it is frozen on purpose, freeze its parameters, too: "
            "`requires_grad_(False)`.",
            evidence={
                "modules": [each.module for each, _ in group],
                "steps_in_eval_mode": len(probes),
                "threshold": in_a_row,
                "first_step": probes[0].step,
                "last_step": probes[-1].step,
                "observations": len(recording.probes(site)),
            },
            note="eval mode from here on" if switched else "evaluates, though it is trained",
        )


def evaluating(site: Site, probes: Sequence[Probe]) -> Sequence[Probe]:
    """Return the last observations without a gap in which a module evaluates and is trained."""
    start = len(probes)
    while start and judged(site, probes[start - 1]):
        start -= 1
    return probes[start:]


def judged(site: Site, probe: Probe) -> bool:
    """Tell whether a module should not evaluate in this step, but does."""
    figures = probe.figures
    if figures.get("evaluating", 0.0) < 1:
        return False
    trained, whole = figures.get("trained", 0.0), figures.get("whole", 0.0)
    if site.attributes.get("own"):
        return trained > 0
    return trained >= 1 and whole >= 1
