"""Seeing a forward pass: a function mode that notes each call whose result wants a gradient.

What a call made is kept with the node of PyTorch's graph that made it (in its `metadata`), and dies
with it. Nodes that no call was seen to make (a custom Function, what a checkpoint or a compiled
function computed) become one opaque value: what it was computed from is read off the graph.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from ..arrays import NOT_IN_NUMPY, unseen
from ..calls import insert, remove
from ..entry import PLAIN, unframed
from ..graph import LEAF
from . import elementwise, layers, losses, moving, sequences  # noqa: F401 - they register
from .arguments import (
    GETTER,
    attributes_in,
    copied,
    instruction,
    name_of,
    opaque_name,
    replaced,
    tensors_in,
)
from .plans import CONVERTERS, Plan, Unknown, tolerance_of
from .records import Call, Input, Leaf, Made, Operand, Outputs

_grad_enabled = torch._C.is_grad_enabled
_inside_function = torch._C._functorch.peek_interpreter_stack
_COMPUTED = ("T", "mT", "H", "mH", "real", "imag")
_FAILING = (Unknown, TypeError, ValueError, IndexError, KeyError, AttributeError, ArithmeticError)


class Seeing(TorchFunctionMode):
    """Sees the calls of the thread that made it, while `wanted`."""

    def __init__(self) -> None:
        self.wanted = False
        self.error: Exception | None = None
        self._key = f"backsight {id(self)}"
        self._kept: weakref.WeakSet[Outputs] = weakref.WeakSet()
        self._leaves: dict[int, tuple[weakref.ref[Any], int, Leaf]] = {}
        self._modules: list[tuple[weakref.ref[Any], bool]] = []  # and whether we keep off in it
        self._hooks: tuple[Any, ...] = ()
        self._thread = threading.get_ident()

    def start(self) -> None:
        """Begin to see."""
        self.wanted = True
        insert(self)
        hooks = torch.nn.modules.module
        self._hooks = (
            hooks.register_module_forward_pre_hook(self._enter),
            hooks.register_module_forward_hook(self._leave),
        )

    def stop(self) -> None:
        """End, and forget all that was seen."""
        self.wanted = False
        remove(self)
        for hook in self._hooks:
            hook.remove()
        self._hooks = ()
        for outputs in list(self._kept):
            outputs.clear()
        self.forget()

    def pause(self) -> None:
        """Leave the stack of modes for a while."""
        remove(self)

    def resume(self) -> None:
        """Come back after a pause."""
        if self.wanted:
            insert(self)

    def forget(self) -> None:
        """Copy leaves anew from now on: they may have been written to without a trace."""
        self._leaves.clear()
        self._modules.clear()

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Let the call happen, and note what it made."""
        kwargs = kwargs or {}
        given = None
        try:
            if self.wanted and self._concerns(func):
                given = self._given(args, kwargs)
        except Exception as error:
            self._fail(error)
        try:
            result = func(*args, **kwargs)
        except BaseException as error:
            unframed(error)
            raise
        if given is not None:
            try:
                frame = sys._getframe(1)
                with unseen():
                    self._note(func, args, kwargs, given, result, frame)
            except Exception as error:
                self._fail(error)
        return result

    def known(self, node: Any) -> Outputs | None:
        """Return what the outputs of a node of the graph are, None if that was not seen."""
        found = node.metadata.get(self._key)
        return found if isinstance(found, Outputs) else None

    def operand(self, tensor: Any) -> Operand:
        """Return what a tensor is in the trace. Call it where the script's modes are off."""
        node = tensor.grad_fn
        if node is None:
            return Operand(self._leaf(tensor))
        outputs = self.known(node)
        if outputs is None or tensor.output_nr not in outputs:
            self._put(tensor, Operand(self._opaque(tensor, node)))
            outputs = self.known(node)
            assert outputs is not None
        return outputs[tensor.output_nr][0]

    def _fail(self, error: Exception) -> None:
        self.error = self.error or error
        self.wanted = False

    def _concerns(self, func: Any) -> bool:
        if not _grad_enabled() or threading.get_ident() != self._thread:
            return False
        if func.__class__ is GETTER and func.__self__.__name__ not in _COMPUTED:
            return False
        return _inside_function() is None and not torch.compiler.is_compiling()

    def _given(self, args: Any, kwargs: Any) -> dict[int, Operand] | None:
        """Return what the tensors among the arguments are, None if none wants a gradient.

        It must be asked before the call, which may write into them.
        """
        with unseen():
            tensors = list(tensors_in((args, kwargs)))
            if not any(each.requires_grad for each in tensors):
                return None
            if any(type(each) not in PLAIN for each in tensors):
                return None
            return {id(each): self.operand(each) for each in tensors}

    def _note(
        self,
        func: Any,
        args: Any,
        kwargs: Any,
        given: dict[int, Operand],
        result: Any,
        frame: FrameType | None,
    ) -> None:
        name = name_of(func)
        results = [args[0]] if name == "setitem" else list(tensors_in(result))
        made = [each for each in results if self._is_new(each)]
        if not made:
            return
        module = self._modules[-1][0] if self._modules else None
        call = Call(name, instruction(frame), module)
        outs = [copied(each) if each.is_floating_point() else None for each in results]
        found = self._converted(call, args, kwargs, given, results, outs)
        rest = [i for i, each in enumerate(results) if found[i] is None and self._is_new(each)]
        if rest:
            values = tuple(outs[i] for i in rest)
            value = values[0] if len(values) == 1 else values
            sources = unique([*given.values(), *self._sources(results[i].grad_fn for i in rest)])
            about = attributes_in(args, kwargs)
            opaque = Made(f"torch:{name}", inputs_of(sources), about, value, call)
            for output, i in enumerate(rest):
                found[i] = Operand(opaque, output if len(values) > 1 else 0)
        for tensor, operand in zip(results, found, strict=True):
            if operand is not None and self._is_new(tensor):
                source = operand.source
                own = isinstance(source, Made) and source.number > newest(given)
                self._put(tensor, operand, own=own)

    def _converted(
        self,
        call: Call,
        args: Any,
        kwargs: Any,
        given: dict[int, Operand],
        results: list[Any],
        outs: list[Any],
    ) -> list[Operand | None]:
        """Say a call in our ops; None for each result for which that is not possible."""
        nothing: list[Operand | None] = [None] * len(results)
        converter = CONVERTERS.get(call.name)
        if converter is None:
            return nothing
        plan = Plan(call, outs, [each.grad_fn for each in results])
        try:
            with np.errstate(all="ignore"):
                arguments = replaced(args, given)
                options = {key: replaced(each, given) for key, each in kwargs.items()}
                found = converter(plan, *arguments, **options)
                found = found if isinstance(found, list) else [found]
                tolerances = [
                    0.0 if out is None else tolerance_of(out.dtype, each.dtype in NOT_IN_NUMPY)
                    for each, out in zip(results, outs, strict=True)
                ]
                if len(found) != len(results) or not plan.agrees(found, tolerances):
                    return nothing
        except _FAILING:
            return nothing
        settle(plan, found, outs)
        return found

    def _is_new(self, tensor: Any) -> bool:
        """Tell whether a result wants a gradient, and is none of the arguments as they were."""
        if not tensor.requires_grad or tensor.grad_fn is None or type(tensor) not in PLAIN:
            return False
        outputs = self.known(tensor.grad_fn)
        return outputs is None or tensor.output_nr not in outputs

    def _put(self, tensor: Any, operand: Operand, *, own: bool = True) -> None:
        node = tensor.grad_fn
        outputs = self.known(node)
        if outputs is None:
            outputs = node.metadata[self._key] = Outputs()
            self._kept.add(outputs)
        outputs[tensor.output_nr] = operand, own

    def _leaf(self, tensor: Any) -> Leaf:
        known = self._leaves.get(id(tensor))
        version = -1 if tensor.is_inference() else tensor._version
        if known is not None and known[0]() is tensor and known[1] == version:
            return known[2]
        leaf = Leaf(copied(tensor), weakref.ref(tensor), bool(tensor.requires_grad))
        self._leaves[id(tensor)] = weakref.ref(tensor), version, leaf
        return leaf

    def _opaque(self, tensor: Any, node: Any) -> Made:
        """Make one value of all that no call was seen to make, down to what is known."""
        inputs = inputs_of(unique(self._sources([node])))
        call = Call("", None, None)
        return Made(f"torch:{opaque_name(node)}", inputs, {}, copied(tensor), call)

    def _sources(self, nodes: Iterable[Any]) -> Iterator[Operand]:
        """Go through what is known of that from which nodes of the graph were computed."""
        ahead = list(nodes)
        seen = set(ahead)
        while ahead:
            for before, number in ahead.pop().next_functions:
                if before is None or before in seen:
                    continue
                outputs = self.known(before)
                if outputs is not None and number in outputs:
                    yield outputs[number][0]
                elif isinstance(before, LEAF):
                    yield Operand(self._leaf(before.variable))
                else:
                    seen.add(before)
                    ahead.append(before)

    def _enter(self, module: Any, args: Any) -> None:
        """See a module called; keep off the stack of modes where nothing is differentiated.

        Layers of the transformer compute another way there, to other last digits, under a mode.
        """
        if self.wanted and threading.get_ident() == self._thread:
            off = not _grad_enabled()
            self._modules.append((weakref.ref(module), off))
            if off:
                remove(self)

    def _leave(self, module: Any, args: Any, result: Any) -> None:
        """See the call end."""
        if self.wanted and threading.get_ident() == self._thread:
            while self._modules and self._modules.pop()[0]() is not module:
                pass  # calls that raised
            if not any(off for _, off in self._modules):
                insert(self)


def settle(plan: Plan, found: list[Operand | None], outs: list[Any]) -> None:
    """Give the values that PyTorch has too those of PyTorch; the others are inside the call."""
    made = {id(each) for each in plan.made}
    for operand, out in zip(found, outs, strict=True):
        if operand is not None and id(operand.source) in made:
            source = operand.source
            assert isinstance(source, Made)
            source.inside = False
            if isinstance(source.value, tuple):
                source.entwined = True
                values = list(source.value)
                values[operand.output] = out
                source.value = tuple(values)
            else:
                source.value = out


def unique(operands: Iterable[Operand]) -> list[Operand]:
    """Return values without those that were there before."""
    found: dict[tuple[int, int], Operand] = {}
    for each in operands:
        found.setdefault((id(each.source), each.output), each)
    return list(found.values())


def inputs_of(operands: Sequence[Operand]) -> tuple[Input, ...]:
    """Return the arguments of a value that is opaque."""
    return tuple(Input(f"x{i}", each.source, each.output) for i, each in enumerate(operands))


def newest(given: dict[int, Operand]) -> int:
    """Return the number of the newest value among the arguments of a call."""
    numbers = [each.source.number for each in given.values() if isinstance(each.source, Made)]
    return max(numbers, default=-1)
