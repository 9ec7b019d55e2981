"""The engine: Tensors, the recording of ops, the walk, and derivatives of functions."""

from . import protocols as protocols
from .functions import grad as grad
from .functions import hessian as hessian
from .functions import hvp as hvp
from .functions import jacobian as jacobian
from .functions import jvp as jvp
from .functions import value_and_grad as value_and_grad
from .functions import vjp as vjp
from .modes import no_grad as no_grad
from .tape import gradients as gradients
from .tensors import Tensor as Tensor
from .tensors import tensor as tensor
