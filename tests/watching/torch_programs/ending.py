"""What every program says at its end: its parameters bit for bit, and the state of its chance."""

import hashlib

import torch


def tell(*tensors, **numbers):
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(tensor.detach().contiguous().view(-1).numpy().tobytes())
    chance = hashlib.sha256(torch.get_rng_state().numpy().tobytes())
    print("end", digest.hexdigest()[:16], chance.hexdigest()[:16], sorted(numbers.items()))
