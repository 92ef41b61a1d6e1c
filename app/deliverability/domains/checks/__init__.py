"""The checks of one domain, each a function of the facts and of DNS; they raise TemporaryFailure where it is silent."""
