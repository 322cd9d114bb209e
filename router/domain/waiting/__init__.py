"""What is done for those in line: what they hear, how long it may take, who is urgent, who is kept for one agent."""
