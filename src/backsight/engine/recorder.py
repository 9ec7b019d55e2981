"""The functions that calls of an op run: generated from a template, so that recording is cheap.

A general `apply(op, *args)` costs about 7 µs a call; a function that knows the arity, the
attributes and what the backward asks for costs a tenth of that. `recorder(op)` is the forward half,
`puller(op, wanted)` the backward half. Print `recorder_source(op)` to see one.
"""

from __future__ import annotations

import inspect
import linecache
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np

from ..errors import DTypeError, GradientError
from ..ops import protocol
from ..ops.protocol import Op
from . import failures
from .modes import recording
from .readonly import RecordedArray
from .tensors import HOME, Tensor, next_serial, strip


def constant(value: Any) -> Any:
    """Wrap results of an unrecorded call: several outputs come as a plain tuple."""
    if value.__class__ is tuple:
        return tuple(Tensor(each) for each in value)
    return Tensor(value)


def snapshot(value: Any) -> Any:
    """Keep what a backward asked for: a user's own array may be written to later, so it is copied.

    What nobody can write to is kept as it is: recorded values, and read-only arrays that are no
    view of another.
    """
    if isinstance(value, np.ndarray):
        lasting = value.base is None or isinstance(value, RecordedArray)
        return value if lasting and not value.flags.writeable else np.array(value)
    if value.__class__ is tuple or value.__class__ is list:
        return value.__class__(snapshot(item) for item in value)
    return value


def constant_input(value: Any) -> Any:
    """Keep a constant input. A list of numbers becomes an array, so that bodies know only those."""
    return np.array(value) if value.__class__ is list else snapshot(value)


def lock(value: Any) -> Any:
    """Hand an array to the body of a user's op read-only: a body that writes would hurt others."""
    if isinstance(value, np.ndarray):
        value = value.view(np.ndarray)
        value.flags.writeable = False
    return value


def is_ours(op: Op) -> bool:
    """Tell whether an op is one of the package's, whose bodies the tests hold to the contract."""
    return op.__module__.startswith("backsight.ops")


def attribute(op: Op, name: str, value: Tensor) -> Any:
    """Take the array of a Tensor given as attribute. Raises DTypeError if it wants a gradient."""
    if value.wanted:
        raise DTypeError(
            f"{op.name}: {name} is an attribute and gets no gradient, but a Tensor that requires "
            f"one was given. Pass {name}.detach(), or an array"
        )
    return value._value


outside: set[str] = set()
"""Files of users: those in which a call of an op was found to stand."""


def users_line(frame: FrameType | None) -> tuple[Any, int] | None:
    """Find the innermost frame outside the package; None where there is none."""
    while frame is not None and frame.f_code.co_filename.startswith(HOME):
        frame = frame.f_back
    if frame is None:
        return None
    if len(outside) > 10_000:  # a notebook makes new ones for ever
        outside.clear()
    outside.add(frame.f_code.co_filename)
    return frame.f_code, frame.f_lasti


OUTPUT = Op(lambda x, *, index: x[index])  # one output of an op of several; only the walk sees it
OUTPUT.name = "output"


def outputs_of(bundle: Tensor) -> tuple[Tensor, ...]:
    """Give each output of an op of several a Tensor of its own; the bundle is their common node."""
    return tuple(output_of(bundle, i) for i in range(len(bundle._value)))


def output_of(bundle: Tensor, index: int) -> Tensor:
    """Return output `index` of a bundle as a Tensor."""
    made = Tensor(bundle._value[index], 1)
    made.op, made.inputs, made.saved, made.where = OUTPUT, (bundle,), (index,), bundle.where
    return made


def _parameters(op: Op, swapped: bool) -> str:
    inputs = [f"{name}=None" if name in op.optional else name for name in op.inputs]
    if swapped:
        inputs.reverse()
    listed = [f"*{op.listed}"] if op.listed else (["*"] if op.attributes else [])
    missing = inspect.Parameter.empty
    attributes = [
        name if default is missing else f"{name}=_defaults[{name!r}]"
        for name, default in op.attributes.items()
    ]
    return ", ".join([*inputs, *listed, *attributes])


def _asked_by_check(op: Op) -> list[str]:
    """Say how the recorder calls what an op's check asks for; what the op does not have is None."""
    code = op.check_function.__code__  # type: ignore[union-attr]
    own = {name: f"_{name}" for name in (*op.inputs, op.listed)}
    own |= {name: name for name in op.attributes}
    return [own.get(name, "None") for name in code.co_varnames[: code.co_argcount]]


_UNWRAP = """\
    if {x}.__class__ is Tensor:
        _{x} = {x}._value
        if {x}.wanted:
            _wanted {grows} {bit}
    else:
        _{x} = {x}
"""

_RECORD = """\
    if not _wanted or not _recording():
        return _constant(_out) if {any} else _out
{keep}    _t = _new(Tensor)
    _t._value = _out
    _t.op = _op
    _t.inputs = {inputs}
    _t.saved = {saved}
    _t.wanted = _wanted
    _t.serial = _serial()
    _frame = _getframe(1)
    _code = _frame.f_code
    _t.where = (_code, _frame.f_lasti) if _code.co_filename in _outside else _users_line(_frame)
    _t.pending = _t.extra = None
    _t.mark = 0
    return {result}
"""


def recorder_source(op: Op, swapped: bool = False) -> str:
    """Write the recorder of an op: unwrap inputs, run the forward, make the node."""
    lines = [f"def {op.name}({_parameters(op, swapped)}):\n    _wanted = 0\n"]
    if op.listed:
        values = f"*_{op.listed}"
        lines.append(
            f"    _{op.listed} = []\n"
            f"    for _i, _x in enumerate({op.listed}):\n"
            "        if _x.__class__ is Tensor:\n"
            "            if _x.wanted:\n"
            "                _wanted |= 1 << _i\n"
            "            _x = _x._value\n"
            f"        _{op.listed}.append(_x)\n"
        )
    else:
        values = ", ".join(f"_{name}" for name in op.inputs)
        for i, name in enumerate(op.inputs):
            lines.append(_UNWRAP.format(x=name, bit=1 << i, grows="|=" if i else "="))
    for name in op.attributes:
        lines.append(
            f"    if {name}.__class__ is Tensor:\n"
            f"        {name} = _attribute(_op, {name!r}, {name})\n"
        )
    if op.saves:
        lines.append("    if _wanted and _recording():\n" + _keeping(op, before=True))
    keywords = ", ".join(f"{name}={name}" for name in op.attributes)
    locked = values if is_ours(op) else f"*map(_lock, ({values},))"
    arguments = ", ".join(filter(None, [locked, keywords]))
    result = "_out, _local" if op.saves else "_out"
    named = ", ".join(f"{name!r}: {name}" for name in op.attributes)
    given = f"({op.listed})" if op.listed else f"({', '.join(op.inputs)},)"
    if op.check_function is not None:
        lines.append(
            f"    try:\n        _check({', '.join(_asked_by_check(op))})\n"
            f"    except Exception as _error:\n"
            f"        _refused(_op, {given}, _error)\n        raise\n"
        )
    lines.append(
        f"    try:\n        {result} = _forward({arguments})\n"
        f"    except Exception as _error:\n"
        f"        _failed(_op, {given}, {{{named}}}, _error)\n        raise\n"
    )
    keep = "" if op.saves else _keeping(op, before=False)
    if op.attributes:
        saved = "(" + ", ".join(op.attributes) + ",)"
        if op.saves:
            saved += " + _local"
    else:
        saved = "_local" if op.saves else "()"
    inputs = f"tuple({op.listed})" if op.listed else given
    returned = "_outputs_of(_t)" if len(op.outputs) > 1 else "_t"
    tensors = " or ".join(f"{name}.__class__ is Tensor" for name in op.inputs)
    given_any = f"any(_x.__class__ is Tensor for _x in {op.listed})" if op.listed else tensors
    lines.append(
        _RECORD.format(keep=keep, inputs=inputs, saved=saved, result=returned, any=given_any)
    )
    return "".join(lines)


def _keeping(op: Op, before: bool) -> str:
    """Write the lines that make constants lasting: those that the backward asks for.

    Where it asks for locals of the forward, these may be views of any constant, so that all of them
    are made lasting before the forward runs.
    """
    indent = "        " if before else "    "
    lines = [f"{indent}pass\n"] if before else []
    if op.listed and (before or op.listed in op.asks):
        lines.append(f"{indent}{op.listed} = tuple(_constant_input(_x) for _x in {op.listed})\n")
        if before:
            values = f"[_x._value if _x.__class__ is Tensor else _x for _x in {op.listed}]"
            lines.append(f"{indent}_{op.listed} = {values}\n")
    for name in op.inputs:
        if before or name in op.asks:
            target = f"{name} = _{name}" if before else name
            lines.append(
                f"{indent}if {name}.__class__ is not Tensor:\n"
                f"{indent}    {target} = _constant_input({name})\n"
            )
    for name in op.attributes:
        if before or name in op.asks:
            lines.append(
                f"{indent}if isinstance({name}, _kept):\n{indent}    {name} = _snapshot({name})\n"
            )
    return "".join(lines)


def recorder(op: Op, swapped: bool = False) -> Callable[..., Any]:
    """Compile the function that a call of `op` runs. An op without a backward runs on arrays only.

    `swapped` takes the inputs in reverse, as the right-hand operators (`__rsub__`) are called.
    """
    if op.backward_function is None:
        return _constant_call(op)
    op.pulls = op.pulls or Pullers(op)
    names = {
        "Tensor": Tensor,
        "_attribute": attribute,
        "_check": op.check_function,
        "_constant": constant,
        "_constant_input": constant_input,
        "_defaults": op.attributes,
        "_failed": failures.failed,
        "_forward": op.twin,
        "_getframe": sys._getframe,
        "_kept": (np.ndarray, tuple, list),
        "_lock": lock,
        "_new": Tensor.__new__,
        "_op": op,
        "_outside": outside,
        "_outputs_of": outputs_of,
        "_recording": recording.get,
        "_refused": failures.refused,
        "_serial": next_serial,
        "_snapshot": snapshot,
        "_users_line": users_line,
    }
    return _compiled(recorder_source(op, swapped), f"<recorder of {op.name}>", names, op.name)


def _constant_call(op: Op) -> Callable[..., Any]:
    def call(*inputs: Any, **attributes: Any) -> Any:
        tensors = [x for x in (*inputs, *attributes.values()) if x.__class__ is Tensor]
        if recording.get() and any(x.wanted for x in tensors):
            raise GradientError(
                f"{op.name} has no backward, and an input of it requires a gradient. Give it one "
                f"with @{op.name}.backward, or call it inside no_grad()"
            )
        out = op.forward(*strip(inputs), **strip(attributes))
        return constant(out) if tensors else out

    return call


def puller_source(op: Op, wanted: int, counted: bool) -> str:  # noqa: C901 - one template
    """Write the function that runs an op's backward on a node, for one set of wanted inputs.

    It returns (input, gradient) for each of them; `counted` has the number of gradients checked.
    """
    names = op.inputs
    lines = ["def pull(node, dout):\n"]
    if op.listed:
        lines.append(f"    {op.listed} = tuple(_value(x) for x in node.inputs)\n")
    else:
        lines.append(f"    {', '.join(f'_{n}' for n in names)}, = node.inputs\n")
    kept = [*op.attributes, *op.saves]
    if any(name in op.asks for name in kept):
        lines.append(f"    {', '.join(f'_{n}' for n in kept)}, = node.saved\n")
    upstream = [f"d{output}" for output in op.outputs]
    several = len(upstream) > 1
    values = {
        n: f"_{n}._value"
        if wanted >> i & 1
        else f"(_{n}._value if _{n}.__class__ is Tensor else _{n})"
        for i, n in enumerate(names)
    }
    arguments = []
    for name in op.asks:
        if name in upstream:
            arguments.append(f"dout[{upstream.index(name)}]" if several else "dout")
        elif name in values:
            arguments.append(values[name])
        elif name == op.listed:
            arguments.append(name)
        elif name in kept:
            arguments.append(f"_{name}")
        elif name in op.outputs:
            place = f"[{op.outputs.index(name)}]" if several else ""
            arguments.append(f"node._value{place}")
        else:
            arguments.append(f"_shape({values[name.removesuffix('_shape')]})")
    locked = arguments if is_ours(op) else [f"_lock({each})" for each in arguments]
    call = f"_backward({', '.join(locked)})"
    pairs = [f"(_{name}, _d{name})" for i, name in enumerate(names) if wanted >> i & 1]
    if counted:
        several_inputs = op.listed or len(names) > 1
        lines.append(f"    return _counted(node, {call if several_inputs else f'({call},)'})\n")
    elif len(names) == 1:
        lines.append(f"    return ((_{names[0]}, {call}),)\n")
    else:
        lines.append(f"    {', '.join(f'_d{n}' for n in names)} = {call}\n")
        lines.append(f"    return ({', '.join(pairs)},)\n")
    return "".join(lines)


def _value(x: Any) -> Any:
    return x._value if x.__class__ is Tensor else x


class Pullers(dict[int, Callable[[Tensor, Any], tuple[Any, ...]]]):
    """The backward callers of one op by set of wanted inputs (bits), made when first needed."""

    def __init__(self, op: Op) -> None:
        super().__init__()
        self.op = op

    def __missing__(self, wanted: int) -> Callable[[Tensor, Any], tuple[Any, ...]]:
        op = self.op
        if op.backward_function is None:
            raise GradientError(f"{op.name} has no backward")
        if op.listed and self:  # one for all: its gradients are paired when they are counted
            self[wanted] = next(iter(self.values()))
            return self[wanted]
        names = [name for i, name in enumerate(op.inputs) if wanted >> i & 1]
        backward = op.variant(names)
        scope = {
            "Tensor": Tensor,
            "_backward": backward,
            "_counted": failures.counted,
            "_lock": lock,
            "_shape": np.shape,
            "_value": _value,
        }
        file = f"<backward call of {op.name}, wanted {wanted:b}>"
        # Our own bodies are known to return what they should (tests/ops); others are counted.
        counted = not is_ours(op) or op.listed is not None
        pull = _compiled(puller_source(op, wanted, counted), file, scope, "pull")
        self[wanted] = pull
        return pull


def _compiled(text: str, file: str, names: dict[str, Any], wanted: str) -> Callable[..., Any]:
    file = f"{HOME}{file}"  # inside the package, so that the search for the user's line passes it
    code = compile(text, file, "exec")
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    exec(code, names)
    return names[wanted]  # type: ignore[no-any-return]


protocol.install_recorder(recorder)
