"""The demonstration: two firms' books and the story told with them over HTTP."""
