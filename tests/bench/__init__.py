"""The bench, without sockets."""
