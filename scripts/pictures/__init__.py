"""Takes the pictures of the README: the real program, driven by keys, drawn as SVG."""
