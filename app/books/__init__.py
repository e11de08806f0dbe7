"""The firm's own records: what may be said of them (`inputs`), what must add up (`checks`), and storing them."""
