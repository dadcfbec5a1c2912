"""A whole city at once: people, their households, and what the departments hold about them.

The vectorised sibling of `verify.simulate.population`: every value is a pure function of (seed,
column, row number), so any block of households can be made alone, in any order, on any machine,
and memory does not grow with the size of the city. Nobody in it exists.
"""
