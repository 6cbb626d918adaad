"""What every family must do, whatever its paper says. `tests/families/test_<family>.py` inherits it."""

import gc
import tempfile

import keras
import numpy as np
import pytest
import second_gradient
import tensorflow as tf

from tfgan_zoo.export import export
from tfgan_zoo.signatures import NAMES, example

BATCH = 4
_MADE = {}  # the class whose tests run -> name -> what was made once for them


def sgd():
    """Adam would hide a wrong scale of the gradients, and blow up rounding where they are near 0."""
    return keras.optimizers.SGD(0.01)


class Conformance:
    """A subclass gives `make` and `batch`; the tests come with it.

    Attributes:
        still: paths (parts of) of trainable weights that a few steps need not move, with the reason beside them.
        penalised: roles whose input gradient is part of a loss.
    """

    still = ()
    penalised = ()

    def make(self):
        """A small model of the family, not compiled."""
        raise NotImplementedError

    def batch(self, count, rng):
        """`count` training examples, float32 in [-1, 1], as `train_step` takes them: an array, or a dict of them."""
        raise NotImplementedError

    def compiled(self, optimizer=lambda: keras.optimizers.Adam(1e-3), strategy=None, **kwargs):
        keras.utils.set_random_seed(1)
        with (strategy or tf.distribute.get_strategy()).scope():
            model = self.make()
            model.compile(**{name: optimizer() for name in model.trains}, **kwargs)
        return model

    def in_a_new_process(self):
        """`compiled`, with the names of a new process: the order in which gradients are added hangs on them."""
        keras.backend.clear_session()
        return self.compiled()

    def train(self, model, steps, skip=0):
        """Steps on a fixed run of batches, from number `skip` on; returns the last losses."""
        count = BATCH * model.minibatches
        batches = [self.batch(count, np.random.default_rng(i)) for i in range(8)]
        stacked = tf.nest.map_structure(lambda *b: np.concatenate(b), *batches)
        dataset = tf.data.Dataset.from_tensor_slices(stacked).batch(count, drop_remainder=True).skip(skip)
        history = model.fit(dataset, epochs=1, steps_per_epoch=steps, shuffle=False, verbose=0).history
        return {name: values[-1] for name, values in history.items()}

    def trained(self):
        """`(model, what its trainable weights were, losses)` after four steps, for tests that only look at it."""
        return self.once("trained", self._trained)[:3]

    def _trained(self):
        model, folder = self.in_a_new_process(), tempfile.TemporaryDirectory()
        before = [np.array(v) for v in model.trainable_variables]
        self.train(model, 2)
        tf.train.Checkpoint(model=model).write(f"{folder.name}/half")
        losses = self.train(model, 2, skip=2)
        tf.train.Checkpoint(model=model).write(f"{folder.name}/whole")
        return model, before, losses, folder

    def stepped(self):
        """Two eager steps of `sgd` on one device: for each its losses, and a checkpoint of the model behind it."""
        return self.once("stepped", self._stepped)

    def _stepped(self):
        model, folder, steps = self.compiled(sgd, run_eagerly=True), tempfile.TemporaryDirectory(), []
        for step in range(2):
            losses = self.train(model, 1, skip=step)
            steps.append((losses, tf.train.Checkpoint(model=model).write(f"{folder.name}/{step}")))
        return steps, folder

    def once(self, name, make):
        """What `make` gives, made by the first test of the class that asks for it: tracing a step takes longest."""
        if type(self) not in _MADE:
            _MADE.clear()
            gc.collect()  # models and their graphs are circles
        made = _MADE.setdefault(type(self), {})
        if name not in made:
            made[name] = make()
        return made[name]

    def test_a_few_steps_move_every_trainable_weight_and_log_finite_losses(self):
        model, before, losses = self.trained()
        assert losses and np.isfinite(list(losses.values())).all(), losses
        after = zip(model.trainable_variables, before, strict=True)
        unmoved = [v.path for v, old in after if np.array_equal(old, np.array(v))]
        assert [path for path in unmoved if not any(part in path for part in self.still)] == []
        assert int(model.step.numpy()) == 4
        shown = model.preview(self.batch(5, np.random.default_rng(9)))
        assert shown and all(np.isfinite(column).all() and len(column) == 5 for column in map(np.array, shown.values()))

    def test_calling_it_and_predict_answer_as_serving_default_and_its_names_are_known(self):
        model, *_ = self.trained()
        for function, specs in model.signatures().values():
            inputs, outputs = {spec.name for spec in specs}, set(function(*self.request(specs, 2)))
            assert inputs | outputs <= set(NAMES) and not inputs & outputs
        function, specs = model.signatures()["serving_default"]
        request = self.request(specs, 3)
        given = request[0] if len(request) == 1 else {s.name: x for s, x in zip(specs, request, strict=True)}
        for name, value in function(*request).items():
            np.testing.assert_allclose(model(given)[name], value, rtol=1e-5, atol=1e-5)
            if all(spec.shape.rank for spec in specs):  # Keras cuts all that it is given into batches
                np.testing.assert_allclose(model.predict(given, verbose=0)[name], value, rtol=1e-5, atol=1e-5)

    def test_saved_weights_bring_back_the_networks_the_step_and_what_else_it_remembers(self, tmp_path):
        (model, *_), other = self.trained(), self.compiled()
        model.save_weights(tmp_path / "all.weights.h5")
        other.load_weights(tmp_path / "all.weights.h5")
        kept = [("a weight", model.variables, other.variables), ("the rest", model.own_state(), other.own_state())]
        for what, expected, got in kept:
            for a, b in zip(expected, got, strict=True):
                np.testing.assert_array_equal(np.array(a), np.array(b), err_msg=f"{what} {a.name}")
        assert int(other.step.numpy()) == 4

    def test_two_replicas_make_the_update_that_one_makes(self, two_replicas):
        two, (steps, _) = self.compiled(sgd, two_replicas), self.stepped()
        for step, (losses, checkpoint) in enumerate(steps):
            for name, value in self.train(two, 1, skip=step).items():
                np.testing.assert_allclose(value, losses[name], rtol=2e-4, atol=2e-5, err_msg=name)
            got = state(two)
            for name, value in held(checkpoint).items():
                # A bias before an instance norm has a gradient of 0 but for rounding, which is 3e-5 in a RecycleGAN.
                np.testing.assert_allclose(got[name], value, rtol=1e-3, atol=5e-5, err_msg=name)
            # The next step from the same bits: two steps of a CycleGAN make 3e-3 of a relative difference of 1e-7.
            tf.train.Checkpoint(model=two).read(checkpoint)

    @pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
    def test_mixed_precision_trains_float32_weights_and_serves_float32(self, policy):
        keras.config.set_dtype_policy(policy)
        model = self.compiled(run_eagerly=True)  # the same operations, and none is traced
        assert np.isfinite(list(self.train(model, 2).values())).all()
        assert {v.dtype for v in model.trainable_variables} == {"float32"}
        if policy == "mixed_float16":
            assert all(isinstance(getattr(model, n), keras.optimizers.LossScaleOptimizer) for n in model.trains)
        for name, (function, specs) in model.signatures().items():
            for output in function(*self.request(specs, 2)).values():
                assert output.dtype in (tf.float32, tf.string), name

    def test_what_is_penalised_has_second_order_gradients(self):
        model = self.make()
        for role in self.penalised:
            network, rng = getattr(model, role), np.random.default_rng(0)
            second_gradient.check(network, [rng.uniform(-1, 1, [3, *x.shape[1:]]) for x in network.inputs], rng)

    def test_the_step_compiles_with_xla_and_computes_the_same(self):
        compiled, (((expected, _), _), _) = self.compiled(sgd, jit_compile=True), self.stepped()
        for name, value in self.train(compiled, 1).items():
            np.testing.assert_allclose(value, expected[name], rtol=1e-3, atol=1e-4, err_msg=name)

    def test_a_restart_halfway_ends_with_the_same_bits(self):
        *_, folder = self.once("trained", self._trained)
        keras.utils.set_random_seed(7)
        resumed = self.in_a_new_process()
        for variable in resumed.trainable_variables:
            variable.assign(variable + 1.0)
        tf.train.Checkpoint(model=resumed).read(f"{folder.name}/half").assert_existing_objects_matched()
        self.train(resumed, 2, skip=2)
        expected, got = held(f"{folder.name}/whole"), state(resumed)
        assert expected.keys() == got.keys()
        for name, value in expected.items():
            np.testing.assert_array_equal(got[name], value, err_msg=name)

    def test_the_export_answers_every_signature_as_the_live_model_does(self, tmp_path):
        model, *_ = self.trained()
        path = export(model, tmp_path / "exported")
        loaded = tf.saved_model.load(str(path))
        signatures = model.signatures()
        assert set(loaded.signatures) == set(signatures)
        for name, (function, specs) in signatures.items():
            for count in (1, 3):
                request = self.request(specs, count)
                named = dict(zip([s.name for s in specs], request, strict=True))
                answer, expected = loaded.signatures[name](**named), function(*request)
                assert answer.keys() == expected.keys()
                for key, value in expected.items():
                    if value.dtype == tf.string:
                        assert answer[key].shape == value.shape
                        np.testing.assert_allclose(_pixels(answer[key]), _pixels(value), atol=1, err_msg=name)
                    else:
                        np.testing.assert_allclose(answer[key], value, rtol=1e-5, atol=1e-5, err_msg=name)

    def request(self, specs, count):
        """Inputs that fit a signature."""
        return [tf.constant(example(spec, count), spec.dtype) for spec in specs]


def _pixels(files):
    return np.array([tf.io.decode_png(file).numpy() for file in files.numpy()], int)


def state(model):
    """All that a checkpoint of `model` holds, by name: weights, slots, counters, pools."""
    with tempfile.TemporaryDirectory() as folder:
        return held(tf.train.Checkpoint(model=model).write(f"{folder}/state"))


def held(checkpoint):
    """All that the checkpoint at a path holds, by name."""
    reader = tf.train.load_checkpoint(checkpoint)
    names = reader.get_variable_to_shape_map().keys() - {"_CHECKPOINTABLE_OBJECT_GRAPH"}
    return {name: reader.get_tensor(name) for name in names}
