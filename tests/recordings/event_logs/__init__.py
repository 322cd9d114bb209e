"""Event logs of the stories, as a real Asterisk wrote them."""
