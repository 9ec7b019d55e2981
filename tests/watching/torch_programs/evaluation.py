import torch
from ending import tell
from torch import nn

torch.manual_seed(11)
layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, batch_first=True)
net = nn.TransformerEncoder(layer, 2)
head = nn.Linear(16, 1)
attention = nn.MultiheadAttention(16, 2, batch_first=True)
opt = torch.optim.Adam([*net.parameters(), *head.parameters()], 1e-3)
for _ in range(24):
    x = torch.randn(4, 6, 16)
    net.train()
    loss = ((head(net(x)).mean(1) - 5).clamp(-1, 1) ** 2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    net.eval(), attention.eval()
    with torch.no_grad():  # another way through the layer, with other last digits
        print(
            repr(loss.item()), repr(net(x).sum().item()), repr(attention(x, x, x)[0].sum().item())
        )
    with torch.inference_mode():
        print(repr(head(net(x)).sum().item()))
tell(*net.parameters(), *head.parameters())
