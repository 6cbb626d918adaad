"""An exported model as a function from z, or from styles w, to pictures."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from tfgan_zoo import latent, litert, pictures, signatures
from tfgan_zoo.errors import InputError

_Z = ("serving_default", "decode")
_WITHOUT_VALUE = {"truncation": 1.0}  # as trained


class Exported:
    """The spaces of a SavedModel: `z`, and `w` where it has `mapping` and `synthesis`.

    Args:
        version: its folder.
        given: `NAME=VALUE`s for inputs beside z, one value for all pictures; of labels, names do too.
        trusted: as `litert.load` takes it.

    Attributes:
        prior: the `Prior` of z.
        from_z: the name of the signature that draws from it.
        spaces: "z" and maybe "w".
        styles: `(layers, dim)` of w, or None.

    Raises:
        InputError: no such model; none that draws pictures from z; values that do not fit.
    """

    def __init__(self, version, given=(), trusted=False):
        self.version, self.model = version, litert.load(version, trusted)
        self.metadata = signatures.told(version)
        self.given = {}
        for one in given:
            name, equals, value = one.partition("=")
            if not equals or not value:
                raise InputError(f"--given {one!r}: expected NAME=VALUE, like label=3")
            self.given[name] = value
        served = self.model.signatures
        self.from_z = next((name for name in _Z if name in served and "z" in self.inputs(name)), None)
        if self.from_z is None or "generated" not in served[self.from_z].structured_outputs:
            raise InputError(
                f"{version} has no signature that draws from z; its signatures: {', '.join(sorted(served))}"
            )
        shape = served[self.from_z].structured_outputs["generated"].shape
        if shape.rank != 4:
            raise InputError(f"{version} draws no pictures but points; choose another model")
        self.at_once = pictures.few(tuple(shape[1:]))
        dim = self.inputs(self.from_z)["z"].shape[1]
        self.prior = latent.Prior(dim, **(self.metadata.get("noise") or {}))
        styled = {"mapping", "synthesis"} <= set(served)
        self.spaces = ("z", "w") if styled else ("z",)
        self.styles = tuple(self.inputs("synthesis")["w"].shape[1:]) if styled else None
        unknown = set(self.given) - set(self.inputs(self.from_z)) - {"z"}
        if unknown or "z" in self.given:
            takes = ", ".join(sorted(set(self.inputs(self.from_z)) - {"z"})) or "nothing else"
            raise InputError(f"--given {sorted(unknown or {'z'})[0]}: {version} takes z and {takes}")

    def inputs(self, signature):
        """Name -> `tf.TensorSpec` of the inputs of a signature."""
        return litert.served(self.model, self.version, signature).structured_input_signature[1]

    def draw(self, count, seed, space="z"):
        """`[count, dim]` of the prior, or what they are mapped to, `[count, layers, dim]`."""
        z = self.prior.array(count, np.random.default_rng(seed))
        return z if space == "z" else self.mapped(z)

    def mapped(self, z):
        """The styles w `[N, layers, dim]` of z `[N, dim]`."""
        mapping = litert.served(self.model, self.version, "mapping")
        return self._in_batches(lambda z: mapping(z=z)["styles"], z)

    def differentiable(self, space):
        """`points -> image [N, H, W, C]` in [-1, 1], a function of tensors whose gradient can be taken."""
        if space == "w":
            synthesis = self.model.signatures["synthesis"]
            return lambda w: synthesis(w=w)["generated"]
        function, specs = self.model.signatures[self.from_z], self.inputs(self.from_z)
        more = {name: spec for name, spec in specs.items() if name != "z"}

        def generate(z):
            told = {name: self._told(spec, name, tf.shape(z)[0]) for name, spec in more.items()}
            return function(z=z, **told)["generated"]

        return generate

    def generate(self, points, space="z"):
        """Pictures `[N, H, W, C]` of z `[N, dim]` or w `[N, layers, dim]`."""
        return self._in_batches(self.differentiable(space), np.asarray(points, np.float32))

    def answer(self, signature, count, **inputs):
        """The pictures of a signature for `count` examples, from `inputs` and what was given on the command line.

        Of the inputs numbers are the same for all, arrays have one entry for each.
        """
        specs, function = self.inputs(signature), litert.served(self.model, self.version, signature)
        exact = {name: tf.constant(value, specs[name].dtype) for name, value in inputs.items()}

        def answers(places):
            these = {name: tf.gather(value, places) if value.shape.rank else value for name, value in exact.items()}
            told = {name: self._told(spec, name, len(places)) for name, spec in specs.items() if name not in inputs}
            return function(**these, **told)["generated"]

        return self._in_batches(answers, np.arange(count))

    def _told(self, spec, name, count):
        """One value for all of `count` examples."""
        value = self._value(spec, name)
        shape = spec.shape.as_list()
        return tf.fill([count if i == 0 and d is None else d for i, d in enumerate(shape)], value)

    def _value(self, spec, name):
        text = self.given.get(name)
        if text is None and name in _WITHOUT_VALUE:
            return tf.constant(_WITHOUT_VALUE[name], spec.dtype)
        names = signatures.told_names(self.metadata, name) if name in ("label", "domain") else []
        if text is None and spec.dtype.is_integer:
            text = "0"  # the first class
        if text is None and spec.dtype.is_floating:
            text = "0.0"
        if text is None:
            raise InputError(f"{self.version} takes {name} too; give it by --given {name}=...")
        if spec.dtype == tf.string:
            return tf.constant(text)
        try:
            number = names.index(text) if text in names else float(text) if spec.dtype.is_floating else int(text)
            if names and not 0 <= number < len(names):
                raise ValueError
        except ValueError:
            choice = f"one of {', '.join(names)}" if names else "a number"
            raise InputError(f"--given {name}={text}: expected {choice}") from None
        return tf.constant(number, spec.dtype)

    def encoded(self, images):
        """Codes `[N, dim]` of pictures `[N, H, W, C]`, by the signature `encode`."""
        encode = litert.served(self.model, self.version, "encode")
        return self._in_batches(lambda image: encode(image=image)["code"], np.asarray(images, np.float32))

    @property
    def image_shape(self):
        """`(H, W, C)` of the pictures it draws, as one answer says."""
        return tuple(self.generate(self.draw(1, 0)).shape[1:])

    @property
    def fit(self):
        """How pictures of another shape are made to fit, as its metadata says."""
        return signatures.told_fit(self.metadata)

    def space(self, asked):
        """The space that is asked for, or w where there is one, for ""."""
        if asked and asked not in self.spaces:
            raise InputError(f"--space={asked}: {Path(self.version)} has no mapping and synthesis; its space is z")
        return asked or self.spaces[-1]

    def _in_batches(self, function, points):
        starts = range(0, len(points), self.at_once)
        return np.concatenate([function(tf.constant(points[i : i + self.at_once])).numpy() for i in starts])
