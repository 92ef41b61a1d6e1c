"""Whether a call is the provider's: one module for each way of proving it, over the bytes as they came."""
