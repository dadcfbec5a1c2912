"""How each simulated department speaks: its field names, units, dates and codes.

A dialect is two pure functions: `read` (request bytes to `Asked`) and `write` (the rows found,
as answer bytes). `ValueError`, `KeyError` and `TypeError` from `read` mean a bad request.
"""
