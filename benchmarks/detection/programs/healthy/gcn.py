"""Graph convolution by matrix product, semi-supervised."""

import torch
import torch.nn.functional as F

torch.manual_seed(0)
n, k = 120, 3
label = torch.randint(0, k, (n,))
prob = torch.where(label[:, None] == label[None], 0.15, 0.01)
A = torch.bernoulli(prob).triu(1)
A = A + A.T + torch.eye(n)
deg = A.sum(1)
A_hat = A / deg.sqrt()[:, None] / deg.sqrt()[None]
X = torch.randn(n, 16) + F.one_hot(label, k).float() @ torch.randn(k, 16)
train_mask = torch.rand(n) < 0.4


class GCN(torch.nn.Module):
    def __init__(self, i, h, o):
        super().__init__()
        self.W1 = torch.nn.Parameter(torch.empty(i, h))
        self.W2 = torch.nn.Parameter(torch.empty(h, o))
        for w in (self.W1, self.W2):
            torch.nn.init.xavier_uniform_(w)

    def forward(self, a, x):
        h = F.relu(a @ x @ self.W1)
        h = F.dropout(h, 0.5, training=self.training)
        return F.log_softmax(a @ h @ self.W2, dim=1)


model = GCN(16, 32, k)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)
losses = []
for epoch in range(200):
    model.train()
    optimizer.zero_grad()
    out = model(A_hat, X)
    loss = F.nll_loss(out[train_mask], label[train_mask])
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
model.eval()
acc = (model(A_hat, X).argmax(1) == label)[~train_mask].float().mean()
print(losses[0], losses[-1], acc.item())
assert losses[-1] < 0.5 * losses[0]
