"""What the site decided, as the engine reads it: queues and what they ask for, hours, treatment, conduct."""
