"""The stores, and what is expected of every one of them."""
