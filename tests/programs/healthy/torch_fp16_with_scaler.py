"""Word prediction under float16 autocast with a GradScaler."""

import torch
from torch import nn

torch.manual_seed(0)
words, width = 2000, 32
embed = nn.Embedding(words, width)
body = nn.Sequential(nn.Linear(width, width), nn.Tanh())
head = nn.Linear(width, words)
parameters = [*embed.parameters(), *body.parameters(), *head.parameters()]
optimizer = torch.optim.AdamW(parameters, lr=2e-3)
scaler = torch.amp.GradScaler("cpu", init_scale=2.0**16)
tokens = torch.randint(0, words, (512,))
following = (tokens * 7 + 3) % words
for step in range(60):
    with torch.autocast("cpu", dtype=torch.float16):
        logits = head(body(embed(tokens)))
    loss = nn.functional.cross_entropy(logits.float(), following)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(parameters, 1.0)
    scaler.step(optimizer)
    scaler.update()
print(loss.item())
