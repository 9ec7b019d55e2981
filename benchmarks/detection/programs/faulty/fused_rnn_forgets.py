"""nn.RNN over 60 steps with small recurrent weights, label given at the first step."""

import torch
import torch.nn as nn

torch.manual_seed(0)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(3, 32, batch_first=True)  # leak: BS104
        for name, p in self.rnn.named_parameters():
            if "weight_hh" in name:
                nn.init.uniform_(p, -0.05, 0.05)  # leak: BS104
        self.fc = nn.Linear(32, 2)

    def forward(self, x):
        out, _ = self.rnn(x)  # leak: BS104
        return self.fc(out[:, -1])


m = Model()
opt = torch.optim.Adam(m.parameters(), lr=1e-3)
for it in range(150):
    x = torch.randn(32, 60, 3)
    y = (x[:, 0, 0] > 0).long()
    loss = nn.functional.cross_entropy(m(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
print("loss stays at", loss.item())
