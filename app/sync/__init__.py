"""What happens between our books and a provider's, in the background and only while holding the connection's lease."""
