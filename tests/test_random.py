import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo import random


def draw(seed=3, step=5, shape=(4, 3), **kwargs):
    with random.stream(seed, step, **kwargs):
        return random.normal(shape).numpy()


def draws(seed, step):
    with random.stream(seed, step):
        return [random.uniform([4]).numpy() for _ in range(3)]


def test_a_draw_is_a_function_of_seed_step_and_number():
    np.testing.assert_array_equal(draws(1, 2), draws(1, 2))
    np.testing.assert_array_equal(draws(1, 2), draws(tf.constant(1, tf.int64), tf.Variable(2)))
    every = np.concatenate([draws(1, 2), draws(2, 1), draws(1, 3), draws(2, 2)])
    assert len(np.unique(every)) == every.size, "other numbers for any other seed, step or number"


@pytest.mark.parametrize("jit", [False, True])
def test_a_draw_is_of_the_bits_of_the_public_functions(jit):
    def bits():
        key = tf.random.fold_in(tf.constant([3, 5], tf.int64), tf.constant(1, tf.int64), alg="philox")
        return tf.random.stateless_uniform([4, 7], key, None, None, tf.uint32, alg="philox")

    def second():
        with random.stream(3, 5):
            random.uniform([2])
            return random.uniform([4, 7])

    bits, drawn = (tf.function(function, jit_compile=jit)() for function in (bits, second))
    np.testing.assert_array_equal(drawn, ((bits.numpy() >> 9) + 0.5) / 2**23)


def test_a_fork_has_draws_of_its_own_and_counts_as_one_of_the_open_stream():
    with random.stream(3, 5):
        first = random.uniform([4]).numpy()
        fork = random.fork()
        third = random.uniform([4]).numpy()
        with fork():
            inner = [random.uniform([4]).numpy() for _ in range(2)]
            assert int(random.step()) == 5
        with random.fork()():
            other = random.uniform([4]).numpy()
    drawn = draws(3, 5)
    np.testing.assert_array_equal([first, third], [drawn[0], drawn[2]])
    assert len({tuple(d) for d in (*drawn, *inner, other)}) == 6
    with random.stream(3, 5):
        random.uniform([4])
        with random.fork()():
            np.testing.assert_array_equal(inner, [random.uniform([4]).numpy() for _ in range(2)])


def test_what_was_drawn_before_does_not_matter():
    expected = draws(1, 2)
    np.random.rand()
    tf.random.normal([7])
    tf.random.set_seed(8)
    np.testing.assert_array_equal(draws(1, 2), expected)


def test_an_inner_stream_leaves_the_outer_one_where_it_was():
    with random.stream(1, 2):
        first = random.uniform([4]).numpy()
        with random.stream(9):
            random.uniform([4])
        rest = [random.uniform([4]).numpy() for _ in range(2)]
    np.testing.assert_array_equal([first, *rest], draws(1, 2))


@pytest.mark.parametrize("jit", [False, True])
def test_the_draws_of_two_replicas_together_are_those_of_one_device(two_replicas, jit):
    def step(replicas):
        with random.stream(3, 5):
            return random.uniform([tf.constant(4 // replicas), 3], -1.0, 1.0), random.normal([2 // replicas, 5])

    per_replica = two_replicas.run(tf.function(lambda: step(2), jit_compile=jit))
    uniform, normal = [tf.concat(two_replicas.experimental_local_results(x), 0) for x in per_replica]
    np.testing.assert_array_equal(uniform, step(1)[0])
    np.testing.assert_allclose(normal, step(1)[1], rtol=1e-5)  # equal but for the last bits of `ndtri`


def test_the_same_option_gives_every_replica_the_same_numbers(two_replicas):
    def step():
        with random.stream(3, 5):
            return random.uniform([4], same=True)

    first, second = two_replicas.experimental_local_results(two_replicas.run(tf.function(step)))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, step())


def test_xla_draws_the_same_uniform_bits_and_normals_to_rounding():
    def both(step):
        with random.stream(3, step):
            return random.uniform([1000]), random.normal([1000, 2])

    plain, compiled = tf.function(both), tf.function(both, jit_compile=True)
    step = tf.constant(5, tf.int64)
    np.testing.assert_array_equal(compiled(step)[0], plain(step)[0])
    np.testing.assert_allclose(compiled(step)[1], plain(step)[1], rtol=1e-5, atol=1e-6)


def test_a_shared_stream_repeats_one_example_whatever_the_batch_size():
    with random.stream(3, shared=True):
        five = random.uniform([5, 3])
    with random.stream(3, shared=True):
        one = random.uniform([1, 3])
    np.testing.assert_array_equal(five, np.repeat(one, 5, axis=0))
    assert len(np.unique(one)) == 3
    np.testing.assert_allclose(draw(shape=(5, 3), shared=True)[4:], draw(shape=(1, 3), shared=True), rtol=1e-6)


def test_a_shared_stream_draws_a_number_per_example_too():
    with random.stream(3, shared=True):
        x = random.uniform([5])
    with random.stream(3, shared=True):
        np.testing.assert_array_equal(x, np.repeat(random.uniform(tf.constant([1])), 5))


def test_a_shared_stream_is_the_same_on_every_replica(two_replicas):
    def step():
        with random.stream(3, 5, shared=True):
            return random.normal([2, 3])

    for value in two_replicas.experimental_local_results(two_replicas.run(tf.function(step))):
        np.testing.assert_allclose(value, draw(shape=(2, 3), shared=True), rtol=1e-6)


def test_a_draw_outside_a_stream_is_refused():
    with pytest.raises(RuntimeError, match=r"outside `with random.stream\(seed, step\):`"):
        random.normal([2])
    with pytest.raises(ZeroDivisionError), random.stream(0):
        raise ZeroDivisionError
    with pytest.raises(RuntimeError, match="outside"):  # an error inside closes the stream too
        random.uniform([2])


def test_normal_numbers_have_the_moments_of_the_standard_normal():
    x = draw(shape=(200_000,)).astype(np.float64)
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        np.testing.assert_allclose(np.mean(x**power), moment, atol=4 * np.sqrt(variance / x.size))
    np.testing.assert_allclose(np.mean(x[1:] * x[:-1]), 0, atol=4 / np.sqrt(x.size))


def test_uniform_numbers_fill_their_interval_evenly():
    with random.stream(3, 5):
        x = random.uniform([200_000], -2.0, 6.0).numpy()
    shares = np.histogram(x, bins=16, range=(-2, 6))[0] / x.size
    np.testing.assert_allclose(shares, 1 / 16, atol=4 * np.sqrt(1 / 16 / x.size))


def test_the_lowest_and_highest_bits_give_neither_0_nor_1_and_finite_normals(monkeypatch):
    with random.stream(0):
        monkeypatch.setattr(random, "_bits", lambda *args: tf.constant([0, 2**32 - 1], tf.uint32))
        np.testing.assert_array_equal(random.uniform([2]), [2.0**-24, 1 - 2.0**-24])
        np.testing.assert_allclose(random.normal([2]), [-5.294704, 5.294704], rtol=1e-4)


def test_integers_take_every_value_equally_often_and_no_other():
    with random.stream(0):
        drawn = random.integers([13_000], 13).numpy()
    counts = np.bincount(drawn, minlength=13)
    assert drawn.dtype == np.int64 and len(counts) == 13
    assert np.sum((counts - 1000) ** 2 / 1000) < 34.5  # chi^2 with 12 degrees of freedom, 0.06 %


def test_a_stream_tells_its_step():
    with random.stream(3, 41):
        assert int(random.step()) == 41
    with random.stream(3):
        assert int(random.step()) == 0


def in_while_loop(draw):
    return tf.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x + draw()), [0, tf.zeros([2])])


def in_the_condition(draw):
    return tf.while_loop(lambda i: tf.reduce_sum(draw()) < tf.cast(i, tf.float32), lambda i: i + 1, [0])


@pytest.fixture(autouse=True)
def no_device_is_left_behind():
    """`tf.map_fn` and `tf.scan` set a caching device, and do not unset it when what they call raises."""
    yield
    tf.compat.v1.get_variable_scope()._caching_device = None  # its setter refuses to work eagerly


def in_map_fn(draw):
    return tf.map_fn(lambda x: x + draw(), tf.zeros([3, 2]))


def in_scan(draw):
    return tf.scan(lambda a, x: a + x + draw(), tf.zeros([3, 2]))


def in_autograph(draw):
    total = tf.zeros([2])
    for _ in tf.range(3):
        total += draw()
    return total


def in_a_branch_in_a_loop(draw):
    return in_while_loop(lambda: tf.cond(tf.constant(True), draw, lambda: tf.zeros([2])))


def in_a_function_in_a_loop(draw):
    return in_while_loop(tf.function(draw))


LOOPS = pytest.mark.parametrize(
    "loop",
    [
        in_while_loop,
        in_the_condition,
        in_map_fn,
        in_scan,
        in_autograph,
        in_a_branch_in_a_loop,
        in_a_function_in_a_loop,
    ],
)
SHARED = pytest.mark.parametrize("shared", [False, True], ids=["batch", "shared"])
JIT = pytest.mark.parametrize("jit", [False, True], ids=["plain", "xla"])
DRAWS = {"normal": lambda: random.normal([2]), "uniform": lambda: random.uniform([2])}


@LOOPS
@SHARED
@JIT
@pytest.mark.parametrize("kind", DRAWS)
def test_a_draw_in_a_loop_from_a_stream_opened_outside_of_it_is_refused(loop, shared, jit, kind):
    @tf.function(jit_compile=jit)
    def opened_in_the_step(seed):
        with random.stream(seed, shared=shared):
            return loop(DRAWS[kind])

    with pytest.raises(RuntimeError, match="draw before the loop, for all iterations at once"):
        opened_in_the_step(tf.constant(3))
    with random.stream(3, shared=shared), pytest.raises(RuntimeError, match="draw before the loop"):
        tf.function(lambda: loop(DRAWS[kind]), jit_compile=jit)()


@SHARED
@JIT
@pytest.mark.parametrize("nested", [False, True], ids=["here", "in a function"])
def test_a_stream_opened_in_the_body_of_a_loop_draws_what_its_step_says(shared, jit, nested):
    def draw():
        return random.uniform([2])

    inner = tf.function(draw) if nested else draw

    @tf.function(jit_compile=jit)
    def loop():
        total = tf.zeros([2])
        for step in tf.range(3):
            with random.stream(3, step, shared=shared):
                total += inner() + tf.cond(step > 5, draw, draw)
        return total

    expected = np.zeros([2])
    for step in range(3):
        with random.stream(3, step, shared=shared):
            first = random.uniform([2]).numpy()
            random.uniform([2])  # the branch that is not taken has a number too
            expected += first + random.uniform([2]).numpy()
    np.testing.assert_allclose(loop(), expected, rtol=1e-6)


def test_draws_beside_a_loop_and_in_a_branch_are_as_ever():
    @tf.function
    def step():
        with random.stream(1, 2):
            first = random.uniform([4])
            total = in_while_loop(lambda: tf.ones([2]))
            second = tf.cond(total[0] > 0, lambda: random.uniform([4]), lambda: tf.zeros([4]))
            return first, second, random.uniform([4])

    np.testing.assert_array_equal(step(), draws(1, 2))


@JIT
def test_replicas_may_open_streams_in_a_loop_and_not_draw_in_one_from_outside(two_replicas, jit):
    def opened_outside():
        with random.stream(3):
            return in_while_loop(DRAWS["normal"])

    inner = tf.function(opened_outside, jit_compile=True) if jit else opened_outside
    with pytest.raises(RuntimeError, match="draw before the loop"):
        tf.function(lambda: two_replicas.run(inner))()

    def opened_in_a_step(step):
        with random.stream(3, step):
            return random.uniform([1])

    @tf.function
    def loop():
        per_replica = two_replicas.run(opened_in_a_step, args=(tf.constant(0),))
        total = tf.concat(two_replicas.experimental_local_results(per_replica), 0)
        for step in tf.range(1, 3):
            per_replica = two_replicas.run(opened_in_a_step, args=(step,))
            total += tf.concat(two_replicas.experimental_local_results(per_replica), 0)
        return total

    expected = np.zeros([2])
    for step in range(3):
        with random.stream(3, step):
            expected += random.uniform([2]).numpy()
    np.testing.assert_allclose(loop(), expected, rtol=1e-6)


def test_labels_are_drawn_like_integers_and_are_none_without_classes():
    with random.stream(3):
        labels = random.labels(tf.constant(1000), 4)
        assert random.labels(5, 0) is None
    with random.stream(3):
        np.testing.assert_array_equal(labels, random.integers([1000], 4))
    assert labels.dtype == tf.int64 and set(labels.numpy()) == {0, 1, 2, 3}
