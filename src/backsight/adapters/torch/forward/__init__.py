"""What only the forward can tell: values that leave the graph, and calls of modules."""
