"""What the page has beyond Streamlit's own controls: a canvas, and a slider between two pictures. All of it is here."""

import base64
import hashlib

import streamlit as st

from tfgan_zoo import gallery

_BUTTON_CSS = """
button {
  margin-top: 0.4rem; padding: 0.2rem 0.8rem; font: inherit; cursor: pointer; color: inherit;
  background: none; border: 1px solid var(--st-border-color, #bbb); border-radius: 0.5rem;
}
"""
_SKETCH_HTML = "<canvas></canvas><br><button>Clear</button>"
_SKETCH_CSS = (
    """
canvas {
  border: 1px solid var(--st-border-color, #bbb); cursor: crosshair; touch-action: none; max-width: 100%;
  background: white 0 0 / 100% 100%; image-rendering: pixelated;
}
"""
    + _BUTTON_CSS
)
# Drawn black on white, or, on a picture, red; it goes to Python black on white, as a PNG file in base64, at the end of
# each line.
_SKETCH_JS = """
export default function ({ parentElement, setStateValue, data }) {
  const canvas = parentElement.querySelector("canvas");
  const pen = canvas.getContext("2d");
  if (!canvas.dataset.ready) {
    canvas.dataset.ready = "yes";
    [canvas.width, canvas.height] = [data.width, data.height];
  }
  if (data.under) canvas.style.backgroundImage = `url(data:image/png;base64,${data.under})`;
  pen.lineWidth = data.pen;
  pen.lineCap = pen.lineJoin = "round";
  pen.strokeStyle = data.under ? "red" : "black";
  const fill = (to, how, colour) => {
    to.globalCompositeOperation = how;
    to.fillStyle = colour;
    to.fillRect(0, 0, canvas.width, canvas.height);
  };
  const send = () => {
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [canvas.width, canvas.height];
    const to = copy.getContext("2d");
    to.drawImage(canvas, 0, 0);
    fill(to, "source-in", "black");
    fill(to, "destination-over", "white");
    setStateValue("png", copy.toDataURL("image/png").split(",")[1]);
  };
  const at = (event) => [event.offsetX, event.offsetY].map((x) => x * canvas.width / canvas.clientWidth);
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    pen.beginPath(); pen.moveTo(...at(event)); pen.lineTo(...at(event)); pen.stroke();
  };
  canvas.onpointermove = (event) => { if (event.buttons) { pen.lineTo(...at(event)); pen.stroke(); } };
  canvas.onpointerup = send;
  parentElement.querySelector("button").onclick = () => {
    pen.clearRect(0, 0, canvas.width, canvas.height);
    setStateValue("png", "");
  };
}
"""
_SLIDER_HTML = """
<div class="frame"><img class="after" alt="after"><img class="before" alt="before"><i></i></div>
<input type="range" min="0" max="100" value="50" aria-label="How much of the picture is shown as it was">
"""
_SLIDER_CSS = """
.frame { position: relative; outline: 1px solid var(--st-border-color, #bbb); }
.frame, input { display: block; width: 100%; max-width: 384px; margin: 0; accent-color: var(--st-primary-color, #c33); }
img { display: block; width: 100%; image-rendering: pixelated; }
.before { position: absolute; inset: 0; height: 100%; }
i { position: absolute; top: 0; bottom: 0; border-left: 2px solid var(--st-primary-color, #c33); }
"""
_SLIDER_JS = """
export default function ({ parentElement, data }) {
  const [before, after] = ["before", "after"].map((name) => parentElement.querySelector(`.${name}`));
  const range = parentElement.querySelector("input");
  const edge = parentElement.querySelector("i");
  const show = () => {
    before.style.clipPath = `inset(0 ${100 - range.value}% 0 0)`;
    edge.style.left = `${range.value}%`;
  };
  before.src = `data:image/png;base64,${data.before}`;
  after.src = `data:image/png;base64,${data.after}`;
  range.oninput = show;
  show();
}
"""
_sketch = st.components.v2.component("tfgan_zoo.sketch", html=_SKETCH_HTML, css=_SKETCH_CSS, js=_SKETCH_JS)
_slider = st.components.v2.component("tfgan_zoo.before_after", html=_SLIDER_HTML, css=_SLIDER_CSS, js=_SLIDER_JS)


def sketch(size, key, under=None, pen=14):
    """A canvas to draw on.

    Args:
        size: its height and width in pixels.
        key: of its state. On another picture it begins anew.
        under: a picture [H, W, C] in [-1, 1] that is drawn on, or None: white.
        pen: width of a line.

    Returns:
        A PNG file, black on white, or b"": nothing was drawn.
    """
    file = b"" if under is None else gallery.png(under)
    data = {"height": size[0], "width": size[1], "under": base64.b64encode(file).decode(), "pen": pen}
    key = f"{key} {hashlib.sha256(file).hexdigest()[:8]}" if file else key
    drawn = _sketch(key=key, data=data, default={"png": ""}, on_png_change=lambda: None).png
    return base64.b64decode(drawn or "")


def before_after(before, after, key):
    """A slider between two pictures [H, W, C] in [-1, 1], the first as large as the second on the page."""
    files = {"before": before, "after": after}
    _slider(key=key, data={name: base64.b64encode(gallery.png(picture)).decode() for name, picture in files.items()})
