"""The op protocol: a forward and a backward, plain functions, joined by names of arguments.

    @op
    def sigmoid(x):
        return 0.5 * (1.0 + np.tanh(0.5 * x))

    @sigmoid.backward
    def sigmoid_backward(dout, out):
        return dout * out * (1 - out)

The forward's parameters before `*` are *inputs*: each gets a gradient. Those after `*` are
*attributes*: axes, labels, masks, indices; they never get one. A backward asks by name for

    d<output>        the upstream gradient (`dout`; `dh_next, dc_next` where several are returned)
    an input, an attribute, an output (`out`), `<input>_shape`,
    or any local name of the forward (`x_hat`), handed out by a twin of it (source.py),

and returns one gradient per input, in order. What it asks for is what is kept in memory.
Un-broadcasting, accumulation and skipping of unwanted gradients are the walk's business.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from ..errors import OpError
from . import source

Function = Callable[..., Any]

OPS: dict[str, Op] = {}
"""Every op by name. The engine, emission and derivation look ops up here."""


class Op:
    """A forward function and its backward function.

    Calling an op computes its forward; once the engine is loaded, a call with Tensors is recorded.
    `inputs`, `listed` (the name of `*xs`, if any), `attributes` (name to default), `outputs`,
    `asks` (what the backward asks for) and `saves` (the forward's locals among them) tell its form.
    """

    def __init__(self, forward: Function) -> None:
        self.forward = forward
        self.name = forward.__name__.rstrip("_")
        self.__name__ = self.name
        self.__qualname__ = self.name
        self.__module__ = forward.__module__ or "__main__"
        self.__doc__ = forward.__doc__
        self.__wrapped__ = forward
        signature = inspect.signature(forward)
        by_kind: dict[Any, list[inspect.Parameter]] = {}
        for parameter in signature.parameters.values():
            by_kind.setdefault(parameter.kind, []).append(parameter)
        positional = [
            *by_kind.get(inspect.Parameter.POSITIONAL_ONLY, ()),
            *by_kind.get(inspect.Parameter.POSITIONAL_OR_KEYWORD, ()),
        ]
        listed = by_kind.get(inspect.Parameter.VAR_POSITIONAL, ())
        keyword = by_kind.get(inspect.Parameter.KEYWORD_ONLY, ())
        self.inputs = tuple(parameter.name for parameter in positional)
        self.optional = tuple(p.name for p in positional if p.default is None)
        self.listed = listed[0].name if listed else None
        self.attributes = {parameter.name: parameter.default for parameter in keyword}
        self.outputs: tuple[str, ...] = ("out",)
        self.asks: tuple[str, ...] = ()
        self.saves: tuple[str, ...] = ()
        self.backward_function: Function | None = None
        self.check_function: Function | None = None
        self.call: Function | None = None  # the engine's recorder, made on first use
        self.pulls: Any = None  # the engine's backward callers, one per set of wanted inputs
        self._twin: Function | None = None
        self._variants: dict[frozenset[str], Function] = {}
        for parameter in positional:
            if parameter.default not in (inspect.Parameter.empty, None):
                raise OpError(
                    f"{self.name}: input {parameter.name!r} has the default {parameter.default!r}; "
                    "an input may only default to None. Put a * before it to make it an attribute"
                )
        if not self.listed and not self.inputs:
            raise OpError(
                f"{self.name}: an op has an input, a parameter before *, which gets a gradient; "
                "without one it is a plain function"
            )
        if self.listed and self.inputs:
            raise OpError(f"{self.name}: an op takes named inputs or *{self.listed}, not both")
        if inspect.Parameter.VAR_KEYWORD in by_kind:
            raise OpError(f"{self.name}: an op names its attributes; **keywords are not allowed")

    def __call__(self, *inputs: Any, **attributes: Any) -> Any:
        """Compute the forward; on Tensors, record it."""
        call = self.call
        if call is None:
            call = self.call = recorder_of(self)
        return call(*inputs, **attributes)

    def __repr__(self) -> str:
        return f"<op {self.name}{inspect.signature(self.forward)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return lookup, (self.name,)

    def backward(self, function: Function) -> Function:
        """Make `function` the backward of this op, after checking every name that it asks for.

        Raises OpError when it asks for a name that the forward does not have, when a returned
        `d<input>` stands at the wrong place, or when their number is wrong.
        """
        asks = tuple(inspect.signature(function).parameters)
        local = self.forward.__code__.co_varnames
        if "dout" not in asks:
            self.outputs = source.returned_names(self.forward) or ("out",)
        upstream = tuple(f"d{output}" for output in self.outputs)
        listed = (self.listed,) if self.listed else ()
        known = {
            *upstream,
            *self.inputs,
            *listed,
            *self.attributes,
            *self.outputs,
            *(f"{name}_shape" for name in self.inputs),
        }
        saves = tuple(name for name in asks if name not in known and name in local)
        unknown = [name for name in asks if name not in known and name not in local]
        if unknown:
            permitted = ", ".join(dict.fromkeys([*upstream, *sorted(known), *local]))
            raise OpError(
                f"{function.__name__} asks for {unknown[0]!r}, which {self.name} does not have; "
                f"it may ask for {permitted}"
            )
        missing = [name for name in upstream if name not in asks]
        if missing:
            raise OpError(
                f"{function.__name__} does not ask for {' and '.join(missing)}; a backward takes "
                "the upstream gradient of every output"
            )
        self.asks, self.saves, self.backward_function = asks, saves, function
        self.call = self.pulls = self._twin = None
        self._variants = {}
        if not self.__module__.startswith("backsight.ops"):
            self.validate()  # our own ops are validated by a test, so that importing stays fast
        return function

    def check(self, function: Function) -> Function:
        """Make `function` the check of this op's arguments, asked for by name like a backward.

        It runs before every recorded or plain call on arrays and raises ShapeError, DTypeError or
        ValueError with a sentence that says both sides; the engine adds the user's line.
        """
        self.check_function = function
        self.call = None
        return function

    def validate(self) -> None:
        """Check what needs the source: rebound inputs, the places of returned gradients.

        Raises OpError. Does nothing where there is no source to read.
        """
        if self.backward_function is None:
            return
        source.check_pair(self)

    def names_of(self, count: int) -> tuple[str, ...]:
        """Return the names of `count` given inputs: `x, y`, or `xs[0], xs[1], …` for a list."""
        if self.listed:
            return tuple(f"{self.listed}[{i}]" for i in range(count))
        return self.inputs[:count]

    @property
    def twin(self) -> Function:
        """The forward that also returns the locals in `saves`: `out, (x_hat, inv_std)`."""
        if self._twin is None:
            self._twin = source.twin(self) if self.saves else self.forward
        return self._twin

    def variant(self, wanted: Iterable[str]) -> Function:
        """Return the backward without the lines that only gradients not `wanted` need.

        Unwanted places hold None. Where the body branches, it runs whole.
        """
        key = frozenset(wanted)
        if key not in self._variants:
            self._variants[key] = source.variant(self, key)
        return self._variants[key]


def plain_call(op: Op) -> Function:
    """Return what calling an op does without an engine: its forward."""
    return op.forward


recorder_of: Function = plain_call


def install_recorder(make: Function) -> None:
    """Let `make(op)` give the function that a call of an op runs. The engine does this once."""
    global recorder_of
    recorder_of = make
    for known in OPS.values():
        known.call = None


def lookup(name: str) -> Op:
    """Return the op of that name (pickled ops are names)."""
    return OPS[name]


def op(forward: Function) -> Op:
    """Make an op of a forward function; give it a backward with `@<op>.backward`.

    A second op of the same name replaces the first only if it comes from the same module (a cell
    that is run again); otherwise OpError, since traces refer to ops by name.
    """
    if forward.__name__ == "<lambda>":
        raise OpError("an op is written with def, not as a lambda: its name is how others find it")
    made = Op(forward)
    known = OPS.get(made.name)
    if known is not None and known.__module__ != made.__module__:
        raise OpError(
            f"there is an op named {made.name!r} already, in {known.__module__}; "
            f"choose another name for the one in {made.__module__}"
        )
    OPS[made.name] = made
    return made
