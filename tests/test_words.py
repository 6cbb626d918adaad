import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo.errors import InputError
from tfgan_zoo.words import Words


def test_words_are_numbered_and_case_punctuation_and_space_do_not_count():
    words = Words.of(["A red  dot", "two DOTS, red!", "Éclair 2"])
    assert words == Words(("2", "a", "dot", "dots", "red", "two", "éclair"), 3)
    got = words.ids(tf.constant(["red dot", " DOT;red-éclair", "", "a a a two"])).numpy()
    np.testing.assert_array_equal(got, [[5, 3, 0], [3, 5, 7], [0, 0, 0], [2, 2, 2]])
    assert words.text([5, 3, 0]) == "red dot"


def test_a_word_that_is_not_known_is_0_wherever_it_would_stand_among_the_known():
    words = Words.of([" ".join(f"w{i}" for i in range(50))])
    for unknown in ("x", "", "w50", "aaaa", "zzzz", "€", "猫"):
        np.testing.assert_array_equal(
            words.ids(tf.constant(f"w7 {unknown} w8")).numpy()[[0, -1]], [words.known.index("w7") + 1, 0]
        )
    ids = words.ids(tf.constant([f"w{i}" for i in range(50)])).numpy()[:, 0]
    assert [words.known[i - 1] for i in ids] == [f"w{i}" for i in range(50)]


def test_ids_of_any_shape_have_a_static_length_and_bytes_that_are_no_text_are_answered():
    words = Words.of(["a b"])
    assert words.ids(tf.constant("b")).numpy().tolist() == [2, 0]
    assert words.ids(tf.constant([["a"], ["b"]])).shape == (2, 1, 2)
    assert words.ids(tf.constant([b"\xff\xfe a"])).numpy().tolist() == [[1, 0]]
    traced = tf.function(words.ids).get_concrete_function(tf.TensorSpec([None], tf.string))
    assert traced.output_shapes.as_list() == [None, 2]


def test_texts_without_a_word_are_refused():
    with pytest.raises(InputError, match="2 texts have no word; give texts of letters or numbers"):
        Words.of(["...", ""])
