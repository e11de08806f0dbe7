"""What both HTTP faces share: who calls, what an error looks like, pages, limits."""
