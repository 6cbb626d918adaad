"""The page of `python -m tfgan_zoo.gallery`, a Streamlit script: it is run from the top at every change on the page."""

import base64
import sys

import streamlit as st

from tfgan_zoo import gallery, latent
from tfgan_zoo.errors import InputError

SLIDERS = 8  # for the first components of the noise
STEPS = 8  # of a walk

# A canvas to draw on, black on white. At the end of each line the picture goes to Python as a PNG file in base64.
_SKETCH_HTML = "<canvas></canvas><br><button>Clear</button>"
_SKETCH_CSS = """
canvas { border: 1px solid var(--st-border-color, #bbb); cursor: crosshair; touch-action: none; max-width: 100%; }
button {
  margin-top: 0.4rem; padding: 0.2rem 0.8rem; font: inherit; cursor: pointer; color: inherit;
  background: none; border: 1px solid var(--st-border-color, #bbb); border-radius: 0.5rem;
}
"""
_SKETCH_JS = """
export default function ({ parentElement, setStateValue, data }) {
  const canvas = parentElement.querySelector("canvas");
  if (canvas.dataset.ready) return;
  canvas.dataset.ready = "yes";
  [canvas.width, canvas.height] = [data.width, data.height];
  const pen = canvas.getContext("2d");
  const clear = () => { pen.fillStyle = "white"; pen.fillRect(0, 0, canvas.width, canvas.height); };
  const send = () => setStateValue("png", canvas.toDataURL("image/png").split(",")[1]);
  const at = (event) => [event.offsetX, event.offsetY].map((x) => x * canvas.width / canvas.clientWidth);
  clear();
  pen.lineWidth = 14; pen.lineCap = pen.lineJoin = "round";
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    pen.beginPath(); pen.moveTo(...at(event)); pen.lineTo(...at(event)); pen.stroke();
  };
  canvas.onpointermove = (event) => { if (event.buttons) { pen.lineTo(...at(event)); pen.stroke(); } };
  canvas.onpointerup = send;
  parentElement.querySelector("button").onclick = () => { clear(); setStateValue("png", ""); };
}
"""
sketch = st.components.v2.component("tfgan_zoo.sketch", html=_SKETCH_HTML, css=_SKETCH_CSS, js=_SKETCH_JS)

text = gallery.without_pictures
load = st.cache_resource(gallery.load, max_entries=4, show_spinner="Loading the model")


def page(folder, trusted=False):
    """Everything on the page."""
    st.set_page_config("tfgan_zoo gallery", layout="wide")
    models = gallery.discover(folder)
    shown = {model.name: model for model in models if model.uses}
    with st.sidebar:
        st.title("tfgan_zoo")
        name = st.selectbox("Model", list(shown)) if shown else None
        for model in models:
            if not model.uses:
                st.caption(text(f"**{model.name}** is not shown: {model.reason}"))
    if name is None:
        st.info("None of these models can be shown; the reasons are on the left.")
        return
    model = shown[name]
    st.header(text(name))
    st.caption(text(model.title))
    try:
        _use(model, trusted)
    except InputError as error:
        st.error(text(str(error)))
    st.divider()
    st.markdown(_lower(text(model.card)) or "This model has no model card.")


def _use(model, trusted):
    loaded = load(model.path, trusted)
    use = model.uses[0]
    if len(model.uses) > 1:
        labels = {use.label: use for use in model.uses}
        use = labels[st.radio("What to do", list(labels), horizontal=True, key=f"{model.path} use")]
    key = f"{model.path} {use.signature}"  # of the controls: each model has its own
    left, right = st.columns([1, 2], gap="large")
    with left:
        drawn = use.named("image") | use.named("mask")
        given = _numbers_and_texts(model, use, key)
        sides = None  # of the first: others are as large
        for name, tensor in drawn.items():
            given[name] = _picture(name, tensor, f"{key} {name}", model.fit, sides)
            sides = sides if given[name] is None else given[name].shape[:2]
    if any(given[name] is None for name in drawn):
        right.info("Draw or upload a picture on the left.")
        return
    if use.named("noise"):
        _noise(model, loaded, use, given, key, left, right)
        return
    made = gallery.answer(loaded, use, given)
    shown = [(name.capitalize(), gallery.shown(given[name], tensor)[None]) for name, tensor in drawn.items()]
    shown.append(("The answer", made))
    columns = right.columns(len(shown))
    for column, (caption, pictures) in zip(columns, shown, strict=True):
        column.image(gallery.sheet(pictures, least=256), caption=caption, output_format="PNG")
    columns[-1].download_button("Download", gallery.png(made[0]), f"{use.label}.png", "image/png", key=f"{key} file")


def _numbers_and_texts(model, use, key):
    """Controls for all inputs but noise and pictures: name -> value."""
    given = {}
    for name, tensor in use.inputs.items():
        at = f"{key} {name}"
        known = model.names(tensor.control) if tensor.control in ("label", "domain") else []
        if known:
            given[name] = st.selectbox(name.capitalize(), range(len(known)), format_func=known.__getitem__, key=at)
        elif tensor.control in ("label", "domain"):
            given[name] = st.number_input(name.capitalize(), 0, key=at)
        elif tensor.control == "text":
            given[name] = st.text_input(name.capitalize(), key=at)
        elif tensor.control == "truncation":
            given[name] = st.slider("Truncation: towards the mean picture at 0", 0.0, 1.0, 0.7, key=at)
        elif tensor.control == "count":
            given[name] = st.number_input("How many", 1, 64, 16, key=at)
        elif tensor.control == "seed":
            given[name] = st.number_input("Seed", 0, key=at)
    return given


def _noise(model, loaded, use, given, key, left, right):
    priors = {name: model.prior(tensor.shape[1]) for name, tensor in use.named("noise").items()}

    def draw(seed, count):
        return {name: gallery.draw(seed, count, prior) for name, prior in priors.items()}

    seed_key = f"{key} noise seed"
    with left:
        seed = st.number_input("Seed", 0, 2**31 - 1, key=seed_key)
        st.button("Another seed", on_click=_next, args=[seed_key])
        count = st.slider("How many", 1, 64, 16, key=f"{key} noise count")
        noise = draw(seed, count)
        for name, z in noise.items():
            with st.expander(f"Move {name}", expanded=len(noise) == 1):
                st.caption("Added to one component in all pictures")
                halves = st.columns(2)
                low, high = priors[name].ends
                far = 3.0 if priors[name].law == "normal" else high - low
                by = [
                    halves[i % 2].slider(f"{name}[{i}]", -far, far, 0.0, 0.1, key=f"{key} {name} {i}")
                    for i in range(min(SLIDERS, z.shape[1]))
                ]
            noise[name] = gallery.shift(z, by, priors[name])
    with right:
        samples = gallery.sheet(gallery.answer(loaded, use, given | noise, count))
        st.image(samples, caption=f"{count} of seed {seed}", output_format="PNG")
        st.subheader("From one seed to another")
        ends = st.columns(2)
        first = ends[0].number_input("From seed", 0, 2**31 - 1, 0, key=f"{key} from")
        last = ends[1].number_input("To seed", 0, 2**31 - 1, 1, key=f"{key} to")
        spherical = all(prior.law == "normal" for prior in priors.values())
        starts, stops = draw(first, 3), draw(last, 3)
        walks = {
            name: latent.interpolate(starts[name], stops[name], STEPS, spherical=spherical)
            .swapaxes(0, 1)
            .reshape(-1, starts[name].shape[1])
            for name in starts
        }
        strip = gallery.answer(loaded, use, given | walks, 3 * STEPS)
        way = "along great circles" if spherical else "along straight lines"
        st.image(gallery.sheet(strip, STEPS), caption=f"Three walks, {way}", output_format="PNG")


def _next(key):
    st.session_state[key] = st.session_state[key] + 1


def _picture(name, tensor, key, fit, sides):
    """A picture drawn or uploaded, as `gallery.from_file` makes it; None: not yet. `sides`: of another one, or None."""
    st.markdown(f"**{name.capitalize()}**")
    ways = ["Rectangle"] * (tensor.control == "mask") + ["Draw", "Upload"]
    way = st.radio("From", ways, horizontal=True, key=f"{key} from")
    if way == "Rectangle":
        down = st.slider("Hole, from the top, %", 0, 100, (30, 70), key=f"{key} down")
        across = st.slider("Hole, from the left, %", 0, 100, (30, 70), key=f"{key} across")
        return gallery.hole(sides or gallery.size(tensor), down, across)
    drawn = way == "Draw"
    swap = st.checkbox("Swap black and white", key=f"{key} swap")
    if drawn:
        height, width = gallery.canvas(tensor)
        size = {"height": height, "width": width}
        png = sketch(key=f"{key} sketch", data=size, default={"png": ""}, on_png_change=lambda: None).png
        content = base64.b64decode(png or "")
    else:
        file = st.file_uploader("PNG or JPEG, any size", type=["png", "jpg", "jpeg"], key=f"{key} file")
        content = file.getvalue() if file else b""
    if not content:
        return None
    # What is drawn is meant for the size of training: lines would be too thick in that of the canvas.
    return gallery.from_file(content, tensor, swap, fit, sides or (gallery.size(tensor) if drawn else None))


def _lower(card):
    # Its headings are below that of the page.
    return "\n".join(f"##{line}" if line.startswith("#") else line for line in card.splitlines())


if __name__ == "__main__":
    page(sys.argv[1], "--trust" in sys.argv[2:])
