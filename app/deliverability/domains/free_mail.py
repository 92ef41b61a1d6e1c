"""Domains of free mailboxes, from which nobody but their owners can send in bulk, and names that are nobody's."""

from app.sending.domains.names import is_reserved, lineage

__all__ = ["FREE", "is_free_mail", "is_of_free_mail", "is_reserved", "why_not_free_mail"]

_LISTED = """
gmail.com googlemail.com
yahoo.com yahoo.co.uk yahoo.de yahoo.fr yahoo.it yahoo.es yahoo.ca yahoo.ie yahoo.gr yahoo.pl yahoo.se yahoo.no yahoo.dk
yahoo.ro yahoo.in yahoo.co.in yahoo.co.id yahoo.co.jp yahoo.com.au yahoo.com.br yahoo.com.mx yahoo.com.ar yahoo.com.sg
yahoo.com.ph yahoo.com.tr yahoo.com.vn yahoo.com.tw yahoo.com.hk ymail.com rocketmail.com myyahoo.com aol.com aol.de
aol.co.uk aim.com outlook.com outlook.de outlook.fr outlook.it outlook.es outlook.at outlook.dk outlook.ie outlook.pt
outlook.jp outlook.com.br outlook.com.au hotmail.com hotmail.co.uk hotmail.de hotmail.fr hotmail.it hotmail.es
hotmail.nl hotmail.be hotmail.se hotmail.ca hotmail.com.br hotmail.com.ar live.com live.co.uk live.de live.fr live.it
live.nl live.be live.ca live.se live.dk live.com.au live.com.mx live.com.ar msn.com passport.com windowslive.com
icloud.com me.com mac.com
gmx.de gmx.net gmx.com gmx.at gmx.ch gmx.fr gmx.es gmx.co.uk web.de email.de mail.de t-online.de freenet.de arcor.de
posteo.de mailbox.org mail.com email.com usa.com bluewin.ch hispeed.ch a1.net chello.at aon.at
proton.me protonmail.com protonmail.ch pm.me tutanota.com tutanota.de tuta.io tuta.com fastmail.com fastmail.fm hey.com
zoho.com zohomail.com zohomail.eu mailfence.com hushmail.com inbox.com
orange.fr wanadoo.fr free.fr laposte.net sfr.fr neuf.fr bbox.fr libero.it virgilio.it alice.it tin.it tiscali.it
telefonica.net sapo.pt ziggo.nl planet.nl hetnet.nl kpnmail.nl kpnplanet.nl telenet.be skynet.be
btinternet.com sky.com talktalk.net virginmedia.com ntlworld.com blueyonder.co.uk eircom.net
seznam.cz email.cz centrum.cz azet.sk freemail.hu citromail.hu abv.bg wp.pl o2.pl onet.pl op.pl interia.pl
mail.ru bk.ru list.ru inbox.ru internet.ru rambler.ru yandex.ru yandex.com ya.ru ukr.net i.ua
comcast.net verizon.net att.net sbcglobal.net bellsouth.net cox.net charter.net earthlink.net optonline.net juno.com
shaw.ca rogers.com sympatico.ca telus.net videotron.ca bigpond.com optusnet.com.au xtra.co.nz
uol.com.br bol.com.br terra.com.br ig.com.br rediffmail.com
qq.com foxmail.com 163.com 126.com yeah.net sina.com sohu.com aliyun.com naver.com daum.net hanmail.net nate.com
docomo.ne.jp ezweb.ne.jp softbank.ne.jp
"""
FREE = frozenset(_LISTED.split())


def is_free_mail(domain: str) -> bool:
    """Whether a sender's domain belongs to a provider of mailboxes."""
    return domain in FREE


def is_of_free_mail(domain: str) -> bool:
    """Whether it, or one that it lies under, is a provider's: there nobody else publishes records."""
    return any(above in FREE for above in lineage(domain))


def why_not_free_mail(domain: str) -> str:
    """Why a provider's domain cannot be set up as a sender's, and what to do."""
    return (
        f"{domain} belongs to a provider of mailboxes, and only the provider can publish records there. Mail in its "
        "name from anywhere else fails DMARC, so Gmail, Yahoo and Outlook refuse it or put it into the spam folder. "
        "Send from an address at a domain of your own, and add that one here."
    )
