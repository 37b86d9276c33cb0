"""Downloads of models: resumed after any break, checked while they are written, never half there.

``sources`` says which files a name means, ``pulling`` brings them; the others are its parts.
"""
