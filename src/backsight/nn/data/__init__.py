"""Data: batches in a drawn order, splits, scaling, and readers of well-known files."""

from .batches import batches as batches
from .batches import check_data as check_data
from .batches import split as split
from .batches import standardised as standardised
from .readers import read_cifar10 as read_cifar10
from .readers import read_idx as read_idx
from .readers import read_mnist as read_mnist
