"""Pages of campaigns."""

from app.campaigns.views import cells, compose, index, ledger, preview, review, running
from app.campaigns.views.blueprint import bp

__all__ = ["bp", "cells", "compose", "index", "ledger", "preview", "review", "running"]
