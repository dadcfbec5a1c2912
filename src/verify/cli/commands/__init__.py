"""One file per command. Heavy imports live inside the functions: `verify --help` stays fast."""
