"""What `ringfair doctor` looks at, one part a file. Each asks within a deadline and judges what it found."""
