"""What is said of a logo on the page: for people who have a picture and a certificate, and have not read a draft."""

from flask_babel import lazy_gettext as _

BIMI_WORDS = {
    "bimi-none": _("There is none. It is not needed; Gmail, Yahoo and Apple show a logo with it."),
    "bimi-several": _("There is more than one BIMI record at %(name)s, so receivers take none of them. Leave one."),
    "bimi-syntax": _("The record cannot be read: %(why)s Correct it or take it out; nothing else depends on it."),
    "bimi-declined": _("The record says that you do not want a logo."),
    "bimi-policy": _(
        "A logo is shown only when the DMARC policy of %(name)s is quarantine or reject, sp= not none. Mail is not "
        "affected. Publish a stricter policy when the reports show that all your mail passes."
    ),
    "bimi-no-picture": _(
        "The record names a certificate (a=) but no picture (l=), and without one receivers show no logo. Put the "
        "address of the picture into the record."
    ),
    # Findings of looks that did not fetch are kept until the next one.
    "bimi-not-fetched": _("The picture and the certificate were not looked at then."),
    "bimi-redirect": _(
        "%(address)s sends on to %(at)s, which not every receiver follows. Write the second address into the record."
    ),
    # The picture.
    "bimi-picture-unfetched": _(
        "No receiver can fetch the picture: %(why)s Correct l= in the record, or put the file where it points."
    ),
    "bimi-picture-unreached": _(
        "The picture could not be fetched just now: %(why)s What is in it is not known. Open %(address)s in a browser; "
        "where it does not open, receivers do not get it either."
    ),
    "bimi-picture-type": _(
        "The server calls the picture %(type)s. Some receivers take it only as %(right)s: set that at the web server."
    ),
    "bimi-svg-large": _(
        "The picture has %(size)s KB, and receivers take %(most)s at most. Remove what is not seen, or simplify it."
    ),
    "bimi-svg-doctype": _(
        "The picture defines a document type (<!DOCTYPE …>), which can hide what is in it, so it is not read. "
        "Remove that part of the file."
    ),
    "bimi-svg-unreadable": _(
        "The picture is not XML that can be read (%(why)s). Export it as SVG again and replace the file."
    ),
    "bimi-svg-root": _(
        "What lies there is no SVG picture: its outermost element is %(name)s, and must be svg, "
        "http://www.w3.org/2000/svg. Put the picture there."
    ),
    "bimi-svg-version": _('The svg element says version=“%(value)s”. Correct it to version="1.2".'),
    "bimi-svg-profile": _(
        "The svg element says baseProfile=“%(value)s”, so it is not SVG Tiny PS. Export it in that profile, and write "
        'baseProfile="tiny-ps".'
    ),
    "bimi-svg-title": _(
        "The picture has no title. Put <title> with the name of your brand into it, directly inside the svg element."
    ),
    "bimi-svg-titles": _("The svg element has more than one title. Leave one."),
    "bimi-svg-long-title": _("The title has %(count)s letters; %(most)s at most are advised."),
    "bimi-svg-position": _(
        "The svg element has x= or y=, which SVG Tiny PS forbids; Adobe Illustrator writes them. Remove both."
    ),
    "bimi-svg-viewbox": _(
        "The viewBox of the svg element cannot be read (“%(value)s”), so nobody knows the picture's size. Write one, "
        'such as viewBox="0 0 100 100".'
    ),
    "bimi-svg-square": _(
        "The picture is not square (%(width)s by %(height)s), and receivers show it in a square or a circle. Put it "
        "into the middle of a square, and correct viewBox."
    ),
    "bimi-svg-pixels": _(
        "Google's guide asks for width= and height= on the svg element, in pixels, %(least)s or more. Here they are "
        "not so; many logos do without."
    ),
    "bimi-svg-script": _("The picture holds scripts (%(names)s), which no receiver takes. Remove them."),
    "bimi-svg-animation": _("The picture moves (%(names)s), which no receiver takes. Remove the animation."),
    "bimi-svg-elements": _(
        "The picture has elements that SVG Tiny PS does not have: %(names)s. Remove them; photographs (image) must be "
        "drawn as paths."
    ),
    "bimi-svg-external": _(
        "The picture refers to something outside itself (%(value)s), which no receiver fetches. Put it into the "
        "picture, or take it out. It may refer only to its own parts (#…)."
    ),
    "bimi-svg-style": _(
        'The picture has style attributes, which SVG Tiny PS does not have. Write fill="…" and the like instead.'
    ),
    "bimi-svg-fine": _(
        "The picture is SVG Tiny PS, by its text: %(size)s KB, with the title “%(title)s”. It was not drawn."
    ),
    # The certificate.
    "bimi-no-certificate": _("Without a certificate (a=) Gmail and Apple show no logo."),
    "bimi-cert-unfetched": _(
        "No receiver can fetch the certificate: %(why)s Correct a= in the record, or put the file where it points."
    ),
    "bimi-cert-unreached": _(
        "The certificate could not be fetched just now: %(why)s What it says is not known. Open %(address)s in a "
        "browser; where it does not open, receivers do not get it either."
    ),
    "bimi-cert-key": _(
        "The file of the certificate holds a private key, and anybody can fetch it. Remove the key from the file at "
        "once, and ask the issuer to revoke the certificate and to make another."
    ),
    "bimi-cert-no-pem": _(
        "What lies at a= is no certificate in PEM, with -----BEGIN CERTIFICATE----- before each of ten at most. Put "
        "the file there that its issuer gave you."
    ),
    "bimi-cert-unreadable": _("The certificate cannot be read (%(why)s). Put the file there as its issuer gave it."),
    "bimi-cert-self": _(
        "The certificate is signed by itself, so no receiver believes it. Ask an issuer of mark certificates for one."
    ),
    "bimi-cert-alone": _(
        "The file holds your certificate alone. Receivers need that of its issuer as well: add it behind yours."
    ),
    "bimi-cert-order": _(
        "The certificates in the file do not follow from each other. Put yours first, then its issuer's, then the one "
        "that vouches for that, each once."
    ),
    "bimi-cert-ended": _("The certificate ended on %(date)s. Ask its issuer for a new one, and put it in its place."),
    "bimi-cert-not-yet": _(
        "The certificate is valid only from %(date)s. Put the old one back until then, or ask its issuer."
    ),
    "bimi-cert-ends-soon": _(
        "The certificate ends on %(date)s (days left: %(days)s); from then on, receivers that ask for one show no "
        "logo. Renew it at its issuer, and put the new file in its place."
    ),
    "bimi-cert-issuer-ended": _(
        "The certificate of %(name)s in the file ended on %(date)s. Ask for the newer one, and put it in its place."
    ),
    "bimi-cert-names": _(
        "The certificate is for %(names)s, and not for %(name)s. Ask its issuer for one with that name."
    ),
    "bimi-cert-usage": _(
        "The certificate is not one for logos (its usage lacks %(usage)s); one for a web server does not do. Ask an "
        "issuer of mark certificates for a VMC or a CMC."
    ),
    "bimi-cert-logotype": _("The certificate has no picture in it. Ask its issuer for one that has."),
    "bimi-cert-vmc": _("The certificate is a VMC (%(mark)s) of %(name)s, issued by %(issuer)s, valid until %(date)s."),
    "bimi-cert-cmc": _(
        "The certificate is a CMC (%(mark)s) of %(name)s, issued by %(issuer)s, valid until %(date)s. Gmail shows the "
        "logo with it, but not the check mark that a VMC brings; some receivers want a VMC."
    ),
    "bimi-cert-kind": _(
        "The certificate does not say whether it is a VMC or a CMC (kind of mark: %(mark)s). It is of %(name)s, issued "
        "by %(issuer)s, valid until %(date)s."
    ),
    "bimi-cert-trust": _(
        "Not checked: whether receivers trust the issuer (each has a list of its own), and whether the certificate was "
        "revoked or stands in a public log. Only a mail to a mailbox of theirs shows that."
    ),
    "bimi-same": _("The picture is the one in the certificate, byte for byte (SHA-256 begins with %(hash)s)."),
    "bimi-differs": _(
        "The picture at l= is not, byte for byte, the one in the certificate. Receivers show the latter, or none. Put "
        "the file that was certified at l=, or ask the issuer for a certificate with the new picture."
    ),
    "bimi-not-compared": _(
        "The picture in the certificate cannot be read here, so it was not compared with the one at l=."
    ),
}
