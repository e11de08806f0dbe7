"""HTTP out: one folder per provider behind the protocol of `base`; no database and no web framework here."""
