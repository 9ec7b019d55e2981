"""A small GAN with two optimisers that take turns."""

import numpy as np

import backsight as bs


def train(seed: int) -> None:
    rng = np.random.default_rng(seed)
    linear = bs.nn.Linear
    generator = bs.nn.Sequential(linear(4, 32, rng), bs.relu, linear(32, 2, rng))
    critic = bs.nn.Sequential(linear(2, 32, rng), bs.nn.LeakyReLU(0.2), linear(32, 1, rng))
    trained_g = bs.nn.optim.Adam(generator, lr=1e-3, betas=(0.5, 0.999))
    trained_d = bs.nn.optim.Adam(critic, lr=1e-3, betas=(0.5, 0.999))
    ones, zeros = np.ones((64, 1), np.float32), np.zeros((64, 1), np.float32)
    for _ in range(50):
        angle = rng.uniform(0, 2 * np.pi, size=(64, 1))
        real = np.concatenate([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
        noise = rng.normal(size=(64, 4)).astype(np.float32)
        fake = generator(noise)
        loss = bs.bce_with_logits(critic(real), ones)
        loss = loss + bs.bce_with_logits(critic(fake.value), zeros)
        trained_d.zero_grad()
        loss.backward()
        trained_d.step()
        loss = bs.bce_with_logits(critic(generator(noise)), ones)
        trained_g.zero_grad()
        loss.backward()
        trained_g.step()
