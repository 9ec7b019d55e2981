"""A DQN that does not learn: its TD error is clipped before it is squared.

The code that Karpathy met in the wild ("Yes you should understand backprop", 2016). It looks robust
from the forward pass. Ask the backward pass:

    backsight run examples/dqn_clipping.py
"""

import numpy as np
from cartpole_dqn import main


def loss_of(delta):
    """Mean squared error of the clipped TD error."""
    return np.mean(np.square(np.clip(delta, -1.0, 1.0)))


if __name__ == "__main__":
    main(loss_of, __doc__.splitlines()[0])
