"""Draining a table: entries that a filter takes are given less time or removed, by proof of death.

``looking`` reads the table and judges, ``acting`` carries out. Between the two stands whoever agrees.
What was done cannot be undone; what was there is kept as a file that ``conntrack -R`` puts in again.
"""
