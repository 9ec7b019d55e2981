"""Deep Q-learning on gymnasium's CartPole-v1, in NumPy with Backsight's engine.

Replay buffer, target network, ε-greedy actions, and `q[rows, a]` by an integer vector (Mnih et al.
2015). What is left open is the loss of the TD error: `dqn_clipping.py` and `dqn_huber.py` differ
in that alone. The environment is as gymnasium gives it: reward 1 a step, episodes end at 500.
"""

import argparse
import copy
from collections.abc import Callable

import gymnasium
import numpy as np

import backsight as bs
from backsight import nn

GAMMA = 0.99
HIDDEN = 256
LEARNING_RATE = 1e-3
BATCH = 64
WARM_UP = 1_000  # steps before the first update
TARGET_EVERY = 100  # updates from one copy of the target network to the next
EPSILON_LAST, EPSILON_STEPS = 0.05, 5_000  # epsilon falls from 1 along a straight line


class ReplayBuffer:
    """The transitions seen so far, and batches drawn from them."""

    def __init__(self, capacity: int) -> None:
        self.observations = np.zeros((capacity, 4), np.float32)
        self.actions = np.zeros(capacity, np.int64)
        self.rewards = np.zeros(capacity, np.float32)
        self.next_observations = np.zeros((capacity, 4), np.float32)
        self.terminals = np.zeros(capacity, np.float32)
        self.added = 0

    def add(self, observation, action, reward, next_observation, terminal) -> None:
        """Keep one transition; the oldest goes when the buffer is full."""
        row = self.added % len(self.actions)
        self.observations[row] = observation
        self.actions[row] = action
        self.rewards[row] = reward
        self.next_observations[row] = next_observation
        self.terminals[row] = terminal
        self.added += 1

    def sample(self, rng: np.random.Generator):
        """Draw a batch of transitions, with replacement."""
        rows = rng.integers(min(self.added, len(self.actions)), size=BATCH)
        return (
            self.observations[rows],
            self.actions[rows],
            self.rewards[rows],
            self.next_observations[rows],
            self.terminals[rows],
        )


def linear(inputs: int, outputs: int, rng: np.random.Generator) -> nn.Linear:
    """Make a layer whose weights and biases begin as in PyTorch: uniform within ±1/√inputs.

    Biases at zero make even the Huber loss unreliable here: one seed in three stays below 115.
    """
    layer = nn.Linear(inputs, outputs, rng)
    bound = inputs**-0.5
    for parameter in (layer.w, layer.b):
        parameter.value = rng.uniform(-bound, bound, parameter.shape)
    return layer


def train(loss_of: Callable, steps: int, seed: int) -> list[float]:
    """Train for `steps` steps of the environment on `loss_of(delta)`, delta the (64,) TD errors.

    Returns the return of each finished episode; prints how it goes every 1,000 steps.
    """
    rng = np.random.default_rng(seed)
    environment = gymnasium.make("CartPole-v1")
    online = nn.Sequential(linear(4, HIDDEN, rng), nn.ReLU(), linear(HIDDEN, 2, rng))
    target = copy.deepcopy(online)
    optimiser = nn.optim.Adam(online, lr=LEARNING_RATE)
    buffer = ReplayBuffer(50_000)

    returns, total, updates = [], 0.0, 0
    observation, _ = environment.reset(seed=seed)
    for step in range(1, steps + 1):
        epsilon = max(EPSILON_LAST, 1 - (1 - EPSILON_LAST) * step / EPSILON_STEPS)
        if rng.random() < epsilon:
            action = int(rng.integers(2))
        else:
            with bs.no_grad():
                action = int(np.argmax(online(observation)))
        next_observation, reward, terminated, truncated, _ = environment.step(action)
        buffer.add(observation, action, reward, next_observation, terminated)
        observation, total = next_observation, total + reward
        if terminated or truncated:
            returns.append(total)
            observation, total = environment.reset()[0], 0.0
        if step % 1000 == 0:
            mean = np.mean(returns[-20:])
            print(f"step {step:6d}  mean return of the last 20 episodes {mean:6.1f}", flush=True)
        if step <= WARM_UP:
            continue

        s, a, r, s_next, terminal = buffer.sample(rng)
        with bs.no_grad():
            q_next = target(s_next).value.max(axis=1)
        target_q = r + np.float32(GAMMA) * (1 - terminal) * q_next
        q = online(s)
        q_acted = q[np.arange(BATCH), a]
        loss = loss_of(target_q - q_acted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        updates += 1
        if updates % TARGET_EVERY == 0:
            target = copy.deepcopy(online)
    return returns


def main(loss_of: Callable, description: str) -> None:
    """Train as the command line says, and print the mean return at the end."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=30_000)
    options = parser.parse_args()
    returns = train(loss_of, options.steps, options.seed)
    print(f"mean return of the last 20 episodes: {np.mean(returns[-20:]):.1f}")
