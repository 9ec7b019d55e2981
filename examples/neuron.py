"""One neuron and one step of gradient descent, small enough to be worked by hand.

    backsight derive examples/neuron.py      the chain rule, line by line
    backsight draw examples/neuron.py        the same as a graph

A sigmoid neuron with two inputs, W = [2, −3] and b = −3, sees x = [−1, −2] and should say 1.
"""

import numpy as np

import backsight as bs

x = np.array([-1.0, -2.0])
y = 1.0

W = bs.tensor([2.0, -3.0], name="W")
b = bs.tensor(-3.0, name="b")

z = W @ x + b
a = bs.sigmoid(z)
C = 0.5 * (y - a) ** 2
C.backward()

W.value -= W.grad
b.value -= b.grad
print(f"a was {a.item():.6f} and is {bs.sigmoid(W @ x + b).item():.6f}")
