"""The nouns of the field. Standard library only, frozen, no law, no I/O."""
