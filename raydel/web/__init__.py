"""The thin edge: bytes of HTTP and WebSocket in, calls of our interfaces out."""
