"""One contact and what belongs to it, each with its table of states: its offer, its talk, its promise, its time."""
