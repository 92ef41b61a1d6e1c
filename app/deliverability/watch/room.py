"""The pages under /deliverability: one blueprint, whose routes stand beside what they show."""

from flask import Blueprint

bp = Blueprint("deliverability", __name__, url_prefix="/w/<ws>/deliverability")
