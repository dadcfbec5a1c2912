"""`verify demo`: the newcomer's one command, told as a story in numbered steps."""
