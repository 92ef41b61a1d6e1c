"""Domains of free mailboxes, from which nobody but their owners can send in bulk, and names that are nobody's."""

from app.sending.domains.names import is_reserved

__all__ = ["FREE", "is_free_mail", "is_reserved"]

_LISTED = """
gmail.com googlemail.com yahoo.com yahoo.co.uk yahoo.de yahoo.fr ymail.com rocketmail.com aol.com
outlook.com hotmail.com hotmail.co.uk hotmail.de hotmail.fr live.com msn.com icloud.com me.com mac.com
gmx.de gmx.net gmx.com gmx.at gmx.ch web.de t-online.de freenet.de mail.com mail.ru yandex.ru yandex.com
proton.me protonmail.com orange.fr free.fr laposte.net libero.it qq.com 163.com 126.com naver.com daum.net
comcast.net verizon.net att.net zoho.com tutanota.com fastmail.com hey.com
"""
FREE = frozenset(_LISTED.split())


def is_free_mail(domain: str) -> bool:
    """Whether a sender's domain belongs to a provider of mailboxes."""
    return domain in FREE
