"""PyTorch as a source: its backward passes as observations, without a change to the script.

The one place that imports torch. Whoever imports a module of this package has torch loaded.
"""
