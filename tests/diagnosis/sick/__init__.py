"""Training programs with one leak each, as users write them; every module names it in `LEAK`.

`LEAK` is the code that must stand first; `WITH` what must be listed under it, if anything.
"""
