"""Phrases that speak of the sender, the connection, the content or the size: tried before those of the recipient."""

PHRASES_OF_SENDER: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "failedstarttls",
        (
            "must|should|need_to ~1 issue ~2 starttls",
            "starttls|tls|ssl ~3 required|failed|failure|negotiation|handshake|unavailable|not_available|not_supported",
            "requires|without|require|needs ~2 tls|starttls|encryption",
            "certificate ~3 not_trusted|expired|untrusted|verification|verify|invalid",
        ),
    ),
    (
        "requireptr",
        (
            "no|missing|without|invalid|bad|require*|valid|generic|lack*|need*|not_have ~4 ptr|reverse_dns|rdns|"
            "reverse_hostname",
            "ptr|reverse_dns|rdns|reverse_hostname ~5 not|fail*|missing|required|mismatch|invalid|does|doesnt|"
            "match*|no",
            "reverse ~1 lookup|mapping|hostname|name|resolution",
            "cannot|cant|unable_to|could_not ~1 find|resolve ~1 your ~1 hostname|reverse*",
        ),
    ),
    (
        "authfailure",
        (
            "not ~1 allowed|authorized|permitted ~1 to send ~6 spf|dkim|dmarc",
            "spf|dkim|dmarc|sender_id ~9 fail*|reject*|denied|not_pass*|didnt_pass|unauthenticated|softfail|"
            "missing|no_match",
            "fail*|violat*|reject*|due_to|because_of|without|lacks|missing ~6 spf|dkim|dmarc",
            "unauthenticated ~1 {message}",
            "sender|{message}|domain ~1 unauthenticated",
            "{message}|sender|domain ~6 not|isnt ~1 authenticated",
            "required authentication level",
            "not|isnt ~1 permitted|allowed|authorized|authorised|designated ~1 sender",
            "not ~1 authorized|authorised|permitted ~1 to send ~2 mail|email|messages|from|on_behalf*",
        ),
    ),
    (
        "securityerror",
        (
            "unauthenticated senders|sender|users|user|clients",
            # Whom the server did not know then is whoever logged in.
            "authentication|login|auth failed|failure|unsuccessful|rejected",
            "smtp authentication|auth ~2 required|needed",
            "turn_on|enable|use|requires ~1 smtp authentication|auth",
        ),
    ),
    (
        "policyviolation",
        ("policy_reasons", "content presents ~2 potential", "blocked because ~1 content"),
    ),
    (
        "notcompliantrfc",
        ("multiple addresses in ~1 from",),
    ),
    # Mailing lists that take mail of their members only; Exim's last line when the sender's address did not answer.
    ("rejected", ("you ~3 not ~1 member of", "sender verify failed", "return address ~1 refused|rejected")),
    (
        "toomanyconn",
        (
            "too_many ~3 connection*|session*",
            "connection|connections|session|sessions ~2 limit*|frequency|concurrency",
            "maximum|max ~4 connections|sessions",
        ),
    ),
    (
        "speeding",
        (
            "receiving ~3 at_a_rate|too_quickly|too_fast|too_many",
            "too_many ~1 {message}|recipients|rcpts|requests|commands ~8 hour|minute|day|period|rate|slow|"
            "quickly|from|sent",
            "rate|throughput|hourly|daily ~1 limit*|quota|exceed*",
            "sending|send|outgoing ~1 limit*|quota|rate",
            "exceed*|over|above|beyond ~4 rate|number_of_messages|messages_per|sending_limit",
            "unusual|high|excessive ~1 rate|volume|number|amount ~1 of ~2 {message}",
            # Exchange, of one mailbox that gets too much at once (432 4.3.2).
            "recipient thread_limit exceed*",
            "slow_down|slowing_down|throttled|throttling|ratelimited|ratelimit|too_fast|too_quickly|"
            "too_frequent*|too_much_mail",
        ),
    ),
    # RFC 5321 §4.5.3.1.10: more recipients in one transaction than the server takes.
    ("toomanyconn", ("too_many recipients|rcpts",)),
    (
        "blocked",
        (
            "invalid ip",
            "my name was rejected",
            "spamhaus*|spamcop*|barracudacentral*|sorbs*|uceprotect*|abuseat*|surbl*|uribl*|mailspike*|psbl*",
            "zen.spamhaus*|bl.spamcop*|dnsbl*|rbl|dnsrbl",
            "blacklist*|blocklist*|denylist*|blacklisted|blocklisted",
            # What Postfix says by default, with the name of any list (postconf(5), default_rbl_reply).
            "blocked using",
            "{refused} ~1 using ~6 list|bl|rbl|database",
            "listed ~1 in|at|on|by ~3 list|bl|rbl|database",
            "your|sending|client|connecting|this|the ~2 {host} ~4 blocked|banned|listed|refused|denied|blacklisted",
            "{message}|connections|access ~1 from ~4 {host} ~8 {refused}|not_accepted|not_allowed",
            "client_host ~2 rejected",
            "blocked|banned|refused|denied ~3 ip|ips|host|network|ip_address",
            "network ~3 on ~1 our ~1 block*",
            "helo|ehlo|my_name ~5 {refused}|invalid|not",
            "{unknown}|no_such ~4 helo|ehlo",
            "you ~2 not ~1 allowed|permitted|authorized ~1 to connect",
            "dynamic|residential|dialup|dynamically ~2 ip|address|host|range|addresses",
        ),
    ),
    (
        "badreputation",
        (
            "due_to|because_of ~2 reputation",
            # Who guesses at addresses is a spammer: it is the sender's count, not this recipient.
            "too_many|excessive ~1 unknown|invalid|bad|nonexistent ~1 recipients|users|rcpts|addresses|mailboxes",
            "possible open relay|proxy",
            "low|poor|bad|insufficient|reputation ~4 reputation|score",
            "reputation ~6 low|poor|bad|too|below",
            "due_to|because_of ~4 complaints",
            "user|recipient|member|volume ~3 complaints",
        ),
    ),
    (
        "rejected",
        (
            "sender|envelope_from|return_path|mail_from|originator|senders|from_address|from_domain ~5 "
            "{refused}|not_allowed|"
            "not_permitted|not_accepted|invalid|unverifiable|verification|not_exist|unknown|does_not_exist|"
            "not_verif*|unresolv*",
            "domain_of_sender|senders_domain|sender_domain ~5 not|cannot|unresolv*|doesnt|must",
            # The address or the domain that the mail came from.
            "return|bounce|reply_to|sending|senders address|domain|mailbox|path ~5 {unknown}|no_such",
            "your ~1 domain|hostname|host|server|sender_domain ~2 {unknown}",
            "{unknown}|no_such ~1 domain|host|user|address|mailbox|sender ~1 in|of ~1 mail_from|from_address|"
            "return_address|return_path|from_header",
            "sender_verify|verify_sender|unknown_sender|sender_callout|verify_the_sender",
            "{message} from ~4 not_accepted|rejected|refused|denied",
            "verification|verify ~3 sender|senders",
        ),
    ),
    (
        "virusdetected",
        (
            "virus|malware|trojan|worm|ransomware|viruses|infected ~6 found|detect*|reject*|infect*|contain*|"
            "blocked|file|attachment",
            "contain*|infect*|detect*|found|carr* ~5 virus|malware|trojan|worm|viruses",
        ),
    ),
    (
        "spamdetected",
        (
            "{refused} ~1 ube|uce",
            "{message} ~7 looks_like|identified|classified|considered|detected|scored|marked|judged|rated|"
            "flagged|appears|likely|"
            "suspected|recognized|determined ~5 spam|unsolicited|junk|uce|bulk",
            "{message} ~1 is|as ~3 spam|unsolicited|junk|uce",
            "spam|junk|antispam|spamassassin ~4 detect*|score|content|{message}|found|filter*|reject*|threshold|"
            "refused|policy",
            "{refused} ~5 spam|antispam|junk|unsolicited",
            "spam|antispam|junk|unsolicited ~4 {refused}",
            "unsolicited ~1 commercial|bulk|email|mail|messages",
            "no|not_accept|refuse*|dont_want ~1 spam",
            "probability|likelihood|probable|probably|possible ~2 spam|junk|uce|unsolicited",
            "due_to|because_of ~1 content ~1 restriction*|filter*|scan*",
            "{refused} ~3 content ~3 reason*|filter*",
        ),
    ),
    (
        "exceedlimit",
        ("{message}|size ~5 exceed*|larger|too_large|too_big ~5 recipients|users|mailboxs|mailbox_limit|this_mailbox",),
    ),
    (
        "mesgtoobig",
        (
            "{message} size ~1 limit* ~2 exceed*",
            "{message}|attachment|attachments|header|headers|size ~4 too_large|too_big|too_long|too_great|oversize*",
            "{message}|attachment|size ~4 exceed* ~6 size|limit|maximum|length|max",
            "exceed*|over|larger ~5 message_size|mail_size|email_size|maximum_size|size_limit|message_length",
            "maximum|max|fixed ~2 message|mail|email ~1 size|length",
        ),
    ),
)
