"""The embedded llama.cpp engine: a client here, and a host process that holds the model."""
