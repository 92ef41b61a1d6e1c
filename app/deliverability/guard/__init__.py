"""The guard: pauses campaigns that people complain about, holds lanes of providers that refuse us by letter."""
