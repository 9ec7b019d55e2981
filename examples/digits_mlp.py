"""A fully connected network on scikit-learn's digits: at least 97 % of unseen digits are right.

python examples/digits_mlp.py --seed 1
"""

import argparse

import numpy as np
from rich.progress import track
from sklearn.datasets import load_digits

import backsight as bs
from backsight import nn


def load(seed: int):
    """Load 8×8 images of digits; keep a fifth for the test. Pixels are scaled to 0…1."""
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype(np.float32)
    return nn.data.split(x, y, share=0.8, generator=np.random.default_rng(seed))


def accuracy(net, x, y) -> float:
    """Return the share of labels that the network gets right."""
    with nn.evaluating(net), bs.no_grad():
        return float(np.mean(np.argmax(net(x).value, axis=1) == y))


def fit(net, x, y, epochs: int, size: int, lr: float, rng: np.random.Generator) -> None:
    """Train a classifier with AdamW and a learning rate that falls along a cosine."""
    optimizer = nn.optim.AdamW(net, lr=lr)
    schedule = nn.optim.CosineAnnealingLR(optimizer, epochs)
    for _ in track(range(epochs), description="epochs"):
        for images, labels in nn.data.batches(x, y, size=size, generator=rng):
            loss = bs.cross_entropy(net(images), labels=labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()


def train(seed: int, epochs: int) -> float:
    """Train, and return the accuracy on the test set."""
    rng = np.random.default_rng(seed)
    (x, y), (x_test, y_test) = load(seed)
    net = nn.Sequential(
        nn.Linear(64, 128, rng),
        nn.ReLU(),
        nn.Dropout(0.2, rng),
        nn.Linear(128, 64, rng),
        nn.ReLU(),
        nn.Linear(64, 10, rng),
    )
    fit(net, x, y, epochs, size=32, lr=2e-3, rng=rng)
    return accuracy(net, x_test, y_test)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=40)
    options = parser.parse_args()
    print(f"test accuracy {train(options.seed, options.epochs):.2%}")
