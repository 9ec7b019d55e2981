"""The same DQN with the Huber loss in place of the clip: it learns.

backsight run examples/dqn_huber.py
"""

import numpy as np
from cartpole_dqn import main

import backsight as bs


def loss_of(delta):
    """Huber loss of the TD error: its gradient is clipped, the error is not."""
    return np.mean(bs.huber(delta, delta=1.0))


if __name__ == "__main__":
    main(loss_of, __doc__.splitlines()[0])
