"""An estimator with fit and predict, early stopping on a validation split."""

import numpy as np
import torch
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler


class TorchRegressor(BaseEstimator, RegressorMixin):
    def __init__(self, hidden=32, lr=3e-3, epochs=60, patience=10, seed=0):
        self.hidden, self.lr, self.epochs = hidden, lr, epochs
        self.patience, self.seed = patience, seed

    def fit(self, X, y):
        torch.manual_seed(self.seed)
        self.xs_, self.ys_ = StandardScaler().fit(X), StandardScaler().fit(y[:, None])
        X = torch.tensor(self.xs_.transform(X), dtype=torch.float32)
        y = torch.tensor(self.ys_.transform(y[:, None]), dtype=torch.float32)
        cut = int(0.8 * len(X))
        self.net_ = torch.nn.Sequential(
            torch.nn.Linear(X.shape[1], self.hidden),
            torch.nn.ReLU(),
            torch.nn.Linear(self.hidden, 1),
        )
        opt = torch.optim.Adam(self.net_.parameters(), lr=self.lr, weight_decay=1e-3)
        best, since = np.inf, 0
        self.curve_ = []
        for _ in range(self.epochs):
            self.net_.train()
            for i in torch.randperm(cut).split(32):
                loss = torch.nn.functional.mse_loss(self.net_(X[i]), y[i])
                opt.zero_grad()
                loss.backward()
                opt.step()
                self.curve_.append(loss.item())
            self.net_.eval()
            with torch.no_grad():
                val = torch.nn.functional.mse_loss(self.net_(X[cut:]), y[cut:]).item()
            best, since = (val, 0) if val < best else (best, since + 1)
            if since > self.patience:
                break
        return self

    @torch.no_grad()
    def predict(self, X):
        X = torch.tensor(self.xs_.transform(X), dtype=torch.float32)
        return self.ys_.inverse_transform(self.net_(X).numpy())[:, 0]


X, y = load_diabetes(return_X_y=True)
model = TorchRegressor().fit(X, y)
print("r2", model.score(X, y))
assert model.score(X, y) > 0.4
