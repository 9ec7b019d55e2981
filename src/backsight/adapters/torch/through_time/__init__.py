"""How gradients fare on their way back through time: in loops by hand and in fused layers."""
