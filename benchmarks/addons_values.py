"""The layers and averages of TensorFlow Addons 0.23 beside those here.

TensorFlow Addons cannot be imported beside Keras 3. So its values come from an environment of its own, once:

    python3.11 -m venv addons && addons/bin/pip install -r requirements-addons.txt
    addons/bin/python benchmarks/addons_values.py

writes `tests/data/addons_values.json`: inputs, outputs and gradients, and the versions that gave them. Then

    python benchmarks/addons_values.py --compare

prints the table of `docs/tensorflow_addons.md`: what the package here gives for the same inputs.
"""

import argparse
import json
import platform
from pathlib import Path

import numpy as np

VALUES = Path(__file__).resolve().parent.parent / "tests/data/addons_values.json"
CALLS, LONG = 5, 100  # power iterations: far from the singular vector, and at it
STEPS, RATE, DECAY = 5, 0.1, 0.9


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compare", action="store_true", help="hold today's package to the stored values")
    if parser.parse_args().compare:
        print(table(compare(load())))
    else:
        save(addons())
        print(f"{VALUES}: {VALUES.stat().st_size} bytes")


def save(values):
    lines = [f"{json.dumps(name)}: {json.dumps(_plain(value))}" for name, value in values.items()]
    VALUES.parent.mkdir(exist_ok=True)
    VALUES.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def _plain(value):
    """Nested lists of the shortest decimals that are the same float32."""
    if isinstance(value, dict):
        return value
    array = np.asarray(value, np.float32)
    return [_plain(a) for a in array] if array.ndim else float(str(array))


def load():
    stored = json.loads(VALUES.read_text(encoding="utf-8"))
    return {k: v if k == "versions" else np.array(v, np.float32) for k, v in stored.items()}


# --- under requirements-addons.txt -------------------------------------------------------------------------------


def addons():
    """name -> array: `<part>.<input>`, `<part>.<value>`, `<part>.d_<gradient>`."""
    import tensorflow as tf
    import tensorflow_addons as tfa

    keras, rng = tf.keras, np.random.default_rng(0)
    values = {
        "versions": {
            "tensorflow-addons": tfa.__version__,
            "tensorflow": tf.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        }
    }

    def record(part, **arrays):
        values.update({f"{part}.{name}": np.asarray(array, np.float32) for name, array in arrays.items()})

    def normal(*shape):
        return tf.constant(rng.normal(size=shape), tf.float32)

    def differentiate(layer, x, upstream, weights, **kwargs):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, **kwargs)
        return y, *tape.gradient(y, [x, *weights], output_gradients=upstream)

    x, upstream, gamma, beta = normal(2, 4, 5, 3) * 2.0 + 3.0, normal(2, 4, 5, 3), normal(3), normal(3)
    layer = tfa.layers.InstanceNormalization(epsilon=1e-5)
    layer.build(x.shape)
    layer.set_weights([gamma, beta])
    y, d_x, d_gamma, d_beta = differentiate(layer, x, upstream, [layer.gamma, layer.beta])
    record("instance", x=x, upstream=upstream, gamma=gamma, beta=beta)
    record("instance", y=y, d_x=d_x, d_gamma=d_gamma, d_beta=d_beta)
    layer = tfa.layers.InstanceNormalization(epsilon=1e-5, center=False, scale=False)
    y, d_x = differentiate(layer, x, upstream, [])
    record("instance_plain", y=y, d_x=d_x)

    kinds = {
        "conv": (lambda: keras.layers.Conv2D(4, 3, padding="same"), normal(2, 5, 4, 3), [2, 5, 4, 4], [3, 3, 3, 4]),
        "dense": (lambda: keras.layers.Dense(4), normal(6, 7), [6, 4], [7, 4]),
    }
    for kind, (make, x, y_shape, kernel_shape) in kinds.items():
        upstream, kernel, bias, u = normal(*y_shape), normal(*kernel_shape), normal(4), normal(1, 4)
        record(kind, x=x, upstream=upstream, kernel=kernel, bias=bias, u=u)

        part = f"spectral_{kind}"
        layer = tfa.layers.SpectralNormalization(make())
        layer(x)
        layer.layer.kernel.assign(kernel)
        layer.layer.bias.assign(bias)
        layer.u.assign(u)
        for _ in range(CALLS - 1):
            layer(x, training=True)
        record(part, u_before=layer.u)
        weights = [layer.layer.kernel, layer.layer.bias]
        y, d_x, d_kernel, d_bias = differentiate(layer, x, upstream, weights, training=True)
        record(part, y=y, u=layer.u, kernel=layer.layer.kernel, d_x=d_x, d_bias=d_bias, d_kernel=d_kernel)
        record(part, serving=layer(x, training=False))
        for _ in range(LONG - CALLS):
            layer(x, training=True)
        record(part, serving_long=layer(x, training=False))

        part = f"weight_{kind}"
        layer = tfa.layers.WeightNormalization(make(), data_init=False)
        layer.build(x.shape)
        layer.kernel.assign(kernel)
        layer.layer.bias.assign(bias)
        layer(x)  # the first call sets g
        record(part, g=layer.g, plain=layer(x))
        layer.g.assign(g := normal(4))
        y, d_x, d_v, d_g, d_bias = differentiate(layer, x, upstream, [layer.kernel, layer.g, layer.layer.bias])
        record(part, new_g=g, y=y, d_x=d_x, d_v=d_v, d_g=d_g, d_bias=d_bias)

        for length, v in ("unit", _of_length_1(kernel)), ("any", kernel):
            layer = tfa.layers.WeightNormalization(make(), data_init=True)
            layer.build(x.shape)
            layer.kernel.assign(v)
            layer._naked_clone_layer.kernel.assign(v)
            y = layer(x)
            record(f"start_{kind}_{length}", y=y, g=layer.g, bias=layer.layer.bias)

    x, target, start = normal(8, 3), normal(8, 1), [normal(3, 4), normal(4), normal(4, 1), normal(1)]
    network = keras.Sequential([keras.layers.Dense(4, "tanh"), keras.layers.Dense(1)])
    network.build(x.shape)
    network.set_weights(start)
    optimizer = tfa.optimizers.MovingAverage(keras.optimizers.legacy.SGD(RATE), average_decay=DECAY)
    record("average", x=x, target=target, **{f"start_{i}": w for i, w in enumerate(start)})
    for step in range(1, STEPS + 1):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(network(x) - target))
        variables = network.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        record("average", **{f"weights_{step}": _flat(variables)})
        record("average", **{f"averages_{step}": _flat([optimizer.get_slot(v, "average") for v in variables])})
    return values


def _of_length_1(kernel):
    return kernel / np.linalg.norm(np.reshape(kernel, [-1, 4]), axis=0)


def _flat(arrays):
    return np.concatenate([np.ravel(a) for a in arrays])


# --- under requirements.txt --------------------------------------------------------------------------------------


def compare(stored):
    """One dict per row of the table: `part`, `ours`, `value`, `gradient` (largest differences; None: there is none
    to compare), `same` (False: differs by design), `remark`.

    A difference is relative to the largest number of its array.
    """
    rows = []

    def row(part, ours, values, gradients, remark, same=True):
        value, gradient = (_largest(pairs) for pairs in (values, gradients))
        rows.append({"part": part, "ours": ours, "value": value, "gradient": gradient, "same": same, "remark": remark})

    def against(part, results, names):
        return [(results[name], stored[f"{part}.{name}"]) for name in names.split()]

    for part, affine in ("instance", True), ("instance_plain", False):
        results = _instance(stored, affine)
        gradients = against(part, results, "d_x d_gamma d_beta" if affine else "d_x")
        how = "with scale and offset" if affine else "`affine=False`; there `center=False, scale=False`"
        remark = f"{how}, `epsilon=1e-5` on both sides (there the default is 1e-3)"
        row("`layers.InstanceNormalization`", "`InstanceNormalization`", against(part, results, "y"), gradients, remark)

    for kind, name in ("conv", "Conv2D"), ("dense", "Dense"):
        part, results = f"spectral_{kind}", _spectral(stored, kind)
        theirs, ours = f"`layers.SpectralNormalization({name})`", f"`{name}(SpectralNorm)`"
        values, gradients = against(part, results, "y kernel u_before u"), against(part, results, "d_x d_bias")
        row(
            theirs,
            ours,
            values,
            gradients,
            f"output, kernel W / sigma and u after {CALLS} training calls; gradient of x and bias",
        )
        row("", "", [], against(part, results, "d_kernel"), "gradient of the kernel (1)", same=False)
        mapped = [(results["d_kernel"], _through_equation_10(stored, kind))]
        row("", "", [], mapped, "the same, theirs put through eq. 10 of Miyato et al.")
        row("", "", against(part, results, "serving"), [], f"serving after {CALLS} training calls (2)", same=False)
        row("", "", against(part, results, "serving_long"), [], f"serving after {LONG} training calls (2)")

    for kind, name in ("conv", "Conv2D"), ("dense", "Dense"):
        part, results = f"weight_{kind}", _weight(stored, kind)
        theirs, ours = f"`layers.WeightNormalization({name}, data_init=False)`", f"`{name}(WeightNorm)`"
        values, gradients = against(part, results, "g plain y"), against(part, results, "d_x d_v d_g d_bias")
        row(theirs, ours, values, gradients, "as it starts, and with another g")
        theirs, ours = f"`layers.WeightNormalization({name}, data_init=True)`", f"`{name}(WeightNorm.initialize)`"
        part, results = f"start_{kind}_unit", _start(stored, kind, "unit")
        row(theirs, ours, against(part, results, "y g bias"), [], "v of length 1")
        part, results = f"start_{kind}_any", _start(stored, kind, "any")
        row("", "", against(part, results, "bias"), [], "v of any length: bias")
        row("", "", against(part, results, "y g"), [], "v of any length: output and g (3)", same=False)
        lengths = np.linalg.norm(stored[f"{kind}.kernel"].reshape(-1, 4), axis=0)
        scaled = [(results["g"], stored[f"{part}.g"] * lengths)]
        row("", "", scaled, [], "the same, g of theirs times the length of v")

    results = _average(stored)
    values = against("average", results, " ".join(f"weights_{i} averages_{i}" for i in range(1, STEPS + 1)))
    remark = f"weights and averages after each of {STEPS} steps of SGD, decay {DECAY}"
    row("`optimizers.MovingAverage`", "`averages.update`", values, [], remark)
    return rows


def _largest(pairs):
    return max((float(np.abs(a - b).max() / np.abs(b).max()) for a, b in pairs), default=None)


def _differentiate(layer, x, upstream, weights, **kwargs):
    import tensorflow as tf

    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, **kwargs)
    gradients = tape.gradient(y, [x, *(w.value for w in weights)], output_gradients=tf.constant(upstream))
    return [a.numpy() for a in (y, *gradients)]


def _instance(stored, affine):
    from tfgan_zoo import layers

    layer = layers.InstanceNormalization(affine=affine)
    x, upstream = stored["instance.x"], stored["instance.upstream"]
    layer.build(x.shape)
    if affine:
        layer.set_weights([stored["instance.gamma"], stored["instance.beta"]])
    return dict(zip(["y", "d_x", "d_gamma", "d_beta"], _differentiate(layer, x, upstream, layer.weights), strict=False))


def _normalized(kind, normalization, **kwargs):
    from tfgan_zoo import layers

    kwargs["normalization"] = normalization
    return layers.Conv2D(4, 3, **kwargs) if kind == "conv" else layers.Dense(4, **kwargs)


def _spectral(stored, kind):
    from tfgan_zoo import layers

    layer = _normalized(kind, layers.SpectralNorm())
    x, upstream = stored[f"{kind}.x"], stored[f"{kind}.upstream"]
    layer.build(x.shape)
    layer.kernel.assign(stored[f"{kind}.kernel"])
    layer.bias.assign(stored[f"{kind}.bias"])
    layer.u.assign(stored[f"{kind}.u"].T)
    for _ in range(CALLS - 1):
        layer(x, training=True)
    results = {"u_before": layer.u.numpy().T, "kernel": layer.normalized_kernel().numpy()}  # that of the next call
    names = ["y", "d_x", "d_kernel", "d_bias"]
    weights = [layer.kernel, layer.bias]
    results.update(zip(names, _differentiate(layer, x, upstream, weights, training=True), strict=True))
    results["u"], results["serving"] = layer.u.numpy().T, layer(x).numpy()
    for _ in range(LONG - CALLS):
        layer(x, training=True)
    results["serving_long"] = layer(x).numpy()
    return results


def _through_equation_10(stored, kind):
    """The gradient of W / sigma(W) from that of the normalised kernel: (G - <G, W / sigma> v u^T) / sigma."""
    kernel = stored[f"{kind}.kernel"].astype(np.float64)
    matrix = kernel.reshape(-1, 4)
    gradient = stored[f"spectral_{kind}.d_kernel"].astype(np.float64).reshape(-1, 4)
    v = matrix @ stored[f"spectral_{kind}.u_before"][0]
    v /= np.linalg.norm(v)
    u = matrix.T @ v
    sigma, u = np.linalg.norm(u), u / np.linalg.norm(u)
    return ((gradient - np.sum(gradient * matrix) / sigma * np.outer(v, u)) / sigma).reshape(kernel.shape)


def _weight(stored, kind):
    from tfgan_zoo import layers

    initializer = _constant(stored[f"{kind}.kernel"])
    layer = _normalized(kind, layers.WeightNorm(), kernel_initializer=initializer)
    x, upstream = stored[f"{kind}.x"], stored[f"{kind}.upstream"]
    layer.build(x.shape)
    layer.bias.assign(stored[f"{kind}.bias"])
    results = {"g": layer.g.numpy(), "plain": layer(x).numpy()}
    layer.g.assign(stored[f"weight_{kind}.new_g"])
    weights = [layer.kernel, layer.g, layer.bias]
    names = ["y", "d_x", "d_v", "d_g", "d_bias"]
    results.update(zip(names, _differentiate(layer, x, upstream, weights), strict=True))
    return results


def _start(stored, kind, length):
    from tfgan_zoo import layers

    layer = _normalized(kind, layers.WeightNorm())
    x, kernel = stored[f"{kind}.x"], stored[f"{kind}.kernel"]
    layer.build(x.shape)
    layer.kernel.assign(_of_length_1(kernel) if length == "unit" else kernel)
    layer.normalization.initialize(layer, x)
    return {"y": layer(x).numpy(), "g": layer.g.numpy(), "bias": layer.bias.numpy()}


def _constant(array):
    return lambda shape, dtype=None: array.reshape(shape)


def _average(stored):
    import keras
    import tensorflow as tf

    from tfgan_zoo import averages

    x, target = stored["average.x"], stored["average.target"]
    network = keras.Sequential([keras.Input(x.shape[1:]), keras.layers.Dense(4, "tanh"), keras.layers.Dense(1)])
    network.set_weights([stored[f"average.start_{i}"] for i in range(4)])
    average, optimizer = averages.copy(network), keras.optimizers.SGD(RATE)
    results = {}
    for step in range(1, STEPS + 1):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(network(x) - target))
        optimizer.apply(tape.gradient(loss, network.trainable_variables), network.trainable_variables)
        averages.update(average, network, DECAY)
        results[f"weights_{step}"], results[f"averages_{step}"] = (_flat(n.get_weights()) for n in (network, average))
    return results


def table(rows):
    """The rows in Markdown."""
    lines = ["| TensorFlow Addons | here | value | gradient | what was compared |", "|---|---|---|---|---|"]
    for row in rows:
        value, gradient = ("-" if row[k] is None else f"{row[k]:.2g}" for k in ("value", "gradient"))
        lines.append(f"| {row['part']} | {row['ours']} | {value} | {gradient} | {row['remark']} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
