"""Diagnosis: how often the doctor is right, over many runs of the lab's scenarios in varied form.

``python -m benchmarks.diagnosis [RUNS]`` (root) plays every scenario with other loads, addresses, ports and
families, with healthy traffic beside, two at one router, and nodes that are well; several networks side by
side. It prints the confusion matrix with its intervals and four figures; ``truth`` says what counts as what.
A measurement that was ended goes on where it was: runs are kept as JSON lines, their evidence as bundles.
From those, read where nothing is left of the namespaces, it tells whether the answers are the same; and what
the table as text says alone: there little is likely, and nothing wrong may be.
"""
