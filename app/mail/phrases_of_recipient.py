"""Phrases that speak of the mailbox and its domain, then those that only say that something went wrong."""

PHRASES_OF_RECIPIENT: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "mailboxfull",
        (
            "{mailbox}|user|recipient|recipients|storage|mail_quota|users|customer ~5 {full}|out_of_space|"
            "out_of_storage",
            "over|exceed*|beyond|insufficient|out_of|above|hit|reached|no_more|not_enough|lack* ~4 quota|"
            "disk_quota|storage_space|"
            "storage_limit|storage_allocation|mailbox_space|mailbox_size|disk_space|mailbox_limit",
            "quota|disk_quota ~4 exceed*|full|reached|violat*|limit",
            "overquota|mailboxfull|quotaexceeded|not_enough_storage|not_enough_space|exceeded_storage_allocation",
            "{mailbox} ~2 is ~1 full|too_large",
            "{mailbox}|user|recipient|customer ~1 has|contains|holds too_many {message}",
        ),
    ),
    # Exim's words for what a program of the recipient's printed: whom that did not find is not the mailbox.
    ("mailererror", ("generated during the delivery_attempt", "pipe to")),
    (
        "systemfull",
        (
            "insufficient|not_enough ~1 system|disk ~1 storage|space|resources",
            "no_space_left|filesystem_full|file_system_full|disk_full|mail_system_full|queue_full|disk_is_full|"
            "system_storage",
        ),
    ),
    (
        "notaccept",
        (
            "indicated no smtp",
            "mail exchanger or ip_address",
            "domain|host|server|machine|system|site|we|address ~1 does_not|doesnt|do_not|will_not|no_longer|"
            "dont ~1 accept|"
            "accepts|receive|receives|handle ~2 mail|email|messages|smtp",
            "nullmx|null_mx",
            "mail|smtp|email ~2 not ~1 accepted|supported ~2 here|for_this_host|for_this_domain",
            "no smtp|mail service here",
        ),
    ),
    (
        "hasmoved",
        (
            "{person}|employee|he|she|they ~3 has|have ~1 moved|relocated|changed|left_the|left_our",
            "no_longer|not ~1 work|works|working|employed|with_us|with_the_company|associated",
            "no_longer ~1 employee|student|colleague",
            "has|have left the|our ~1 company|organization|organisation|school|university|firm|team",
            "address|mailbox ~2 changed_to|moved_to",
            "moved|relocated ~1 permanently|to_another|to_a_new|to_new",
        ),
    ),
    (
        "suspend",
        (
            "{mailbox}|user|recipient|address|customer|users ~4 {inactive} ~1",
            "{inactive} ~1 {mailbox}|user|recipient|address|customer|email",
            "{mailbox}|user|recipient ~4 temporarily|currently ~1 {inactive}",
            "{mailbox}|user|recipient ~2 not|isnt ~1 active|enabled|activated",
            # Orange and La Poste keep mailboxes of those who are long away.
            "archived recipient|mailbox|user|account",
            "mailbox|user|recipient|account ~3 blocked|locked|closed|disabled due_to|because_of ~3 inactivity",
            "no recipient_activity since",
            # What Exchange names the fault inside.
            "accountdisabledexception*|mapiexceptionaduserdisabled*",
        ),
    ),
    (
        "norelaying",
        (
            "relay|relaying ~4 denied|not|prohibited|refused|rejected|access|disallowed|forbidden|blocked",
            "unable|not|cannot|cant|wont|refuse*|dont|without ~4 relay|relaying|relayed",
            "domain|host|it ~2 not|isnt ~1 in ~1 my_list|rcpthosts|allowed_rcpthosts|our_list",
            "rcpthosts|relay_access_denied",
            "domain|host ~2 not|isnt ~1 hosted|handled|served|local ~1 here|by|on",
        ),
    ),
    (
        "hostunknown",
        (
            "domain is_not_reachable",
            # SendGrid's own words, before it reaches any server.
            "unable_to get mx",
            # Close together: "host mx said user unknown" and "user unknown remote system" speak of a mailbox.
            "host|domain|mail_server|hostname|domain_name|domains ~1 {unknown}",
            "host ~1 lookup not_found|did_not_complete",
            "host_or_domain_name_not_found ~4 host_not_found|nxdomain",
            "unrouteable|unroutable|unresolvable|no_such|nonexistent|invalid|bad_destination|illegal ~2 "
            "host|domain|mail_domain|hostname|domain_name|system",
            "no mail hosts|exchangers ~1 for domain",
            "no valid mx hosts|records|servers",
            "unknown host|hostname|domain|domain_name|mail_host|mail_domain|recipient_domain|destination_domain|"
            "destination_host|target_host",
            "couldnt|could_not|cant|cannot|unable_to ~1 find ~3 host|domain|hostname",
            "nxdomain|host_not_found|name_or_service_not_known|no_such_domain",
            "point|points to nonexistent|non_existent hosts",
        ),
    ),
    (
        "filtered",
        (
            "recipient address ~1 rejected access_denied",
            "unknown recipient or mailbox_unavailable",
            # RFC 5429: the recipient's own script refused it.
            "was automatically rejected",
            "recipient|user|mailbox|addressee|account|list|group ~3 refuse*|not_want|not_wish|not_accepting|"
            "not_accept|only_accept*|"
            "accepts_only|restrict*|declin*|doesnt_accept|does_not_accept|blocked_you|not_currently_accept*",
            "not|isnt|dont_have ~1 permitted|allowed|authorized|authorised|permission* ~1 to ~1 send|mail|"
            "deliver|post ~2 to",
            "members|subscribers|group|list ~3 only|restricted|not_allowed",
            "blocked|rejected|refused by ~1 recipient|user|addressee",
            "recipients|users|personal ~2 preferences|filter*|settings",
            # Not "Recipient address rejected: Mail …", where Postfix puts its words before those of a site.
            "recipient|addressee|user rejected|refused ~1 message|mail|email",
            "recipient|user address rejected|refused your|the|this message|mail|email",
            "not|isnt ~1 allowed|permitted|authorized|authorised ~1 to receive",
        ),
    ),
    (
        "userunknown",
        (
            "invalid final delivery userid",
            "not ~1 user|mailbox|account of|at|on ~1 this|our ~1 server|system|domain|host",
            "not our user|customer|subscriber|account|mailbox|recipient",
            "no_longer ~1 customer|subscriber|user",
            "{person} ~3 not ~1 in ~3 directory|addressbook|address_book",
            "nobody|noone|no_one ~1 here|by|with|named",
            "not ~1 in ~1 recipient_list|recipient_table|user_list|user_database|list_of_recipients|list_of_users",
            "user|recipient|mailbox ~2 not_ok",
            "user|recipient ~1 not ~1 a ~1 member_of_domain|member_of_the_domain|member_of_this_domain",
            "wrong|bogus|bad ~1 recipient|recipients|mailbox|rcpt",
            "unavailable mail_user",
            "{person} ~4 unallocated|not_registered|not_defined|no_longer_exist|no_longer_in_service|never_existed",
            # As those write whose English is their second: "user not exist", "is not exist", "does no exists".
            "{person} ~4 not|no|dont|isnt exist|exists|existed|existing",
            # Sendmail's tables of other domains.
            "address lookup in ~2 map failed",
            # Seznam, of accounts without mail.
            "user hasnt_got the_service",
            "dont|cannot|cant|do_not ~1 recognise|recognize ~2 {person}",
            "account|mailbox|address|user ~1 you ~5 does_not_exist|doesnt_exist|not_exist|does_no",
            "{person} ~4 {unknown}",
            "unknown|no_such|invalid|nonexistent|nonexisting|unrouteable|unroutable|undeliverable|incorrect|"
            "unrecognized|"
            "unrecognised|not_a_valid|not_valid|bad_destination|inexistent ~2 {person}",
            "no|not_a|not_our|not_one_of_our|there_is_no|cannot_find|doesnt_have|does_not_have|dont_have|"
            "not_have ~2 user|mailbox|"
            "account|recipient|customer|addressee|one ~1 here|by|with|named|known|found|called|of_this*|at|it|"
            "for|available|in|on",
            "couldnt|could_not|cant|cannot|can_not|unable_to ~1 find|locate|lookup ~3 {person}",
            "notfound|recipnotfound|recipientnotfound|resolver.adr.recipnotfound|resolver.adr.recipientnotfound|"
            "resolver.adr.exrecipnotfound",
            "no_mailbox_here|no_such_user|no_such_mailbox|no_such_recipient|unknown_user|user_unknown|"
            "addressee_unknown|"
            "user_doesnt_exist|user_not_found|no_mailbox",
        ),
    ),
    (
        "notcompliantrfc",
        (
            "rfc|rfc2822|rfc5322|rfc822|rfc5321|2822|5322|rfc2047 ~6 complian*|conform*|violat*|valid|require*|"
            "format|section*",
            "not|non ~2 rfc*|compliant|conformant",
            "duplicate|multiple|missing|more_than_one|several|malformed|illegal|no_valid ~2 header|headers|"
            "from_header|date_header|"
            "message_id|from|date|subject|to_header",
            "bare lf|cr|linefeed|newline|line_feed|carriage*",
        ),
    ),
    (
        "contenterror",
        (
            "content|attachment|attachments|mime|body|charset|encoding|filetype|file_type ~4 not|{refused}|"
            "invalid|error|unsupported",
            "unsupported|invalid|malformed|improper|forbidden|prohibited|banned|unacceptable ~1 mime|charset|"
            "encoding|attachment|"
            "content|8bit|attachments",
            "media_not_supported|conversion_required|conversion_failed|8bit_data",
        ),
    ),
    (
        "policyviolation",
        (
            "policy|policies ~2 violat*|reason*|reject*|restrict*|{refused}|prohibit*",
            "violat*|due_to|because_of|for|local|site|security|against|by|on|organizational|administrative ~3 "
            "policy|policies",
            "administrative* ~1 prohibit*|reject*|denied",
            "{refused} by ~1 administrator|administrative*",
        ),
    ),
    (
        "securityerror",
        (
            "delivery ~1 not authorized|authorised",
            "authentication ~2 required|failed|failure|needed|credentials|unsuccessful",
            "must|need_to|should ~1 authenticate|log_in|login|be_authenticated",
            "encryption|password|credentials|credential ~2 required|invalid|incorrect|needed|missing",
            "security ~1 reason*|violation|check",
        ),
    ),
    (
        "mailererror",
        (
            "local|pipe|lda|agent|program|script|command|mailer|child|process|procmail|maildrop ~4 fail*|exit*|"
            "return*|died|crash*|"
            "error|terminated",
            "cannot|cant|unable_to|failed_to ~1 exec*|open|append|write|create ~3 file|mailbox|program|spool|output",
            "broken_pipe|lost_input|unknown_mailer_error",
        ),
    ),
    (
        "expired",
        (
            "envelope|message expired",
            "failing for a long_time",
            "delivery failed ~1 attempts",
            "retry|queue|delivery|maximum|max|message|mail ~4 time|lifetime|timeout|period|age|attempts ~3 "
            "exceed*|expire*|reach*|"
            "up|passed|elapsed|over",
            "message|mail|delivery|email ~3 expired|too_old",
            "could|can|has|have|couldnt|hasnt ~3 delivered ~2 for|within|after|in ~2 second*|minute*|hour*|day*|"
            "several",
            "could_not|cannot|unable_to|unsuccessful|failed|undeliverable ~6 for|in|within|after|during ~4 "
            "second*|minute*|hour*|day*",
            "will ~1 keep|continue ~1 trying|to_try|to_retry|to_attempt",
            "delivery ~3 delayed|no_action_is_required|giving_up|retry_timeout_exceeded|retrytime*",
        ),
    ),
    (
        "networkerror",
        (
            "not reachable|responding",
            "accept our requests_to_connect",
            "connection|connect|session|conversation ~6 refused|timeout|timedout|reset|lost|dropped|closed|"
            "failed|broken|aborted|"
            "terminated|unexpectedly",
            "timedout|timeout|no_route*|network_unreachable|network_is_unreachable|host_unreachable|unreachable|"
            "host_is_down",
            "dns|nameserver|name_server|mx|hostname|name_service ~4 fail*|error|timeout|timedout|temporar*|"
            "problem|loop|not_respond*",
            "name_service_error|host_or_domain_name_not_found|temporary_lookup*|temporary_resolution*",
            "could_not|couldnt|unable_to|cannot|cant|failed_to|error ~1 connect|connecting|establish*|contact|reach ~1",
            "mail|routing|forwarding|delivery|message|possible ~2 loop|loops|looping",
            "too_many_hops|hop_count*|too_many_received|loops_back*|maximum_hop*",
        ),
    ),
    (
        "systemerror",
        (
            "internal|local|system|server|temporary|transient|unexpected|ldap|database|configuration|mapi|io|"
            "lookup|backend|"
            "processing|protocol ~3 error|failure|fault|problem|failed|trouble",
            "service|server|system|resources|resource|mailbox|recipient|account ~4 unavailable|not_available|"
            "busy|overloaded|"
            "shutting_down|maintenance|locked",
            "try_again*|try_later|greylist*|greylisted|please_retry|try_back|come_back",
            "temporar* ~2 reject*|defer*|fail*|unable|unavailable|refus*|not",
            "requested_action_aborted|too_busy|out_of_memory|load_too_high|overload*|resources_temporarily*",
        ),
    ),
    (
        "syntaxerror",
        (
            # RFC 3463 §3.6 calls x.5.x the protocol's.
            "protocol violation*",
            "syntax_error|bad_sequence|unknown_command|command_unknown|invalid_command|command_rejected",
            "command|parameter|argument|option ~3 not|unrecognized|unrecognised|unimplemented ~2 recognized|"
            "recognised|implemented|"
            "supported|understood",
        ),
    ),
)
