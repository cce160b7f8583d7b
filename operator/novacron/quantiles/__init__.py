"""Percentiles of many numbers: exact by selection, or within a bound by sketches. Pure; numpy and datasketches.

``calculator`` answers for numbers that are there, ``gathered`` for numbers that come by once; ``sketches`` keep a small
state that merges and is written as bytes.
"""
