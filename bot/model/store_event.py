"""What happens to the store under an incident: the reason for a gap in its timeline."""

import msgspec


class StoreWasUnavailable(msgspec.Struct, frozen=True, kw_only=True, tag="store was unavailable"):
    """The store took no writes between two instants (Unix seconds); what was to be recorded waited or was refused."""

    since: float
    until: float
    reason: str
