"""Every op by name, also those that would hide a builtin in their own module."""

from .activations import *  # noqa: F403
from .arithmetic import *  # noqa: F403
from .arithmetic import absolute as abs  # noqa: F401
from .arithmetic import round_ as round  # noqa: F401
from .indexing import *  # noqa: F403
from .losses import *  # noqa: F403
from .normalization import *  # noqa: F403
from .products import *  # noqa: F403
from .protocol import OPS as OPS
from .protocol import Op as Op
from .protocol import op as op
from .reductions import *  # noqa: F403
from .reductions import max_ as max  # noqa: F401
from .reductions import min_ as min  # noqa: F401
from .reductions import sum_ as sum  # noqa: F401
from .sequences import *  # noqa: F403
from .shapes import *  # noqa: F403
from .windows import *  # noqa: F403
