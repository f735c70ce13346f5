"""Tests of the tests: small changes of the code, of which the tests must notice each.

`make mutants` runs a sample; its result, with a reason for every change that no test noticed, is
`survivors.json`. The mutations are cosmic-ray's; it would start a Python for each, which costs
seconds for torch and mlflow, so running them is done here, in forks of one warm process.
"""
