"""What the owner brings along: a file of people and a letter."""

import io

FIRST_NAMES = ("Ada", "Bram", "Chidi", "Dewi", "Emil", "Farah", "Gita", "Hana", "Ivo", "Joko")
TOWNS = ("Bandung", "Gent", "Lagos", "Oslo", "Padova")
PEOPLE = 60
"""In the file, besides one twice and one without an address."""

LETTER = """\
<mjml lang="en">
  <mj-head><mj-title>The doves are back</mj-title></mj-head>
  <mj-body width="600px">
    <mj-section>
      <mj-column>
        <mj-text>
          <p>Hello {{ subscriber.first_name | fallback("friend") }},</p>
          <p>The doves are back. <a href="https://www.example.com/story">Read how they came home</a>.</p>
          <p><a href="{{ view_url }}">View this mail in your browser</a></p>
        </mj-text>
      </mj-column>
    </mj-section>
    <mj-section>
      <mj-column>
        <mj-text>
          <p>{{ workspace.name }}, {{ workspace.postal_address }}</p>
          <p><a href="{{ preferences_url }}">Change what you get</a></p>
          <p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>
        </mj-text>
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
"""
MISTAKEN = LETTER.replace("<mj-text>", "<mj-txt>", 1).replace("</mj-text>", "</mj-txt>", 1)


def people_csv() -> bytes:
    """The file, as another tool might write it."""
    out = io.StringIO()
    out.write("E-mail;First name;Town\r\n")
    for number in range(PEOPLE):
        name, town = FIRST_NAMES[number % len(FIRST_NAMES)], TOWNS[number % len(TOWNS)]
        out.write(f"{name.lower()}-{number}@example.com;{name};{town}\r\n")
    out.write("ada-0@example.com;Ada;Gent\r\nno address;Nobody;Nowhere\r\n")
    return out.getvalue().encode()
