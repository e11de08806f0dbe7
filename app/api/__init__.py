"""HTTP for programs: one module per resource, each with a `router`."""
