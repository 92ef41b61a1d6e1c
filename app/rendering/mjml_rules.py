"""What MJML knows: each component, where it may stand, which attributes it takes (documentation.mjml.io; the renderer
itself accepts anything in silence)."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Component:
    """One MJML tag. `content`: "html" (free HTML inside), "text" (plain words), "css", or "" (only components)."""

    parents: frozenset[str]
    attributes: frozenset[str] = field(default_factory=frozenset)
    content: str = ""


def _words(*groups: str) -> frozenset[str]:
    return frozenset(word for group in groups for word in group.split())


_PADDING = "padding padding-top padding-right padding-bottom padding-left"
_BORDER = "border border-top border-right border-bottom border-left border-radius"
_INNER_BORDER = (
    "inner-border inner-border-top inner-border-right inner-border-bottom inner-border-left inner-border-radius"
)
_FONT = "color font-family font-size font-style font-weight letter-spacing line-height"
_LETTERS = _FONT + " text-decoration text-transform"
_BOX = "container-background-color css-class mj-class " + _PADDING
_BACKGROUND = (
    "background-color background-url background-position background-position-x background-position-y "
    "background-repeat background-size"
)
_ROW = f"css-class mj-class direction full-width text-align text-padding gap {_BACKGROUND} {_BORDER} {_PADDING}"
_LINK = "href target rel title name"
_IN_COLUMN = _words("mj-column mj-hero")
_IN_BODY = _words("mj-body mj-wrapper")

COMPONENTS: dict[str, Component] = {
    "mjml": Component(frozenset(), _words("lang dir owa")),
    "mj-head": Component(_words("mjml")),
    "mj-body": Component(_words("mjml"), _words("background-color width css-class mj-class id lang dir title")),
    "mj-attributes": Component(_words("mj-head")),
    "mj-breakpoint": Component(_words("mj-head"), _words("width")),
    "mj-preview": Component(_words("mj-head"), content="text"),
    "mj-style": Component(_words("mj-head"), _words("inline"), content="css"),
    "mj-title": Component(_words("mj-head"), content="text"),
    "mj-raw": Component(
        _words("mj-head mj-body mj-wrapper mj-section mj-column mj-group mj-hero"), _words("position"), content="html"
    ),
    "mj-wrapper": Component(_words("mj-body"), _words(_ROW)),
    "mj-section": Component(_IN_BODY, _words(_ROW)),
    "mj-hero": Component(
        _IN_BODY,
        _words(
            f"mode height width background-width background-height vertical-align inner-background-color {_BACKGROUND}",
            f"inner-padding inner-padding-top inner-padding-right inner-padding-bottom inner-padding-left {_BORDER}",
            _BOX,
        ),
    ),
    "mj-group": Component(
        _words("mj-section"), _words("background-color css-class mj-class direction vertical-align width")
    ),
    "mj-column": Component(
        _words("mj-section mj-group"),
        _words(
            "background-color css-class mj-class direction inner-background-color vertical-align width",
            _BORDER,
            _INNER_BORDER,
            _PADDING,
        ),
    ),
    "mj-text": Component(_IN_COLUMN, _words(f"align height vertical-align {_LETTERS} {_BOX}"), content="html"),
    "mj-button": Component(
        _IN_COLUMN,
        _words(
            f"align background-color height inner-padding text-align vertical-align width {_LINK} {_BORDER}",
            _LETTERS,
            _BOX,
        ),
        content="html",
    ),
    "mj-image": Component(
        _IN_COLUMN,
        _words(
            f"align alt fluid-on-mobile full-width font-size height max-height sizes src srcset usemap width {_LINK}",
            f"{_BORDER} {_BOX}",
        ),
    ),
    "mj-divider": Component(_IN_COLUMN, _words(f"align border-color border-style border-width width {_BOX}")),
    "mj-spacer": Component(_IN_COLUMN, _words(f"height {_BOX}")),
    "mj-table": Component(
        _IN_COLUMN,
        _words(f"align border cellpadding cellspacing role table-layout vertical-align width {_LETTERS} {_BOX}"),
        content="html",
    ),
    "mj-social": Component(
        _IN_COLUMN,
        _words(
            "align border-radius icon-height icon-padding icon-size inner-padding mode table-layout text-padding "
            f"vertical-align {_LETTERS} {_BOX}",
        ),
    ),
    "mj-social-element": Component(
        _words("mj-social"),
        _words(
            "align alt background-color border-radius css-class mj-class icon-height icon-padding icon-position "
            f"icon-size sizes src srcset text-padding vertical-align {_LINK} {_LETTERS} {_PADDING}",
        ),
        content="html",
    ),
    "mj-navbar": Component(
        _IN_COLUMN,
        _words(
            "align base-url css-class mj-class hamburger ico-align ico-close ico-color ico-font-family ico-font-size "
            "ico-line-height ico-open ico-padding ico-padding-top ico-padding-right ico-padding-bottom "
            f"ico-padding-left ico-text-decoration ico-text-transform {_PADDING}",
        ),
    ),
    "mj-navbar-link": Component(
        _words("mj-navbar"), _words(f"css-class mj-class {_LINK} {_LETTERS} {_PADDING}"), content="html"
    ),
    "mj-accordion": Component(
        _IN_COLUMN,
        _words(
            f"border font-family icon-align icon-height icon-position icon-unwrapped-alt icon-unwrapped-url icon-width "
            f"icon-wrapped-alt icon-wrapped-url {_BOX}",
        ),
    ),
    "mj-accordion-element": Component(
        _words("mj-accordion"),
        _words(
            "background-color border css-class mj-class font-family icon-align icon-height icon-position "
            "icon-unwrapped-alt icon-unwrapped-url icon-width icon-wrapped-alt icon-wrapped-url",
        ),
    ),
    "mj-accordion-title": Component(
        _words("mj-accordion-element"),
        _words(f"background-color css-class mj-class {_FONT} {_PADDING}"),
        content="html",
    ),
    "mj-accordion-text": Component(
        _words("mj-accordion-element"),
        _words(f"background-color css-class mj-class {_FONT} {_PADDING}"),
        content="html",
    ),
}

REFUSED: dict[str, str] = {
    "mj-include": "Other files cannot be included: paste their content here.",
    "mj-font": "Web fonts make each reader's mail call a third party. Use font-family with fonts people have.",
    "mj-html-attributes": "mj-html-attributes is not supported by the renderer: set the attributes in the HTML itself.",
    "mj-carousel": "A carousel does not work in most mail programs: use mj-image.",
    "mj-carousel-image": "A carousel does not work in most mail programs: use mj-image.",
}
"""Tags of MJML that are left out on purpose, with the reason."""

ANY_ATTRIBUTE = frozenset(word for component in COMPONENTS.values() for word in component.attributes)

BLOCK_TAGS_IN = _words("mj-body mj-section mj-column")
"""Components between whose children `{% if %}` and `{% for %}` may stand; elsewhere the renderer's frames break."""

HTML_TAGS = _words(
    "a abbr address area article aside b bdi bdo big blockquote br caption center cite code col colgroup dd del dfn "
    "div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main map mark meta nav "
    "ol p picture pre q s samp section small source span strike strong style sub sup table tbody td tfoot th thead "
    "time title tr tt u ul var wbr"
)
VOID_TAGS = _words("area br col hr img meta source wbr")

REFUSED_HTML = _words(
    "applet audio base button canvas embed form frame frameset iframe input link noscript object option script select "
    "svg template textarea video math"
)
"""What mail programs remove, or what could run or call home in the web view."""
