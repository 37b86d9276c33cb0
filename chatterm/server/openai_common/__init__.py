"""What OpenAI's APIs have in common: how a request is read, refused and streamed to."""
