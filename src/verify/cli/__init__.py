"""The command line: one door among three (`api`, `cli`, `console`)."""
