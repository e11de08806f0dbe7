"""The store of tokens: sealed at rest, renewed once for everybody, and stored before they are used.

Nothing else reads a grant. A token leaves this package only as the argument of a provider call: no log, error or repr
holds one.
"""

from app.vault.store import GrantFacts, Vault

__all__ = ["GrantFacts", "Vault"]
