"""The records of a sender's domain: what to publish, what DNS has, and what receivers make of it."""
