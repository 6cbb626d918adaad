"""The base class: what every GAN needs and no paper mentions.

Optimizers and their variables, loss scaling, replicas, steps per execution, random numbers keyed by (seed, step).
A family subclasses `GAN`, writes `train_step` as its paper's algorithm box, and says what it serves.
"""

import keras
import tensorflow as tf

from tfgan_zoo import random


class GAN(keras.Model):
    """A model whose networks are passed in, built, and whose subclass owns the algorithm.

    A subclass has
    - `train_step(batch)`: one step of the algorithm; updates with `self.minimize`, ends in `return self.track(...)`;
    - `preview(batch)`: label -> images [N, H, W, C] in [-1, 1], what a sample grid shows;
    - `signatures()`: name -> (function, [tf.TensorSpec, ...]), what an export serves.

    Args:
        networks: role -> built `keras.Model`; each becomes an attribute.
        trains: optimizer name -> the roles it updates, e.g. `{"g_optimizer": ["generator"]}`.
        seed: all random numbers of training are a function of it and the step.

    Raises:
        ValueError: a network is not built.
    """

    noise = "normal"  # what z is drawn from; or "uniform", in [-1, 1]. An export says it too

    def __init__(self, networks, trains, *, seed=0, name=None):
        super().__init__(name=name)
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

    def draw_z(self, shape):
        """z of this shape from the open `random.stream`, distributed as `noise` says."""
        return random.normal(shape) if self.noise == "normal" else random.uniform(shape, -1.0, 1.0)

    def minimize(self, loss, tape, optimizer):
        """One step of one of `compile`'s optimizers on the mean of `loss` over all replicas.

        Args:
            loss: float32 scalar, the mean over this replica's batch.
            tape: the `tf.GradientTape` it was computed under.
            optimizer: `self.d_optimizer`, ...; the variables are those of the roles it `trains`.
        """
        context = tf.distribute.get_replica_context()
        variables = self._variables_of(next(name for name in self.trains if getattr(self, name) is optimizer))
        share = tf.constant(1.0 / context.num_replicas_in_sync, loss.dtype)  # optimizers sum over replicas
        scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        gradients = tape.gradient(loss, variables, output_gradients=optimizer.scale_loss(share) if scaled else share)
        if scaled and context.num_replicas_in_sync > 1:
            # The wrapper looks for overflow on the first replica only: let each replica hold every overflow. The mean,
            # since the optimizer sums once more.
            gradients = context.all_reduce(tf.distribute.ReduceOp.MEAN, gradients)
        optimizer.apply(gradients, variables)

    def track(self, **scalars):
        """What `train_step` returns: each scalar is averaged over replicas and over the steps of one execution."""
        return {name: tf.cast(value, tf.float32) for name, value in scalars.items()}

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Nothing is left to build. Keras would reduce a training batch over the workers, which fails with several."""

    def train_step(self, batch):
        raise NotImplementedError(f"{type(self).__name__} has no train_step")

    def make_train_function(self, force=False):
        if self.train_function is not None and not force:
            return self.train_function
        strategy = self.distribute_strategy

        @tf.autograph.experimental.do_not_convert
        def step_on_replica(batch, step):
            with random.stream(self.seed, step):
                return self.train_step(batch)

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

        self.train_function = one_execution if self.run_eagerly else tf.function(one_execution)
        return self.train_function


def two_players(generator, discriminator):
    """The `networks` and `trains` of a family of one generator and one discriminator."""
    return {
        "networks": {"generator": generator, "discriminator": discriminator},
        "trains": {"g_optimizer": ["generator"], "d_optimizer": ["discriminator"]},
    }


def given(x, label):
    """What a network that may be told a label is called with: `x`, or `[x, label]` where `label` is not None."""
    return x if label is None else [x, label]


def split(real, count):
    """Cuts what one step was given into `count` minibatches, one per discriminator step.

    A tuple (image, label) is cut into tuples. Every `count`-th example goes into the same minibatch: then those
    of all replicas together are what one device would have cut.
    """
    if isinstance(real, tuple):
        return list(zip(*(split(part, count) for part in real), strict=True))
    shape = tf.shape(real)
    strided = tf.reshape(real, tf.concat([[shape[0] // count, count], shape[1:]], 0))
    return tf.unstack(tf.ensure_shape(strided, [None, count, *real.shape[1:]]), count, axis=1)
