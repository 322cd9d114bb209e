"""What happens on the phone: a ring, a talk, a call-back that is owed and made, and the end of each."""
