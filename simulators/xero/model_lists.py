"""Small lists of an organisation: tracking categories and contact groups."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TrackingOption:
    """One choice of a tracking category."""

    id: str
    name: str
    status: str = "ACTIVE"


@dataclass(frozen=True)
class TrackingCategory:
    """A dimension of the books, at most two of them active."""

    id: str
    name: str
    status: str = "ACTIVE"
    options: tuple[TrackingOption, ...] = ()

    def option(self, key: str) -> TrackingOption | None:
        """The option with this id."""
        return next((option for option in self.options if option.id == key), None)


@dataclass(frozen=True)
class ContactGroup:
    """A named set of contacts."""

    id: str
    name: str
    status: str = "ACTIVE"
    contacts: tuple[str, ...] = ()
