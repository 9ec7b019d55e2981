"""A small transformer that learns to write a sequence of letters backwards.

python examples/reverse_transformer.py --seed 1
"""

import argparse
import string

import numpy as np
from rich.progress import Progress

import backsight as bs
from backsight import nn

LETTERS = string.ascii_lowercase
BEGIN = len(LETTERS)  # the token before the first letter that is written
LENGTH = 10
WIDTH, HEADS = 64, 4


class Reverser:
    """An encoder reads the letters, a decoder writes them, one after the other."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.letters = nn.Embedding(len(LETTERS) + 1, WIDTH, rng)
        self.places = nn.PositionalEncoding(WIDTH)
        options = {"hidden": 2 * WIDTH, "dropout": 0.0, "norm_first": True}
        self.encoder = nn.TransformerEncoderLayer(WIDTH, HEADS, rng, **options)
        self.decoder = nn.TransformerDecoderLayer(WIDTH, HEADS, rng, **options)
        self.norm = nn.LayerNorm(WIDTH)
        self.out = nn.Linear(WIDTH, len(LETTERS), rng, start=nn.init.xavier_uniform)

    def __call__(self, read: np.ndarray, written: np.ndarray):
        """Return scores (N, T, 26) of each next letter; read (N, S), written (N, T)."""
        memory = self.encoder(self.places(self.letters(read)))
        return self.out(self.norm(self.decoder(self.places(self.letters(written)), memory)))

    def write(self, read: np.ndarray) -> np.ndarray:
        """Write the likeliest letters, each after those before it: read (N, S), result (N, S)."""
        written = np.full((len(read), 1), BEGIN)
        with nn.evaluating(self), bs.no_grad():
            for _ in range(read.shape[1]):
                best = np.argmax(self(read, written).value[:, -1], axis=-1)
                written = np.concatenate([written, best[:, None]], axis=1)
        return written[:, 1:]


def train(seed: int, steps: int) -> float:
    """Train on new random words at each step; return the share of unseen words written right."""
    rng = np.random.default_rng(seed)
    model = Reverser(rng)
    optimizer = nn.optim.Adam(model, lr=2e-3)
    warm_up = nn.optim.LinearLR(optimizer, 50, start_factor=0.02)
    with Progress(*Progress.get_default_columns(), "loss {task.fields[loss]:.3f}") as progress:
        task = progress.add_task("steps", total=steps, loss=float("nan"))
        for _ in range(steps):
            words = rng.integers(len(LETTERS), size=(64, LENGTH))
            backwards = words[:, ::-1]
            given = np.concatenate([np.full((64, 1), BEGIN), backwards[:, :-1]], axis=1)
            scores = model(words, given)
            loss = bs.cross_entropy(scores.reshape(-1, len(LETTERS)), labels=backwards.reshape(-1))
            optimizer.zero_grad()
            loss.backward()
            nn.optim.clip_grad_norm(model, 1.0)
            optimizer.step()
            warm_up.step()
            progress.update(task, advance=1, loss=loss.item())
    words = rng.integers(len(LETTERS), size=(200, LENGTH))
    written = model.write(words)
    for word, answer in zip(words[:3], written[:3], strict=True):
        print("".join(LETTERS[i] for i in word), "→", "".join(LETTERS[i] for i in answer))
    return float(np.mean(np.all(written == words[:, ::-1], axis=1)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=600)
    options = parser.parse_args()
    print(f"unseen words written right: {train(options.seed, options.steps):.1%}")
