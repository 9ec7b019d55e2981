"""The updates of a run: optimisers, their construction, and the norms of every step."""
