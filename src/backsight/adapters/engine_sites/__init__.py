"""What the engine's backward walks show of activations, parameters, recurrences and losses."""
