"""What the floor is made of: agents on their benches, callers in their lines, and the clocks and doors around them."""
