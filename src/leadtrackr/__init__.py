"""LeadTrackr, self-hosted: takes leads in, lets them be rated, and sends each rating to the ad platforms."""

from typing import Final

__version__: Final = "0.1.0"
