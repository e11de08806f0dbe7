"""When the database is away: what is nobody's mistake, told from what is."""

# Classes of SQLSTATE: connection lost, rolled back for others' sake, nothing to spare, cancelled or shutting down.
_PASSING = ("08", "40", "53", "57")


class Unavailable(Exception):
    """The server could not be reached, went away, or had no time or room: later the same transaction may work.

    Where it broke off in the commit, it is not known whether it was carried out.
    """


UNAVAILABLE: tuple[type[Exception], ...] = (Unavailable,)


def is_passing(error: BaseException | None) -> bool:
    """Whether an error of the driver's tells of such a state."""
    return (getattr(error, "sqlstate", None) or "").startswith(_PASSING)
