"""Servers that die at any write, links that break, disks that fill: in virtual time."""
