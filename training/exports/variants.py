"""Variants made from an export with fixed axes: other weight types, optimised graphs, stripped names."""


class NotApplicable(Exception):
    """The variant does not exist for this model; the message says why."""


DERIVED = {}
