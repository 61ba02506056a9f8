"""Planning: which remedies fit this node, in which order, with what effect, and why not the others.

Pure: from a diagnosis and the evidence that it rests on to a plan.
"""
