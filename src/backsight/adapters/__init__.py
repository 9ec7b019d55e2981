"""Sources: what a framework computes, as traces and as observations."""
