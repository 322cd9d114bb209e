"""The floor as it is written down, and put together again after a restart or a takeover."""
