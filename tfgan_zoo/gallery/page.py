"""The page of `python -m tfgan_zoo.gallery`, a Streamlit script: it is run from the top at every change on the page."""

import sys

import streamlit as st

from tfgan_zoo import gallery, latent
from tfgan_zoo.errors import InputError
from tfgan_zoo.gallery import components

SLIDERS = 8  # for the first components of the noise
STEPS = 8  # of a walk
ACROSS = 3  # models in a row of the overview
MOST = 2**31 - 1  # of a seed
ONE, ALL, TWO = "One model", "All models", "Two side by side"

text = gallery.without_pictures
load = st.cache_resource(gallery.load, max_entries=4, show_spinner="Loading the model")


def page(folder, trusted=False):
    """Everything on the page."""
    st.set_page_config("tfgan_zoo gallery", layout="wide")
    models = gallery.find(folder)
    shown = {model.name: model for model in models if model.uses}
    with st.sidebar:
        st.title("tfgan_zoo")
        what = st.radio("Show", [ONE, ALL, TWO]) if shown else None
        name = st.selectbox("Model", list(shown)) if what == ONE else None
        for model in models:
            if not model.uses:
                st.caption(text(f"**{model.name}** is not shown: {model.reason}"))
    if what is None:
        st.info("None of these models can be shown; the reasons are on the left.")
    elif what == ONE:
        _one(shown[name], trusted)
    elif what == ALL:
        _all(shown.values(), trusted)
    else:
        _two(shown, trusted)


def _one(model, trusted):
    st.header(text(model.name))
    st.caption(text(model.title))
    try:
        _use(model, trusted)
    except InputError as error:
        st.error(text(str(error)))
    st.divider()
    st.markdown(_lower(text(model.card)) or "This model has no model card.")


def _all(models, trusted):
    """A card per model: what it is, its paper and scores, and a first look."""
    places = []
    for i, model in enumerate(models):
        if i % ACROSS == 0:
            row = st.columns(ACROSS, gap="large")
        with row[i % ACROSS]:
            st.subheader(text(model.name))
            st.caption(text(model.title) + (f" [arXiv]({model.link})" if model.link else ""))
            scores = [f"{name} {value:.4g}" for name, value in model.scores.items()]
            st.caption(text(", ".join(scores) or "No scores"))
            places.append((st.container(), model))
    for place, model in places:  # these take time: all else is there before
        with place:
            try:
                found = _look(str(model.path), trusted, model)
                if found is None:
                    st.caption("It has to be given a picture.")
                else:
                    st.image(found, output_format="PNG")
            except InputError as error:
                st.caption(text(str(error)))


@st.cache_data(max_entries=100, show_spinner="Drawing")
def _look(path, trusted, _model):
    return gallery.look(_model, gallery.load(path, trusted))


def _two(shown, trusted):
    """Two models on one seed, or on one picture."""
    st.header("Two side by side")
    kinds = {name: [kind for kind in ("noise", "image") if model.of_kind(kind)] for name, model in shown.items()}
    halves = st.columns(2, gap="large")
    first = halves[0].selectbox("First", [name for name in shown if kinds[name]])
    fitting = [name for name in shown if first and set(kinds[name]) & set(kinds[first])]
    others = [name for name in fitting if name != first] or fitting
    if not others:
        st.info("None of these models takes noise or a picture alone.")
        return
    second = halves[1].selectbox("Second", others)
    both = [kind for kind in kinds[first] if kind in kinds[second]]
    kind = st.radio("On the same", both, format_func={"noise": "seed", "image": "picture"}.get, horizontal=True)
    sides = []
    for half, name in zip(halves, (first, second), strict=True):
        with half:
            use = _chosen(shown[name].of_kind(kind), f"two {name} {kind}")
            key = f"two {shown[name].path} {use.signature} {half is halves[0]}"
            alike = {"count", "seed"}
            given = _numbers_and_texts(shown[name], use, key, alike)
        sides.append((half, shown[name], use, given))
    answers = _on_seed(sides, trusted) if kind == "noise" else _on_picture(sides, trusted)
    for half, (_, model, _, _), answer in zip(st.columns(2, gap="large"), sides, answers, strict=False):
        with half:
            try:
                st.image(gallery.sheet(*answer()), caption=model.name, output_format="PNG")
            except InputError as error:
                st.error(text(str(error)))


def _on_seed(sides, trusted):
    seed = st.number_input("Seed", 0, MOST, key="two seed")
    count = st.slider("How many", 1, 64, 16, key="two count")

    def answer(model, use, given):
        noise = {name: gallery.draw(seed, count, model.prior(t.shape[1])) for name, t in use.named("noise").items()}
        noise |= dict.fromkeys(use.named("count"), count) | dict.fromkeys(use.named("seed"), seed)
        return (gallery.answer(load(model.path, trusted), use, given | noise, count),)

    return [lambda side=side: answer(*side[1:]) for side in sides]


def _on_picture(sides, trusted):
    asked = [use.named("image") | use.named("mask") for _, _, use, _ in sides]
    wanted = max(asked, key=len)  # with a mask, if one of them takes one
    (_, model, use, _) = sides[asked.index(wanted)]
    files = {name: found for _, m, u, _ in sides for name in wanted if (found := m.held_out.of(u.signature, name))}
    with st.container(border=True):
        readers = _pictures(model, wanted, files, "two picture")
    if readers is None:
        st.info("Draw or upload a picture.")
        return []

    def answer(model, use, given):
        drawn = use.named("image") | use.named("mask")
        own = _read(drawn, readers, model.fit)
        noise = {name: gallery.draw(0, 1, model.prior(t.shape[1])) for name, t in use.named("noise").items()}
        made = gallery.answer(load(model.path, trusted), use, given | own | noise)[0]
        return gallery.beside(gallery.shown(own, drawn).values(), made), len(own) + 1, 256

    return [lambda side=side: answer(*side[1:]) for side in sides]


def _chosen(uses, key):
    labels = {use.label: use for use in uses}
    return labels[st.radio("What to do", list(labels), horizontal=True, key=key)] if len(uses) > 1 else uses[0]


def _use(model, trusted):
    loaded = load(model.path, trusted)
    use = _chosen(model.uses, f"{model.path} use")
    key = f"{model.path} {use.signature}"  # of the controls: each model has its own
    left, right = st.columns([1, 2], gap="large")
    drawn = use.named("image") | use.named("mask")
    held_out = {name: model.held_out.of(use.signature, name) for name in drawn}
    with left:
        given = _numbers_and_texts(model, use, key)
        readers = _pictures(model, drawn, held_out, key)
        if use.named("instance"):
            st.caption("What touches is one instance: ids are those of the connected ink of the picture.")
    if readers is None:
        right.info("Draw or upload a picture on the left.")
        return
    given |= _read(drawn, readers, model.fit)
    if use.named("noise"):
        _noise(model, loaded, use, given, key, left, right)
        return
    made = gallery.answer(loaded, use, given)
    with right:
        _answered(drawn, given, made, use.label, key)
        if all(held_out.values()) and drawn:
            _of_held_out(model, loaded, use, {n: v for n, v in given.items() if n not in drawn}, held_out)


def _read(drawn, readers, fit):
    """The pictures that a model is given, one as large as the other."""
    given, sides = {}, None
    for name, tensor in drawn.items():
        given[name] = readers[name](tensor, fit, sides)
        sides = given[name].shape[:2]
    return given


def _answered(drawn, given, made, label, key):
    """Pictures beside the answer to them, and under a slider."""
    shown = [(name.capitalize(), picture[None]) for name, picture in gallery.shown(given, drawn).items()]
    shown.append(("The answer", made))
    columns = st.columns(len(shown))
    for column, (caption, pictures) in zip(columns, shown, strict=True):
        column.image(gallery.sheet(pictures, least=256), caption=caption, output_format="PNG")
    columns[-1].download_button("Download", gallery.png(made[0]), f"{label}.png", "image/png", key=f"{key} file")
    if drawn and made.ndim == 4:
        before = shown[0][1][0]
        if before.shape[0] * made.shape[2] == before.shape[1] * made.shape[1]:
            st.subheader("Before and after")
            components.before_after(before, made[0], f"{key} slider")


def _of_held_out(model, loaded, use, numbers, files):
    """All held-out inputs that came with the model, and its answers to them."""
    drawn = use.named("image") | use.named("mask")
    rows = _answers(str(model.path), use.signature, repr(sorted(numbers.items())), model, loaded, use, numbers, files)
    st.subheader("Held-out inputs, and the answers to them")
    source = [part for part in (model.held_out.description, f"Licence: {model.held_out.licence}") if part]
    st.image(rows, caption=text(". ".join(source)), output_format="PNG")
    st.caption(f"From left to right: {', '.join(drawn)}, answer")


@st.cache_data(max_entries=100, show_spinner="Translating")
def _answers(path, signature, asked, _model, _loaded, _use, _numbers, _files):
    drawn = _use.named("image") | _use.named("mask")
    rows = []
    for i in range(min(map(len, _files.values()))):
        own = _read(drawn, {name: _of_file(_files[name][i]) for name in drawn}, _model.fit)
        made = gallery.answer(_loaded, _use, _numbers | own)[0]
        rows.append(gallery.beside(gallery.shown(own, drawn).values(), made))
    return gallery.sheet_of(rows)


def _of_file(content, swap=False):
    return lambda tensor, fit, sides: gallery.from_file(content, tensor, swap, fit, sides)


def _numbers_and_texts(model, use, key, without=()):
    """Controls for all inputs but noise and pictures: name -> value. `without`: controls that are elsewhere."""
    given = {}
    for name, tensor in use.inputs.items():
        at, title = f"{key} {name}", name.capitalize()
        known = model.names(tensor.control) if tensor.control in ("label", "domain") else []
        if tensor.control in without:
            continue
        if known:
            given[name] = st.selectbox(title, range(len(known)), format_func=known.__getitem__, key=at)
        elif tensor.control in ("label", "domain"):
            given[name] = st.number_input(title, 0, key=at)
        elif tensor.control == "number":
            several = range(tensor.shape[1]) if len(tensor.shape) == 2 else ()
            each = [st.number_input(f"{title}[{i}]", 0, key=f"{at} {i}") for i in several]
            given[name] = each if several else st.number_input(title, 0, key=at)
        elif tensor.control == "codes":
            given[name] = [
                st.slider(f"{title}[{i}]", -2.0, 2.0, 0.0, 0.1, key=f"{at} {i}") for i in range(tensor.shape[1])
            ]
        elif tensor.control == "text":
            given[name] = st.text_input(title, key=at)
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
        seed = st.number_input("Seed", 0, MOST, key=seed_key)
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
        first = ends[0].number_input("From seed", 0, MOST, 0, key=f"{key} from")
        last = ends[1].number_input("To seed", 0, MOST, 1, key=f"{key} to")
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


def _pictures(model, drawn, held_out, key):
    """Controls for pictures.

    Args:
        model: whose pictures are drawn on.
        drawn: name -> `gallery.Tensor`.
        held_out: name -> files that came with it.
        key: of the controls.

    Returns:
        name -> `(tensor, fit, sides of another one or None) -> picture`, as `gallery.from_file` makes it; None: one is
        not yet given.
    """
    readers, number, first = {}, None, None
    for name, tensor in drawn.items():
        own, files = f"{key} {name}", held_out.get(name) or []
        is_mask = tensor.control == "mask"
        st.markdown(f"**{name.capitalize()}**")
        # A held-out mask belongs to its held-out picture.
        ways = ["Example"] * (bool(files) and (not readers or number is not None))
        ways += ["Rectangle"] * is_mask + ["Draw", "Upload"]
        way = st.radio("From", ways, horizontal=True, key=f"{own} from")
        if way == "Example":
            if number is None:
                number = st.radio(
                    "Which", range(len(files)), format_func=lambda i: f"{i + 1}", horizontal=True, key=own
                )
            readers[name] = _of_file(files[min(number, len(files) - 1)])
        else:
            readers[name] = _given(way, tensor, own, first)
        first = readers[name](tensor, model.fit, None) if first is None and readers[name] else first
    return None if None in readers.values() else readers


def _given(way, tensor, key, other):
    """The reader of a picture that is not held out, or None: not yet given. `other`: the picture that a mask is of."""
    if way == "Rectangle":
        down = st.slider("Hole, from the top, %", 0, 100, (30, 70), key=f"{key} down")
        across = st.slider("Hole, from the left, %", 0, 100, (30, 70), key=f"{key} across")
        return lambda tensor, fit, sides: gallery.hole(sides or gallery.size(tensor), down, across)
    if way == "Draw" and tensor.control == "mask" and other is not None:
        pen = st.slider("Width of the brush", 2, 80, 24, key=f"{key} pen")
        content = components.sketch(gallery.canvas_of(other), f"{key} brush", other, pen)
        # All of it, whatever the model does with pictures of another shape.
        return (
            (lambda tensor, fit, sides: gallery.from_file(content, tensor, False, "stretch", sides))
            if content
            else None
        )
    swap = st.checkbox("Swap black and white", key=f"{key} swap")
    if way == "Upload":
        file = st.file_uploader("PNG or JPEG, any size", type=["png", "jpg", "jpeg"], key=f"{key} file")
        return _of_file(file.getvalue(), swap) if file else None
    content = components.sketch(gallery.canvas(tensor), f"{key} sketch")

    # What is drawn is meant for the size of training: lines would be too thick in that of the canvas.
    def drawing(tensor, fit, sides):
        return gallery.from_file(content, tensor, swap, fit, sides or gallery.size(tensor))

    return drawing if content else None


def _lower(card):
    # Its headings are below that of the page.
    return "\n".join(f"##{line}" if line.startswith("#") else line for line in card.splitlines())


if __name__ == "__main__":
    page(sys.argv[1], "--trust" in sys.argv[2:])
