"""Text -> the numbers of its words, by TensorFlow operations alone: in a pipeline, in a step, in a served graph."""

import dataclasses
import functools

import numpy as np
import tensorflow as tf

from tfgan_zoo.errors import InputError

_BUCKETS = 2**62  # of fingerprints; words that share one are refused
_BETWEEN = r"[^\pL\pN\pM]+"  # what is neither a letter, a number nor a mark


@dataclasses.dataclass(frozen=True)
class Words:
    """The words that a model knows. Case, punctuation and space do not count.

    Attributes:
        known: the words in lower case; the number of the i-th is i + 1.
        length: of a longer text only so many words count.
    """

    known: tuple[str, ...]
    length: int

    @classmethod
    def of(cls, texts):
        """Those of some texts, and the length of the longest of these.

        Raises:
            InputError: there is no word in them.
        """
        found = _split(tf.constant(list(texts), tf.string, shape=[len(texts)]))
        known = sorted({word.decode() for word in found.flat_values.numpy()})
        if not known:
            raise InputError(f"{len(texts)} texts have no word; give texts of letters or numbers")
        return cls(tuple(known), int(found.row_lengths().numpy().max()))

    def ids(self, text):
        """Texts `[...]` -> int32 `[..., length]`: the numbers of the words, 0 for none and unknown ones."""
        flat = tf.reshape(text, [-1])
        split = _split(flat).to_tensor("", shape=[None, self.length])
        fingerprints, numbers = self._table
        hashed = tf.strings.to_hash_bucket_fast(split, _BUCKETS)
        at = tf.minimum(tf.searchsorted(fingerprints, tf.reshape(hashed, [-1])), len(self.known) - 1)
        same = tf.gather(fingerprints, at) == tf.reshape(hashed, [-1])
        ids = tf.where(same & (tf.reshape(split, [-1]) != ""), tf.gather(numbers, at), 0)
        return tf.ensure_shape(
            tf.reshape(ids, tf.concat([tf.shape(text), [self.length]], 0)), [*text.shape, self.length]
        )

    def text(self, ids):
        """The known words of ids `[length]`, with spaces between."""
        return " ".join(self.known[i - 1] for i in np.asarray(ids).tolist() if i)

    def transform(self, element, seed, columns):
        """For `batches.batches`: the column `text` of an example becomes its ids, since XLA takes no strings."""
        del seed, columns
        return element | {"text": self.ids(element["text"])}

    @functools.cached_property
    def _table(self):
        """Fingerprints in order, and the number of the word that each is of."""
        with tf.init_scope():
            hashed = tf.strings.to_hash_bucket_fast(tf.constant(self.known), _BUCKETS).numpy()
        if len(set(hashed)) < len(self.known):
            raise InputError(f"two of {len(self.known)} words have the same fingerprint; leave one out")
        order = np.argsort(hashed)
        return hashed[order], np.int32(order + 1)


def _split(texts):
    """Texts `[N]` -> a ragged tensor of their words."""
    return tf.strings.split(tf.strings.regex_replace(tf.strings.lower(texts, "utf-8"), _BETWEEN, " "))
