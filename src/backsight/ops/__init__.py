"""Every op by name. Those that would hide a builtin in their module are called by their own name here."""

from .activations import *  # noqa: F403
from .arithmetic import *  # noqa: F403
from .arithmetic import absolute as abs  # noqa: A004
from .arithmetic import round_ as round  # noqa: A004
from .attention import *  # noqa: F403
from .classification import *  # noqa: F403
from .convolution import *  # noqa: F403
from .indexing import *  # noqa: F403
from .losses import *  # noqa: F403
from .normalization import *  # noqa: F403
from .pooling import *  # noqa: F403
from .products import *  # noqa: F403
from .protocol import OPS as OPS
from .protocol import Op as Op
from .protocol import op as op
from .reductions import *  # noqa: F403
from .reductions import max_ as max  # noqa: A004
from .reductions import min_ as min  # noqa: A004
from .reductions import sum_ as sum  # noqa: A004
from .sequences import *  # noqa: F403
from .shapes import *  # noqa: F403
from .windows import *  # noqa: F403
