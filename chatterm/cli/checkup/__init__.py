"""What ``chatterm doctor`` looks at, one module for each kind of thing.

Nothing here changes anything, and a check that cannot be made says so instead of failing.
"""
