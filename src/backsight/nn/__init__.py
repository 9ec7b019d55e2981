"""Layers, initialisers and optimisers over the ops."""

from . import init as init
from . import optim as optim
from .layers import GELU as GELU
from .layers import LeakyReLU as LeakyReLU
from .layers import Linear as Linear
from .layers import ReLU as ReLU
from .layers import Sequential as Sequential
from .layers import Sigmoid as Sigmoid
from .layers import SiLU as SiLU
from .layers import Tanh as Tanh
from .parameters import load as load
from .parameters import parameters as parameters
from .parameters import save as save
