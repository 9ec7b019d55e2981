"""A config, a Trainer class and a command line; the model lives in another file."""

import argparse
import time

import torch
from _models import build_model


class Trainer:
    def __init__(self, cfg):
        self.cfg = cfg
        torch.manual_seed(cfg.seed)
        self.model = build_model(cfg.width, cfg.depth)
        self.optimizer = getattr(torch.optim, cfg.optim)(self.model.parameters(), lr=cfg.lr)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, cfg.steps)
        self.weights = torch.randn(12)
        self.history = []

    def batch(self):
        x = torch.randn(self.cfg.batch_size, 12)
        return x, torch.tanh(x @ self.weights).unsqueeze(-1)

    def train_step(self):
        x, y = self.batch()
        self.optimizer.zero_grad(set_to_none=True)
        loss = torch.nn.functional.huber_loss(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        self.scheduler.step()
        return loss.item()

    def run(self):
        start = time.time()
        for step in range(self.cfg.steps):
            self.history.append(self.train_step())
            if step % self.cfg.log_every == 0:
                print(f"[{step}] {self.history[-1]:.4f}")
        return time.time() - start


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--optim", default="AdamW")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--log-every", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    trainer = Trainer(parser.parse_args())
    trainer.run()
    assert sum(trainer.history[-10:]) < 0.5 * sum(trainer.history[:10])
