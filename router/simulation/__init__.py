"""A call centre in virtual time: the real engine against a seeded model of Asterisk and of the people on both sides."""
