"""Challenges: programs that hold a mail back until its sender shows to be a person."""

import re

from app.mail.fields import Fields

# What services that hold mail back write from. Some give their customers mailboxes there, too.
_SERVICES = re.compile(r"@(?:[\w-]+\.)*(?:boxbe|spamarrest|mailinblack|bluebottle|sendio)\.[a-z]{2,3}\b", re.IGNORECASE)
# What is asked for, and why: both must be said. A space for any blanks.
_ASKS = (
    r"(?:confirm|verify|authenticat\w+|prove|validate|click|reply to this|respond|add yourself|fill (?:out|in)"
    r"|use the link|best[äa]tig\w+|klicken|cliqu\w+"
    r"|authentifi\w+|confirm\w+|haga clic|pulse|clique|clicc\w+|подтверд\w+|確認|点击|クリック)"
)
_WHY = (
    # English
    r"(?:you are|you're|is|sent by|from) (?:an? )?(?:\w+ )?(?:human|real person|actual person|not a (?:robot|spammer))",
    r"not (?:an? )?(?:automated|robot|machine|spammer|spam bot)",
    r"(?:held|pending|queued|waiting|quarantined) (?:\w+ ){0,6}until (?:you|the sender)",
    r"before (?:your|this|the) (?:e-?mail|message|mail) (?:can|will|may|is) (?:be )?(?:\w+ )?deliver",
    r"(?:approved|allowed|accepted|guest|white)(?: senders?)?[ -]?list",
    r"(?:senders? (?:\w+ ){0,2}i have approved|(?:list of|my) (?:approved|allowed) senders)",
    r"(?:one[- ]time|sender) (?:verification|confirmation|authentication)",
    r"challenge[-/ ]response",
    # German, French, Spanish, Portuguese, Italian, Russian
    r"(?:kein (?:roboter|spammer|spam)|echter absender|eine? echte person)",
    r"(?:pas un (?:robot|spammeur)|exp[ée]diteur (?:inconnu|non authentifi[ée]))",
    r"(?:no (?:es|eres|soy) un robot|remitente (?:desconocido|no verificado))",
    r"(?:n[ãa]o [ée] um rob[ôo]|anti-?spam uol|remetente (?:desconhecido|n[ãa]o (?:verificado|autorizado)))",
    r"(?:non sei un robot|mittente (?:sconosciuto|non verificato))",
    r"(?:не (?:робот|спамер)|живой человек)",
)
_ASKS_FOR_PROOF = re.compile(_ASKS.replace(" ", r"\s+"), re.IGNORECASE)
_SAYS_WHY = re.compile("|".join(_WHY).replace(" ", r"\s+"), re.IGNORECASE)
_LINK_OR_ANSWER = re.compile(r"https?://|\breply to this\b|\bsimply reply\b|\bjust reply\b", re.IGNORECASE)


def challenge_sign(header: Fields, opening: str) -> str:
    """What shows that a mail is a challenge, or an empty text. `opening` is the beginning of its own words."""
    if not (_ASKS_FOR_PROOF.search(opening) and _LINK_OR_ANSWER.search(opening)):
        return ""
    if found := _SERVICES.search(header.text("From")):
        return f"From: {found[0]}"
    # People quote such words, and TMDA marks its users' own letters: a program must have written this one. Shops have
    # strangers confirm accounts, but not under these marks.
    if not ("Auto-Submitted" in header or "Precedence" in header or "<>" in header.get("Return-Path")):
        return ""
    if "tmda" in header.text("X-Delivery-Agent").lower():
        return "X-Delivery-Agent: TMDA"
    why = _SAYS_WHY.search(opening)
    return f"words: {' '.join(why[0].split())[:100]}" if why else ""
