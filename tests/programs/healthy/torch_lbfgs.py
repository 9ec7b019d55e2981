"""LBFGS with a closure: forward and backward happen inside the optimiser's step."""

import torch

torch.manual_seed(0)
x = torch.linspace(-1, 1, 128).unsqueeze(1)
y = 0.5 * x**3 - x + 0.3
model = torch.nn.Sequential(torch.nn.Linear(1, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
optimizer = torch.optim.LBFGS(model.parameters(), max_iter=5, line_search_fn="strong_wolfe")


def closure():
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(model(x), y)
    loss.backward()
    return loss


for _ in range(6):
    loss = optimizer.step(closure)
print(loss.item())
