"""The exports: what is written is read back, by other readers than ours."""
