"""A forward and backward pass of PyTorch as a Trace: calls seen, said in our ops, checked."""
