"""Pictures of passes, of runs and of ops."""

from .flow import draw_gradient_flow as draw_gradient_flow
from .flow import draw_gradient_map as draw_gradient_map
from .flow import draw_update_ratios as draw_update_ratios
from .graph import Drawing as Drawing
from .graph import draw as draw
from .histograms import draw_histograms as draw_histograms
from .histograms import draw_local_derivatives as draw_local_derivatives
from .ops import draw_op as draw_op
from .runs import draw_gradient_norm as draw_gradient_norm
from .runs import draw_learning_rate as draw_learning_rate
from .runs import draw_loss as draw_loss
from .through_time import draw_through_time as draw_through_time
from .units import draw_saturation as draw_saturation
from .units import draw_units as draw_units
