import torch
from ending import tell
from torch import nn

torch.manual_seed(14)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(True))
        self.lstm = nn.LSTM(4, 8, 2, dropout=0.1, bidirectional=True)
        self.gru, self.rnn = nn.GRU(16, 8), nn.RNN(8, 8)
        self.attention, self.norm = nn.MultiheadAttention(8, 2), nn.LayerNorm(8)
        self.embedding, self.out = nn.Embedding(10, 8), nn.utils.weight_norm(nn.Linear(8, 3))

    def forward(self, x, i):
        h = self.conv(x).mean(3).permute(2, 0, 1)
        h = self.rnn(self.gru(self.lstm(h)[0])[0])[0] + self.embedding(i)
        h = h + self.attention(h, h, h)[0]
        h = nn.functional.scaled_dot_product_attention(h, h, h)
        return self.out(self.norm(h)).mean(0)


net = Net()
opt = torch.optim.RMSprop(net.parameters(), 1e-3)
for _ in range(24):
    x, i = torch.randn(5, 1, 9, 9), torch.randint(0, 10, (7, 5))
    loss = nn.CrossEntropyLoss()(net(x, i), torch.randint(0, 3, (5,)))
    opt.zero_grad()
    loss.backward()
    opt.step()
    print(repr(loss.item()))
tell(*net.parameters(), *net.buffers())
