"""Step size beyond the stability limit: the loss goes up and down, then away."""

import torch

torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(10, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=1.5, momentum=0.9)  # leak: BS506
w = torch.randn(10)
for step in range(200):
    x = torch.randn(64, 10)
    y = (x @ w).unsqueeze(1)
    loss = torch.nn.functional.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 40 == 0:
        print(step, loss.item())
