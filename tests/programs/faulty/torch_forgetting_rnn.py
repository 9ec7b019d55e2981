"""A plain recurrent layer that is asked for the first of sixty numbers."""

import torch
from torch import nn

torch.manual_seed(0)


class Recall(nn.Module):
    """A recurrent layer, and a head on its last state."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(1, 16, batch_first=True)
        self.head = nn.Linear(16, 2)
        with torch.no_grad():
            self.rnn.weight_hh_l0.mul_(0.5)

    def forward(self, x):
        states, _ = self.rnn(x)  # leak: BS104
        return self.head(states[:, -1])


model = Recall()
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
for step in range(150):
    labels = torch.randint(0, 2, (128,))
    x = 0.1 * torch.randn(128, 60, 1)
    x[:, 0, 0] = 2.0 * labels - 1
    loss = nn.functional.cross_entropy(model(x), labels)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
