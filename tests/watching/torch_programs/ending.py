"""What every program says at its end: its parameters bit for bit, and the state of its chance."""

import hashlib
import random

import numpy
import torch

random.seed(0)  # or each process would draw a state of its own, and no two could be compared
numpy.random.seed(0)


def tell(*tensors, **numbers):
    digest, chance = hashlib.sha256(), hashlib.sha256()
    for tensor in tensors:
        digest.update(tensor.detach().contiguous().view(-1).numpy().tobytes())
    chance.update(torch.get_rng_state().numpy().tobytes())
    chance.update(repr(random.getstate()).encode())
    chance.update(repr(numpy.random.get_state()).encode())
    print("end", digest.hexdigest()[:16], chance.hexdigest()[:16], sorted(numbers.items()))
