"""A convolutional network on scikit-learn's digits: at least 98 % of unseen digits are right.

python examples/digits_cnn.py --seed 1
"""

import argparse

import numpy as np
from digits_mlp import accuracy, fit, load

from backsight import nn


def network(rng: np.random.Generator):
    """Make two blocks of convolution, batch norm and ReLU, then a classifier: x (N, 1, 8, 8)."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, rng, padding=1, bias=False),
        nn.BatchNorm(16),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, rng, padding=1, bias=False),
        nn.BatchNorm(32),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.3, rng),
        nn.Linear(32 * 4 * 4, 10, rng),
    )


def train(seed: int, epochs: int) -> float:
    """Train, and return the accuracy on the test set."""
    rng = np.random.default_rng(seed)
    (x, y), (x_test, y_test) = load(seed)
    x, x_test = x.reshape(-1, 1, 8, 8), x_test.reshape(-1, 1, 8, 8)
    net = network(rng)
    fit(net, x, y, epochs, size=64, lr=3e-3, rng=rng)
    return accuracy(net, x_test, y_test)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=20)
    options = parser.parse_args()
    print(f"test accuracy {train(options.seed, options.epochs):.2%}")
