"""Where callers come in, stand behind a door or before an empty bench, press a key, and go on from."""
