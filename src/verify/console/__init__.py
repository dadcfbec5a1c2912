"""Pages for people: the report, and a small console to reach it. No scripts, nothing external."""
