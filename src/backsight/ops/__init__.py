from . import arithmetic, indexing, products, reductions, shapes
from . import activations
from . import losses
from . import classification
from . import normalization
from . import sequences
from . import attention
