"""The agents' side: who is known, what they choose to be, what else they have in hand, what a call leaves them."""
