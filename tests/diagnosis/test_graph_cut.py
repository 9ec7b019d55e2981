"""BS305 and BS509 on recordings made by hand: what makes a claim, and what forbids it."""

from __future__ import annotations

from typing import Any

import pytest

from backsight.diagnosis import RULES, all_rules, diagnose
from backsight.traces.findings import Severity
from backsight.traces.recording import Site

from .recordings import place_of, run_of, weight

all_rules()
CUT = place_of("encoder(x).argmax(1)", 11)
RETURNED, LOST = {"upstream": 1.0, "unreached": 1.0, "returned": 1.0}, {"returned": 0.0}
STARVED, FED = {"rms": 1.0}, {"rms": 1.0, "gradient_rms": 0.1}


def cut(op: str = "argmax", *parameters: str, expression: str = "encoder(x).argmax(1)") -> Site:
    return Site(op, "cut", place_of(expression, 11), attributes={"parameters": list(parameters)})


def codes(*watched: Any) -> list[str]:
    return [finding.code for finding in diagnose(run_of(*watched)).findings]


def test_a_cut_that_comes_back_and_starves_a_parameter_is_named() -> None:
    run = run_of(
        (weight("e.w", 3), [STARVED] * 25),
        (weight("d.w", 1), [FED] * 25),
        (cut("argmax", "e.w"), [RETURNED] * 25),
    )
    (finding,) = diagnose(run).findings
    assert (finding.code, finding.severity, finding.op) == ("BS305", Severity.CRITICAL, "argmax")
    assert finding.location is not None
    assert finding.location.expression == CUT.expression
    assert [symptom.code for symptom in finding.symptoms] == ["BS304"]
    assert finding.evidence["parameters"] == ["e.w"]
    assert "straight-through" in finding.fix


@pytest.mark.parametrize(
    ("parameter", "figures"),
    [
        ([FED] * 25, [RETURNED] * 25),  # it has another way
        ([STARVED] * 24 + [FED], [RETURNED] * 25),  # and be it once, as with a GAN
        ([STARVED] * 3, [RETURNED] * 3),  # seen too little
    ],
)
def test_what_gets_gradient_is_no_finding(parameter: Any, figures: Any) -> None:
    assert codes((weight("e.w", 3), parameter), (cut("argmax", "e.w"), figures)) == []


def test_a_target_network_is_no_finding() -> None:
    target = weight("target.w", 3, optimizer="")
    assert codes((target, [STARVED] * 25), (cut("no_grad", "target.w"), [RETURNED] * 25)) == []


def test_what_does_not_come_back_is_only_a_hint() -> None:
    lost = cut("item", "e.w", expression="e(x).mean().item()")
    run = run_of((weight("e.w", 3), [STARVED] * 25), (lost, [LOST] * 25))
    (finding,) = diagnose(run).findings
    assert finding.code == "BS304"
    assert finding.fix.startswith("Its value leaves the graph at line 11, `e(x).mean().item()`")
    assert finding.location is not None
    assert finding.location.line == 11


@pytest.mark.parametrize(
    "cuts",
    [
        [cut("item", "e.w", "head.w", expression="loss.item()")],  # of a loss that is printed
        [cut("item", "e.w", expression="a.item()"), cut("numpy", "e.w", expression="b.numpy()")],
    ],
)
def test_what_may_go_anywhere_is_not_even_a_hint(cuts: list[Site]) -> None:
    starved = weight("e.w", 3), [STARVED] * 25
    head = weight("head.w", 1), [FED] * 25
    (finding,) = diagnose(run_of(starved, head, *((each, [LOST] * 25) for each in cuts))).findings
    assert finding.code == "BS304"
    assert finding.location is not None
    assert finding.location.line == 3
    assert "leaves the graph at line" not in finding.fix


def test_one_cut_explains_its_own_parameters_only() -> None:
    run = run_of(
        (weight("e.w", 3), [STARVED] * 25),
        (weight("unused.w", 3), [STARVED] * 25),
        (cut("detach", "e.w"), [RETURNED] * 25),
    )
    found = {finding.code: finding for finding in diagnose(run).findings}
    assert set(found) == {"BS305", "BS304"}
    assert found["BS304"].parameter == "unused.w"
    assert len(found["BS305"].symptoms) == 1


def test_of_several_cuts_the_nearest_is_blamed() -> None:
    near, far = cut("detach", "e.w"), cut("argmax", "e.w", "f.w", expression="f(h).argmax(1)")
    run = run_of(
        (weight("e.w", 3), [STARVED] * 25),
        (weight("f.w", 2), [STARVED] * 25),
        (far, [RETURNED] * 25),
        (near, [RETURNED] * 25),
    )
    found = {f.op: f.evidence["parameters"] for f in RULES["BS305"](run)}
    assert found == {"detach": ["e.w"], "argmax": ["f.w"]}


@pytest.mark.parametrize(
    ("op", "expression", "fix"),
    [
        ("detach", "h.detach()", "Write `h` in place of `h.detach()`"),
        ("data", "net(x).data", "Write `net(x)` in place of `net(x).data`"),
        ("value", "(x @ w).value", "Write `(x @ w)` in place of `(x @ w).value`"),
        ("no_grad", "net(x)", "Compute `net(x)` outside of `no_grad()`"),
        ("tensor", "torch.tensor(h)", "Use the tensor itself"),
        ("gt", "h > 0", "A choice has no derivative"),
        ("histc", "torch.histc(h)", "Use an operation here that has a derivative"),
    ],
)
def test_the_repair_is_in_the_words_of_the_program(op: str, expression: str, fix: str) -> None:
    site = cut(op, "e.w", expression=expression)
    run = run_of((weight("e.w", 3), [STARVED] * 25), (site, [RETURNED] * 25))
    assert diagnose(run).findings[0].fix.startswith(fix)


def test_parameters_of_one_module_are_one_finding() -> None:
    run = run_of(
        (weight("net.a.weight", 3), [STARVED] * 25),
        (weight("net.a.bias", 3), [STARVED] * 25),
        (weight("net.b.weight", 3), [FED] * 25),
        (weight("alone", 3), [STARVED] * 25),
    )
    found = [f for f in diagnose(run).findings if f.code == "BS304"]
    assert [f.evidence["parameters"] for f in found] == [["net.a.weight", "net.a.bias"], ["alone"]]
    assert "the 2 parameters of `net.a`" in found[0].message


def module(op: str = "BatchNorm1d", **attributes: Any) -> Site:
    known = {"own": op.startswith("Batch"), "switched": True}
    return Site(
        op, "module", place_of("net.eval()", 9), module="net.1", attributes=known | attributes
    )


def mode(evaluating: float, trained: float = 1.0, whole: float = 1.0) -> dict[str, float]:
    return {"evaluating": evaluating, "trained": trained, "whole": whole}


@pytest.mark.parametrize(
    ("site", "probes", "fires"),
    [
        (module(), [mode(1)] * 20, True),
        (module(), [mode(0)] * 10 + [mode(1)] * 10, True),
        (module(), [mode(1, whole=0)] * 20, True),  # its own scale is trained
        (module(), [mode(1, trained=0)] * 20, False),  # frozen
        (module(), [mode(1)] * 10 + [mode(0)] * 10, False),  # over
        (module(), ([mode(1)] * 10 + [mode(0)]) * 4, False),  # attacks between training steps
        (module(), [mode(1)] * 4, False),
        (module("Dropout"), [mode(1)] * 20, True),
        (module("Dropout"), [mode(1, whole=0)] * 20, False),  # put there on purpose
        (module("Dropout"), [mode(1, trained=0.5)] * 20, False),  # partly frozen
    ],
)
def test_eval_mode_while_training(site: Site, probes: Any, fires: bool) -> None:
    found = RULES["BS509"](run_of((site, probes)))
    assert bool(found) == fires
    if fires:
        assert found[0].severity is Severity.WARNING
        assert "`net.eval()`" in found[0].message


def test_modules_that_one_call_switched_are_one_finding() -> None:
    run = run_of((module(), [mode(1)] * 20), (module("Dropout"), [mode(1)] * 20))
    (finding,) = RULES["BS509"](run)
    assert "BatchNorm1d and Dropout" in finding.message
