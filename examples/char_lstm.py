"""An LSTM that learns Python letter by letter, from the standard library's own source text.

python examples/char_lstm.py --seed 1
"""

import argparse
import sysconfig
from pathlib import Path

import numpy as np
from rich.progress import Progress

import backsight as bs
from backsight import nn

FILES = ("argparse.py", "ast.py", "dataclasses.py", "functools.py", "inspect.py", "textwrap.py")
STEPS_BACK = 48  # truncated backpropagation: the state goes on, the gradient ends here
BATCH, HIDDEN = 32, 192


def read() -> str:
    """Return the source text of some modules, ASCII characters only."""
    folder = Path(sysconfig.get_path("stdlib"))
    text = "".join((folder / name).read_text(encoding="utf-8") for name in FILES)
    return text.encode("ascii", "ignore").decode()


class Writer:
    """Characters in, scores of the next character out."""

    def __init__(self, count: int, rng: np.random.Generator) -> None:
        self.characters = nn.Embedding(count, 32, rng)
        self.lstm = nn.LSTM(32, HIDDEN, rng)
        self.out = nn.Linear(HIDDEN, count, rng, start=nn.init.xavier_uniform)

    def __call__(self, x: np.ndarray, state=None):
        """Return scores (N, T, V) of what follows, and the state; x (N, T)."""
        out, state = self.lstm(self.characters(x), state)
        return self.out(out), state

    def sample(self, begin: np.ndarray, length: int, rng: np.random.Generator) -> list[int]:
        """Write `length` characters after those given, each drawn by its probability."""
        found, state, x = [], None, begin[None]
        with bs.no_grad():
            for _ in range(length):
                scores, state = self(x, state)
                p = bs.softmax(scores.value[0, -1] / 0.7).astype(np.float64)
                found.append(int(rng.choice(len(p), p=p / p.sum())))
                x = np.array([[found[-1]]])
        return found


def train(seed: int, steps: int) -> float:
    """Train; print samples as it learns; return bits per character on text that it never saw."""
    rng = np.random.default_rng(seed)
    text = read()
    alphabet = sorted(set(text))
    codes = np.array([alphabet.index(c) for c in text])
    codes, unseen = codes[: -len(codes) // 10], codes[-len(codes) // 10 :]
    streams = codes[: len(codes) // BATCH * BATCH].reshape(BATCH, -1)
    model = Writer(len(alphabet), rng)
    optimizer = nn.optim.Adam(model, lr=4e-3)
    fall = nn.optim.CosineAnnealingLR(optimizer, steps, 4e-4)
    state, at = None, 0
    with Progress(*Progress.get_default_columns(), "loss {task.fields[loss]:.2f}") as progress:
        task = progress.add_task("steps", total=steps, loss=float("nan"))
        for step in range(1, steps + 1):
            if at + STEPS_BACK + 1 > streams.shape[1]:
                state, at = None, 0
            x = streams[:, at : at + STEPS_BACK]
            y = streams[:, at + 1 : at + STEPS_BACK + 1]
            scores, state = model(x, state)
            state = tuple(part.detach() for part in state)
            loss = bs.cross_entropy(scores.reshape(-1, len(alphabet)), labels=y.reshape(-1))
            optimizer.zero_grad()
            loss.backward()
            nn.optim.clip_grad_norm(model, 1.0)
            optimizer.step()
            fall.step()
            at += STEPS_BACK
            progress.update(task, advance=1, loss=loss.item())
            if step % (steps // 3) == 0:
                begin = np.array([alphabet.index(c) for c in "def "])
                written = "".join(alphabet[i] for i in model.sample(begin, 200, rng))
                progress.console.print(f"── after {step} steps ──", style="bold")
                progress.console.print(f"def {written}\n", markup=False, highlight=False)
    with bs.no_grad():
        cut = unseen[: len(unseen) // 201 * 201].reshape(-1, 201)
        scores, _ = model(cut[:, :-1])
        flat = scores.value.reshape(-1, len(alphabet))
        loss = bs.cross_entropy(flat, labels=cut[:, 1:].reshape(-1))
    return float(loss / np.log(2))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=600)
    options = parser.parse_args()
    print(f"bits per unseen character: {train(options.seed, options.steps):.2f}")
