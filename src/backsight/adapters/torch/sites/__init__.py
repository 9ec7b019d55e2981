"""What is seen at the nodes of a PyTorch graph: a module for each kind of site."""
