"""The way of one contact through the router: when each thing happened, was read, taken, decided and written."""
