"""The whole system under a virtual clock: real parts of the router, models of everything around it."""
