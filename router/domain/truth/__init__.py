"""What is so, against what is believed: Asterisk's calls and its log against ours, and the floor's own laws."""
