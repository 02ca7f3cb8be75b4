"""`--vary PARAMETER=KIND:SIZE`: a seasonal or operational factor from the command line."""

import re

from bot.capacity.variation import Factor, How, scatter, season
from bot.errors import UsageError

_FORM = re.compile(r"(?P<parameter>[a-z0-9_]+)=(?P<kind>season|normal):(?P<size>\d+(\.\d+)?(e-?\d+)?)(?P<share>%?)")


def factor(text: str) -> Factor:
    """`loss_db=season:0.6` swings by 0.6 dB, `t2_s=normal:10%` scatters by a tenth; raises UsageError."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise UsageError(
            f"--vary {text} is not PARAMETER=KIND:SIZE", hint="such as loss_db=season:0.6 or t2_s=normal:10%"
        )
    how: How = "multiply" if found["share"] else "add"
    size = float(found["size"]) / (100 if found["share"] else 1)
    make = season if found["kind"] == "season" else scatter
    return make(found["parameter"], size, how)
