"""What the tracking pages are measured against: the least that Flask can do for the same bytes."""

from flask import Flask, Response, redirect
from werkzeug.wrappers import Response as Redirect

app = Flask(__name__)
BYTES = bytes(43)


@app.get("/pixel")
def pixel() -> Response:
    """43 bytes."""
    return Response(BYTES, mimetype="image/gif")


@app.get("/click")
def click() -> Redirect:
    """A redirect."""
    return redirect("https://www.example.com/story", 302)
