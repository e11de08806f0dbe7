"""Stand-in Intuit and Xero: faithful, strict ASGI simulators reached by base URL only."""
