"""Healthy training programs, as users write them: none of them may give a finding.

Each module has one function, `train(seed)`, that trains for some 60 to 150 steps.
"""
