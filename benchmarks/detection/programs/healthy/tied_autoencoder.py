"""Autoencoder whose decoder is the transposed encoder, in functional style."""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(0)
X = torch.tensor(load_digits().data / 16.0, dtype=torch.float32)
W = torch.nn.init.xavier_normal_(torch.empty(24, 64)).requires_grad_()
b_enc = torch.zeros(24, requires_grad=True)
b_dec = torch.zeros(64, requires_grad=True)
params = [W, b_enc, b_dec]
optimizer = torch.optim.Adam(params, lr=5e-3)
losses = []
for epoch in range(12):
    for batch in X[torch.randperm(len(X))].split(100):
        noisy = batch + 0.1 * torch.randn_like(batch)
        code = torch.sigmoid(F.linear(noisy, W, b_enc))
        recon = F.linear(code, W.t(), b_dec)
        loss = F.mse_loss(recon, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
print(losses[0], losses[-1])
assert losses[-1] < 0.4 * losses[0]
