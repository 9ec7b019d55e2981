"""What each op does to a gradient, in one sentence."""

from __future__ import annotations

COPIES = "copies: every summand gets the upstream gradient as it is"
SWITCHES = "switches: each factor gets the upstream gradient times the other factor"
ROUTES = "routes: the gradient goes to the element that was chosen, the others get none"
SLOPES = "scales: the upstream gradient times the slope of the curve at this point"
MOVES = "only moves numbers, and moves the gradient back"
SPREADS = "spreads: every element that was summed gets the upstream gradient"

DOES: dict[str, str] = {
    "add": COPIES,
    "subtract": "copies: the first gets the upstream gradient as it is, the second its negative",
    "negative": "turns the sign",
    "multiply": SWITCHES,
    "divide": "scales: the numerator gets the upstream gradient over the denominator",
    "dot": SWITCHES,
    "matmul": SWITCHES,
    "outer": SWITCHES,
    "linear": "switches x and w, each gets the upstream gradient times the other; copies it to b",
    "maximum": ROUTES,
    "minimum": ROUTES,
    "max": ROUTES,
    "min": ROUTES,
    "max_pool2d": ROUTES,
    "max_pool1d": ROUTES,
    "getitem": ROUTES,
    "gather": ROUTES,
    "embedding": "routes: each row that was looked up gets its gradient, added where it repeats",
    "relu": "gates: the gradient passes where x is positive and is stopped elsewhere",
    "leaky_relu": "gates: the gradient passes where x is positive, times the slope elsewhere",
    "clip": "gates: the gradient passes inside the range and is stopped outside",
    "where": "routes: each element goes back to where it came from",
    "dropout": "gates: what was dropped gets nothing, the rest is scaled up",
    "sigmoid": "scales by the slope a(1 − a), at most one quarter",
    "tanh": "scales by the slope 1 − a², at most one",
    "exp": "scales by the value itself",
    "log": "scales by 1/x, which is large near zero",
    "power": SLOPES,
    "square": SLOPES,
    "sqrt": "scales by 1/(2√x), which is large near zero",
    "sum": SPREADS,
    "mean": "spreads: every element gets its share, the upstream gradient over their number",
    "broadcast_to": "sums: a number that was copied gets the sum of what reaches its copies",
    "reshape": MOVES,
    "transpose": MOVES,
    "swapaxes": MOVES,
    "moveaxis": MOVES,
    "squeeze": MOVES,
    "expand_dims": MOVES,
    "concatenate": "cuts the gradient where the values were joined",
    "stack": "cuts the gradient where the values were joined",
    "softmax": "scales by the output, after taking off the mean that the outputs share",
    "cross_entropy": "compares: probability minus target, over the number of samples",
    "batch_norm": "takes off what moving the mean and stretching the deviation would undo",
    "layer_norm": "takes off what moving the mean and stretching the deviation would undo",
    "conv2d": "switches: windows get the upstream gradient times weights, and the other way",
    "lstm_cell": "carries the cell's gradient by a sum, scaled by the forget gate",
}  # fmt: skip
"""By op; "" is said of others."""
SUMMED = "the value was stretched to fit, so its gradient is summed over the copies"
"""What un-broadcasting does."""
ADDS = "is used {count} times; what comes back from each use is added"
"""What a fan-out does."""
