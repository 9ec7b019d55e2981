"""Formulas: the same piece of mathematics as plain text and as LaTeX.

A formula knows how tightly it binds, so that parentheses stand where they are needed and nowhere
else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from ..arrays import Array

SUM, PRODUCT, SIGN, POWER, ATOM = range(5)
"""How tightly a formula binds, loosest first."""

MOST_SHOWN = 6  # numbers of one array that are written out
DIGITS = 6

GREEK = (
    "alpha", "beta", "gamma", "delta", "epsilon", "eta", "theta", "lambda", "mu", "rho", "sigma",
    "tau", "phi", "omega",
)  # fmt: skip
LETTERS = dict(zip(GREEK, "αβγδεηθλμρστφω", strict=True))
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


@dataclass(frozen=True, slots=True)
class Formula:
    """A piece of mathematics in two scripts."""

    text: str
    latex: str
    binding: int = ATOM

    def __str__(self) -> str:
        return self.text


def symbol(name: str) -> Formula:
    """Turn a name of the program into a symbol: `x_hat` is x̂, `W1` W₁, `sigma` σ."""
    if not re.fullmatch(r"[^\W\d]\w*", name):
        return Formula(name, rf"\texttt{{{escaped(name)}}}")
    if name.endswith("_hat") and len(name) == 5:
        return Formula(f"{name[0]}\u0302", rf"\hat{{{name[0]}}}")
    stem, digits = re.fullmatch(r"(.*?)_?(\d*)", name).groups()  # type: ignore[union-attr]
    if not stem:
        return Formula(name, name)
    text = LETTERS.get(stem, stem)
    latex = rf"\{stem}" if stem in LETTERS else stem
    if len(stem) > 1 and stem not in LETTERS:
        latex = rf"\mathrm{{{escaped(stem)}}}"
    if digits:
        return Formula(text + digits.translate(SUBSCRIPTS), f"{latex}_{{{digits}}}")
    return Formula(text, latex)


def escaped(text: str) -> str:
    """Escape what LaTeX reads as its own."""
    return re.sub(r"([\\{}_$&#%^~])", lambda found: rf"\{found[1]}", text)


def number(value: float) -> Formula:
    """Write a number with six decimals at most; very large and small ones as powers of ten."""
    if not np.isfinite(value):
        names = {
            "nan": ("NaN", r"\mathrm{NaN}"),
            "inf": ("∞", r"\infty"),
            "-inf": ("−∞", r"-\infty"),
        }
        return Formula(*names[str(float(value))], SIGN)
    size = abs(value)
    if size and not 1e-4 <= size < 1e6:
        digits, _, exponent = f"{value:.{DIGITS - 1}e}".partition("e")
        digits = digits.rstrip("0").rstrip(".")
        power = int(exponent)
        text = f"{digits}e{power}".replace("-", "−")
        return Formula(text, rf"{digits} \cdot 10^{{{power}}}", PRODUCT)
    plain = f"{value:.{DIGITS}f}"
    short = plain.rstrip("0").rstrip(".")
    plain = short if float(short) == float(value) else plain
    plain = "0" if plain in ("-0", "") else plain
    return Formula(plain.replace("-", "−"), plain, SIGN if plain.startswith("-") else ATOM)


def numbers(value: Array) -> Formula:
    """Write an array: in full where it is small, else by its shape and norm."""
    array = np.asarray(value)
    if array.ndim == 0:
        return (
            number(float(array)) if array.dtype.kind in "fiub" else Formula(str(array), str(array))
        )
    if array.size > MOST_SHOWN or array.dtype.kind not in "fiub" or array.size == 0:
        text, latex = (sign.join(map(str, array.shape)) for sign in ("×", r" \times "))
        if array.dtype.kind not in "fiub":
            return Formula(f"({text})", f"({latex})")
        norm = number(float(np.linalg.norm(array.astype(np.float64))))
        return Formula(
            f"[{text}, norm {norm.text}]", rf"[{latex},\ \lVert\cdot\rVert = {norm.latex}]"
        )
    rows = array.reshape(-1, array.shape[-1])
    each = [[number(float(x)) for x in row] for row in rows]
    texts = [f"[{', '.join(x.text for x in row)}]" for row in each]
    inside = r" \\ ".join(" & ".join(x.latex for x in row) for row in each)
    return Formula(
        texts[0] if array.ndim == 1 else f"[{', '.join(texts)}]",
        rf"\begin{{bmatrix}} {inside} \end{{bmatrix}}",
    )


def bracketed(part: Formula, binding: int) -> Formula:
    """Put parentheses around what binds less tightly than `binding`."""
    if part.binding >= binding:
        return part
    return Formula(f"({part.text})", rf"\left({part.latex}\right)")


def plus(left: Formula, right: Formula) -> Formula:
    """Return left + right."""
    right = bracketed(right, PRODUCT)
    if right.text.startswith("−"):
        right = Formula(f"({right.text})", rf"\left({right.latex}\right)")
    return Formula(f"{left.text} + {right.text}", f"{left.latex} + {right.latex}", SUM)


def minus(left: Formula, right: Formula) -> Formula:
    """Return left − right."""
    right = bracketed(right, PRODUCT)
    if right.text.startswith("−"):
        right = Formula(f"({right.text})", rf"\left({right.latex}\right)")
    return Formula(f"{left.text} − {right.text}", f"{left.latex} - {right.latex}", SUM)


def negative(part: Formula) -> Formula:
    """Return −part."""
    part = bracketed(part, POWER)
    return Formula(f"−{part.text}", f"-{part.latex}", SIGN)


def times(left: Formula, right: Formula, sign: str = "·") -> Formula:
    """Return left · right; `sign` may be × where numbers are multiplied."""
    left, right = bracketed(left, PRODUCT), bracketed(right, POWER)
    latex = {"·": r"\cdot", "×": r"\times", "@": r"\,"}[sign]
    return Formula(
        f"{left.text} {'·' if sign == '@' else sign} {right.text}",
        f"{left.latex} {latex} {right.latex}",
        PRODUCT,
    )


def over(above: Formula, below: Formula) -> Formula:
    """Return above / below."""
    a, b = bracketed(above, PRODUCT), bracketed(below, POWER)
    return Formula(f"{a.text} / {b.text}", rf"\frac{{{above.latex}}}{{{below.latex}}}", PRODUCT)


def power(base: Formula, exponent: Formula) -> Formula:
    """Return base to a power; squares and cubes with their own digit."""
    base = bracketed(base, ATOM)
    small = {"2": "²", "3": "³"}.get(exponent.text)
    text = base.text + small if small else f"{base.text}^{bracketed(exponent, ATOM).text}"
    return Formula(text, rf"{base.latex}^{{{exponent.latex}}}", POWER)


def call(name: str, *parts: Formula, latex: str = "") -> Formula:
    """Return name(parts)."""
    command = latex or rf"\operatorname{{{escaped(name)}}}"
    return Formula(
        f"{name}({', '.join(part.text for part in parts)})",
        rf"{command}\left({', '.join(part.latex for part in parts)}\right)",
    )


def root(part: Formula) -> Formula:
    """Return the square root."""
    inside = bracketed(part, ATOM)
    return Formula(f"√{inside.text}", rf"\sqrt{{{part.latex}}}", POWER)


def transposed(part: Formula) -> Formula:
    """Return the transpose."""
    part = bracketed(part, ATOM)
    return Formula(f"{part.text}ᵀ", rf"{part.latex}^\top", POWER)


def derivative(of: Formula, by: Formula) -> Formula:
    """Return ∂of/∂by."""
    below = bracketed(by, ATOM)
    above = bracketed(of, ATOM)
    return Formula(
        f"∂{above.text}/∂{below.text}",
        rf"\frac{{\partial {above.latex}}}{{\partial {below.latex}}}",
    )
