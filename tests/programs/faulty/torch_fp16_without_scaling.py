"""Word prediction under float16 autocast, without scaling the loss: gradients vanish."""

import torch
from torch import nn

torch.manual_seed(0)
words, width = 2000, 32
embed = nn.Embedding(words, width)
body = nn.Sequential(nn.Linear(width, width), nn.Tanh())
head = nn.Linear(width, words)
parameters = [*embed.parameters(), *body.parameters(), *head.parameters()]
optimizer = torch.optim.SGD(parameters, lr=0.5)
tokens = torch.randint(0, words, (512,))
following = (tokens * 7 + 3) % words
for step in range(30):
    with torch.autocast("cpu", dtype=torch.float16):
        logits = head(body(embed(tokens)))
    loss = nn.functional.cross_entropy(logits.float(), following)  # leak: BS402
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(loss.item())
