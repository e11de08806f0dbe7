"""Everything that speaks SQL: sessions, tables, and plain query functions per noun."""
