"""Several moments of one node: what is new, what stayed, what left, and how fast it really grows.

document    the part of the diagnosis that says so
columns     those of the flow table that are looked at
names       which entries of two tables are the same
known       what is kept of a table for that, and whether a tuple stands for the same connection
moments     a node at one moment; which of two was earlier, and whether they are of one node
measured    what came between two moments, as the pace that a forecast goes by
tables      two moments of one table
findings    what is wrong then and now
changes     settings, rules and counters then and now
comparing   all of it together

Importing this package loads none of them.
"""
