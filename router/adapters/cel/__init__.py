"""Asterisk's own event log (CEL), as asterisk/cel_custom.conf has it written: the second witness of every call."""
