"""The base class: what every family needs and no paper mentions.

Optimizers and their variables, loss scaling, replicas, steps per execution, random numbers keyed by (seed, step).
A family subclasses `GenerativeModel`, writes `train_step` as its paper's algorithm box, and says what it serves.
"""

import functools

import keras
import numpy as np
import tensorflow as tf

from tfgan_zoo import averages, convolutions, random
from tfgan_zoo.errors import InputError


class GenerativeModel(keras.Model):
    """A model whose networks are passed in, built, and whose subclass owns the algorithm.

    A subclass has `train_step`, `preview` and `signatures`, as they are described here.

    Calling the model, and `predict`, answer as its signature `serving_default` does. `save_weights` and `load_weights`
    keep the networks, the step, what else the family remembers and, once compiled, the optimizers; so does
    `tf.train.Checkpoint(model=model)`.

    Args:
        networks: role -> built `keras.Model`; each becomes an attribute. All that trains, and what does not but is
            needed to go on. What only judges is a function (see `as_function`), no role.
        trains: optimizer name -> the roles it updates, e.g. `{"g_optimizer": ["generator"]}`.
        seed: all random numbers of training are a function of it and the step.

    Attributes:
        maps: names of columns [B, H, W, ...] that hold numbers, such as ids, and no pictures.
        answers: the output of `serving_default` that the last lines of a run ask for.
        averaged: (role, rate) of `serve_average`; None: no average is kept.
        told: what `metadata.json` of an export says beside what all say, name -> JSON value; `{"ema": True}` where what
            is served is a moving average of the weights.

    Raises:
        ValueError: a network is not built.
    """

    maps = ()
    answers = "generated"
    told = {}
    averaged = None

    def __init__(self, networks, trains, *, seed=0, name=None):
        super().__init__(name=name, autocast=False)  # what it is called with is not rounded to half precision
        for role, network in networks.items():
            if not network.built:
                raise ValueError(f"{type(self).__name__}: the {role} is not built; call it or its build() once first")
            setattr(self, role, network)
        self.roles, self.trains, self.seed = tuple(networks), trains, seed
        self.minibatches = 1  # of real examples in what one train_step is given; more where D takes several steps
        # Counts train steps; an optimizer's own count stands still when float16 gradients overflow.
        self.step = tf.Variable(
            0, dtype=tf.int64, trainable=False, name="step", aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA
        )
        self.built = True  # or fit would call the model on a training batch

    def serve_average(self, role, rate):
        """From now on keep a moving average of a network's weights, and preview, export and measure that.

        No paper of a family that is asked for it has it (those that have are written with their own): it changes
        nothing in training, and takes the noise of the last steps out of what is served. The average is one more role,
        `average_<role>`, in every checkpoint. Call it where the networks are made, before `compile`.

        Args:
            role: such as "generator"; a family that shows and serves what `served(role)` gives.
            rate: in (0, 1), what the average takes of the new weights in a step; 1e-2 is a mean of some hundred steps.
                A slower one suits networks without batch norm, whose statistics are those of the last steps. 0:
                nothing is kept.

        Raises:
            InputError: a rate that is none.
        """
        if not 0 <= rate < 1:
            raise InputError(
                f"an average that takes {rate:g} of the new weights in a step: expected 0 or more, below 1"
            )
        if rate:
            setattr(self, f"average_{role}", averages.copy(getattr(self, role)))
            self.roles += (f"average_{role}",)
            self.averaged, self.told = (role, rate), {**self.told, "ema": True}

    def served(self, role):
        """The network of a role that is previewed and exported: its average where one is kept, else itself."""
        averaged = self.averaged is not None and self.averaged[0] == role
        return getattr(self, f"average_{role}" if averaged else role)

    def compile(self, *, jit_compile=False, steps_per_execution=1, run_eagerly=False, **optimizers):
        """Takes one Keras optimizer for each name in `trains`.

        Args:
            jit_compile: compile the step with XLA; works with one replica (TPUs always compile).
            steps_per_execution: train steps per call into the TensorFlow runtime.
            run_eagerly: run the step op by op, for debugging.
            **optimizers: `d_optimizer=...`, `g_optimizer=...`: the names the family's docstring gives.

        Raises:
            TypeError: an optimizer is missing or not one of this family's.
        """
        if set(optimizers) != set(self.trains):
            given, expected = ", ".join(sorted(optimizers)) or "none", ", ".join(sorted(self.trains))
            raise TypeError(f"{type(self).__name__}.compile takes the optimizers {expected}; got {given}")
        super().compile(
            optimizer=None,  # the default would be an RMSprop over all weights
            jit_compile=False,
            steps_per_execution=steps_per_execution,
            run_eagerly=run_eagerly,
        )
        self.jit_step = jit_compile
        for name, optimizer in optimizers.items():
            if self._computes_in_float16() and not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
                optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
            optimizer.build(self._variables_of(name))  # in the first step it is too late under MirroredStrategy
            setattr(self, name, optimizer)
        self.train_function = None

    def _variables_of(self, optimizer_name):
        return [v for role in self.trains[optimizer_name] for v in getattr(self, role).trainable_variables]

    def _computes_in_float16(self):
        return any(layer.compute_dtype == "float16" for layer in self._flatten_layers(include_self=False))

    def minimize(self, loss, tape, optimizer, *, missing_is_zero=False):
        """One step of one of `compile`'s optimizers on the mean of `loss` over all replicas.

        Args:
            loss: float32 scalar, the mean over this replica's batch.
            tape: the `tf.GradientTape` it was computed under.
            optimizer: `self.d_optimizer`, ...; the variables are those of the roles it `trains`.
            missing_is_zero: take the gradient of a variable that the loss does not depend on for 0. Otherwise it has
                none, of which Keras warns.
        """
        context = tf.distribute.get_replica_context()
        variables = self._variables_of(next(name for name in self.trains if getattr(self, name) is optimizer))
        share = tf.constant(1.0 / context.num_replicas_in_sync, loss.dtype)  # optimizers sum over replicas
        scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        gradients = tape.gradient(loss, variables, output_gradients=optimizer.scale_loss(share) if scaled else share)
        if missing_is_zero:
            pairs = zip(gradients, variables, strict=True)
            gradients = [tf.zeros(v.shape, v.dtype) if g is None else g for g, v in pairs]
        if scaled and context.num_replicas_in_sync > 1:
            # The wrapper looks for overflow on the first replica only: let each replica hold every overflow. The mean,
            # since the optimizer sums once more.
            gradients = context.all_reduce(tf.distribute.ReduceOp.MEAN, gradients)
        optimizer.apply(gradients, variables)

    def when(self, due, function, *given):
        """A part of the step that is not of every step: `function(*given)` where `due`.

        As `tf.cond`, in whose branches replicas cannot speak with each other: here `function` may `minimize`, gather
        rows, assign and draw random numbers. Whatever it does is not done where it is not due: optimizers stand still.

        Args:
            due: a bool scalar tensor, the same on every replica, such as `random.step() % 16 == 0`.
            function: gives one float32 scalar, the mean over this replica's batch. Tensors it uses are in `given`.
            *given: tensors.

        Returns:
            The scalar, the mean over all replicas; 0 where it is not due.
        """
        context, forked = tf.distribute.get_replica_context(), random.fork()

        def branch(*given):
            with forked():
                return function(*given)

        if context.num_replicas_in_sync == 1 or isinstance(context.strategy, tf.distribute.TPUStrategy):
            return tf.cond(due, lambda: branch(*given), lambda: 0.0)

        def of_all(strategy, due, *given):
            def made():
                each = strategy.extended.call_for_each_replica(branch, args=given)
                return strategy.reduce(tf.distribute.ReduceOp.MEAN, each, axis=None)

            return tf.cond(strategy.experimental_local_results(due)[0], made, lambda: 0.0)

        return context.merge_call(of_all, args=(due, *given))

    def track(self, **scalars):
        """What `train_step` returns: each scalar is averaged over replicas and over the steps of one execution."""
        return {name: tf.cast(value, tf.float32) for name, value in scalars.items()}

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Nothing is left to build. Keras would reduce a training batch over the workers, which fails with several."""

    def train_step(self, batch):
        """One step of the algorithm on this replica's batch: a tensor, or a dict of tensors by the names of columns.

        Updates with `self.minimize` and ends in `return self.track(...)`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no train_step")

    def preview(self, batch):
        """What a sample grid shows of held-out examples: a dict of columns by their labels.

        A column is pictures [N, H, W, C] in [-1, 1], or what `pictures.columns_of_points` gives of points.
        """
        raise NotImplementedError(f"{type(self).__name__} has no preview")

    def signatures(self):
        """What an export serves: name -> (function, [tf.TensorSpec, ...]).

        A function takes its inputs in the order of the specs, whose names `signatures.NAMES` knows, and returns a dict.
        """
        raise NotImplementedError(f"{type(self).__name__} has no signatures")

    def __call__(self, inputs, **kwargs):
        # Refused here, since Keras hides the line of an error in `call` among others.
        return super().__call__(self._as_served(inputs), **kwargs)

    def _as_served(self, inputs):
        """What the model is called with, in the order of the specs of `serving_default`."""
        _, specs = self.signatures()["serving_default"]
        names = ", ".join(spec.name for spec in specs)
        if isinstance(inputs, dict):
            if any(spec.name not in inputs for spec in specs):
                raise InputError(f"{type(self).__name__} was called with {', '.join(inputs)}; expected {names}")
            inputs = [inputs[spec.name] for spec in specs]
        inputs = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
        if len(inputs) != len(specs):
            raise InputError(
                f"{type(self).__name__} was called with {len(inputs)} inputs; expected {names}, as a dict or in this "
                f"order, each an array"
            )
        inputs = [
            x if hasattr(x, "shape") else tf.convert_to_tensor(x, s.dtype) for x, s in zip(inputs, specs, strict=True)
        ]
        for value, spec in zip(inputs, specs, strict=True):
            if not spec.shape.is_compatible_with(value.shape):
                raise InputError(
                    f"{type(self).__name__} was called with {spec.name} of shape {list(value.shape)}; expected "
                    f"{spec.shape.as_list()}"
                )
        return inputs

    def call(self, inputs):
        function, specs = self.signatures()["serving_default"]
        return function(*(tf.cast(x, s.dtype) for x, s in zip(inputs, specs, strict=True)))

    # Keras would trace the call for them; the step and what a family remembers are no weights of a layer.
    def compute_output_spec(self, *args, **kwargs):
        function, specs = self.signatures()["serving_default"]
        made = tf.function(function, input_signature=specs, autograph=False).get_concrete_function().structured_outputs
        return {name: keras.KerasTensor(spec.shape, spec.dtype.name) for name, spec in made.items()}

    def own_state(self):
        """The variables beside those of the networks: the step, and those of each attribute that is a `tf.Module`."""
        modules = [value for value in vars(self).values() if isinstance(value, tf.Module)]
        return [self.step, *(variable for module in modules for variable in module.variables)]

    def save_own_variables(self, store):
        for i, variable in enumerate(self.own_state()):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store):
        for i, variable in enumerate(self.own_state()):
            variable.assign(store[str(i)][()])

    def evaluate(self, *args, **kwargs):
        raise InputError(
            f"{type(self).__name__} has no validation loss; score an export by python -m tfgan_zoo.evaluate, or in fit "
            f"by a callback, and leave validation_data out"
        )

    def save(self, *args, **kwargs):
        raise InputError(_NO_SAVE.format("save", type(self).__name__))

    def export(self, *args, **kwargs):
        raise InputError(_NO_SAVE.format("export", type(self).__name__))

    def fit(self, x=None, *args, **kwargs):
        """As `keras.Model.fit`.

        Raises:
            InputError: pictures of the first batch are outside of [-1, 1].
        """
        first = next(iter(x.take(1)), None) if isinstance(x, tf.data.Dataset) else x
        if not isinstance(first, tuple):
            columns = first if isinstance(first, dict) else {"image": first}
            for name, column in columns.items():
                if name not in self.maps:
                    _check_pictures(name, column, type(self).__name__)
        return super().fit(x, *args, **kwargs)

    def make_train_function(self, force=False):
        if self.train_function is not None and not force:
            return self.train_function
        strategy = self.distribute_strategy

        @tf.autograph.experimental.do_not_convert
        def step_on_replica(batch, step):
            with random.stream(self.seed, step), convolutions.slopes_in_blocks():
                logs = self.train_step(batch)
                if self.averaged:
                    role, rate = self.averaged
                    averages.update(self.served(role), getattr(self, role), averages.corrected(rate, random.step()))
                return logs

        if self.jit_step and not isinstance(strategy, tf.distribute.TPUStrategy):
            if strategy.num_replicas_in_sync > 1:
                raise ValueError("jit_compile=True works with one replica (TPUs compile on their own); leave it off")
            step_on_replica = tf.function(step_on_replica, jit_compile=True)

        def one_step(iterator):
            per_replica = strategy.run(step_on_replica, args=(next(iterator), self.step.read_value()))
            self.step.assign_add(1)
            return {k: strategy.reduce(tf.distribute.ReduceOp.MEAN, v, axis=None) for k, v in per_replica.items()}

        def one_execution(iterator):
            logs = one_step(iterator)
            if self.steps_per_execution > 1:
                for _ in tf.range(self.steps_per_execution - 1):
                    more = one_step(iterator)
                    logs = {k: v + more[k] for k, v in logs.items()}
                logs = {k: v / self.steps_per_execution for k, v in logs.items()}
            return logs

        # This graph optimizer of TensorFlow 2.21 can drop what keeps the reading of a weight before its update: a
        # penalty then saw, once in many runs, a bias that was updated already (tests/ordered.py).
        tf.config.optimizer.set_experimental_options({"dependency_optimization": False})
        self.train_function = one_execution if self.run_eagerly else tf.function(one_execution)
        return self.train_function


_NO_SAVE = (
    "{1}.{0} would lose the optimizers and the algorithm; to serve it use tfgan_zoo.export.export(model, folder), to "
    "go on training save_weights or tf.train.Checkpoint(model=model), for one of its networks that one's save"
)


def _check_pictures(name, column, model):
    """Refuses an array or tensor of pictures, or frames, that are not in [-1, 1]."""
    if not isinstance(column, np.ndarray | tf.Tensor) or len(column.shape) < 4 or not len(column):
        return
    values = np.asarray(column[:64]).astype(np.float32)
    low, high = float(values.min()), float(values.max())
    kind = tf.as_dtype(column.dtype)
    if not kind.is_floating or low < -1.01 or high > 1.01:
        raise InputError(
            f"{model}.fit: the pictures {name!r} are {kind.name} from {low:g} to {high:g}; expected floating-point "
            "numbers in [-1, 1]: divide 0..255 by 127.5 and take 1 away"
        )


def two_players(generator, discriminator):
    """The `networks` and `trains` of a family of one generator and one discriminator."""
    return {
        "networks": {"generator": generator, "discriminator": discriminator},
        "trains": {"g_optimizer": ["generator"], "d_optimizer": ["discriminator"]},
    }


def as_function(network):
    """A network that judges and never trains, as a function `x -> network(x, training=False)`.

    As an attribute of a model it is neither trained nor checkpointed, and exported only if a signature calls it.
    """
    return lambda x: network(x, training=False)


def graph_when_eager(function, **options):
    """A function of tensors, or a method, that runs as a graph when it is called eagerly.

    A graph that calls it is given its operations. A `tf.function` would give it the graph of an earlier call, which
    reads the weights as they were read then: an export with float16 weights reads others.

    Args:
        function: what is traced.
        **options: of `tf.function`.
    """
    traced = tf.function(function, autograph=False, **options)

    @functools.wraps(function)
    def called(*args):
        return (function if tf.inside_function() else traced)(*args)

    return called


def in_float32(network):
    """A network as a function, called as it is, that computes in float32 whatever the precision of the network.

    For gradients with respect to pictures or styles that are part of a loss: they overflow float16. The weights are
    those of `network`, which gets the gradients. Of a network of half precision a copy is kept; its own weights are not
    used.

    Args:
        network: a built functional `keras.Model` whose layers assign nothing in a call.
    """
    if not any(layer.compute_dtype in ("float16", "bfloat16") for layer in network._flatten_layers()):
        return lambda x, training=False: network(x, training=training)
    twin = _float32_twin(network)

    def computed(x, training=False):
        kept = [[v.value for v in kind] for kind in (network.trainable_variables, network.non_trainable_variables)]
        return twin.stateless_call(*kept, x, training=training)[0]

    return computed


def _float32_twin(network):
    def clone(layer):
        if isinstance(layer, keras.Model):
            return _float32_twin(layer)
        config = layer.get_config()
        if "dtype" in config:
            config["dtype"] = "float32"
        return layer.__class__.from_config(config)

    return keras.models.clone_model(network, clone_function=clone)


def image_of(batch):
    """The column `image` of a batch that is a dict; a batch of images alone."""
    return batch["image"] if isinstance(batch, dict) else batch


def image_and_label(batch):
    """The columns of a batch `{"image", "label"}`; of a batch of images alone `(image, None)`."""
    return (batch["image"], batch["label"]) if isinstance(batch, dict) else (batch, None)


def given(x, label):
    """What a network that may be told a label is called with: `x`, or `[x, label]` where `label` is not None."""
    return x if label is None else [x, label]


def split(batch, count):
    """Cuts what one step was given into `count` minibatches, one per discriminator step.

    A dict is cut into dicts. Every `count`-th example goes into the same minibatch: then those of all replicas together
    are what one device would have cut.

    Raises:
        InputError: the batch is no multiple of `count`.
    """
    if isinstance(batch, dict):
        parts = {name: split(column, count) for name, column in batch.items()}
        return [{name: column[i] for name, column in parts.items()} for i in range(count)]
    if (batch.shape[0] or 0) % count:
        raise InputError(
            f"a batch of {batch.shape[0]} examples per replica is cut into {count} minibatches, one per discriminator "
            f"step; give a multiple of {count}"
        )
    size = tf.shape(batch)[0]
    whole = tf.debugging.assert_equal(
        size % count, 0, f"a batch is cut into {count} minibatches; give a multiple of it"
    )
    with tf.control_dependencies([whole] if whole is not None else []):
        strided = tf.reshape(batch, tf.concat([[size // count, count], tf.shape(batch)[1:]], 0))
    return tf.unstack(tf.ensure_shape(strided, [None, count, *batch.shape[1:]]), count, axis=1)
