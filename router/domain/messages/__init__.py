"""All that crosses the border of the engine: asked, seen, decided, to be done; and which of it is kept for ever."""
