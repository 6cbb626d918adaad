import itertools

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from sample_data import first, same, save

from tfgan_zoo.data import batches, frames, images, layouts, prepared, transforms
from tfgan_zoo.errors import InputError


def clip(folder, numbers, start=0, name="frame_{}.png"):
    """A clip whose frame number i has the grey value start + i."""
    for i in numbers:
        save(folder / name.format(i), 4, 4, color=start + i)


def greys(clips):
    """The grey value of each frame of clips `[B, T, 4, 4, C]`."""
    return np.rint((np.asarray(clips)[:, :, 0, 0, 0] + 1) * 127.5).astype(int).tolist()


def all_of(examples, column="a"):
    return sorted(w for batch in batches.in_order(examples, 4).as_numpy_iterator() for w in greys(batch[column]))


def learned(data, column):
    """The windows of a domain that an epoch of training sees, each once."""
    count = data.train.counts["ab".index(column)]
    return sorted(greys(batch[column])[0] for batch in first(batches.batches(data.train, 1, seed=3), count))


def two_domains(folder):
    clip(folder / "trainA/run", range(1, 13))
    clip(folder / "trainB/jump", range(4), start=100)
    clip(folder / "testA/run", range(3), start=50)
    clip(folder / "testB/jump", range(3), start=150)
    return folder


def test_windows_are_frames_that_follow_each_other_by_their_numbers_from_the_disk_to_the_batch(tmp_path):
    folder = two_domains(tmp_path / "x")  # frame_2 comes before frame_10
    data = frames.frames(folder, image_size=4, data_dir=tmp_path)
    assert learned(data, "a") == [[i, i + 1, i + 2] for i in range(1, 11)]
    assert learned(data, "b") == [[100, 101, 102], [101, 102, 103]]
    assert (all_of(data.test, "a"), all_of(data.test, "b")) == ([[50, 51, 52]], [[150, 151, 152]])
    assert data.shapes == {"a": (3, 4, 4, 1), "b": (3, 4, 4, 1)} and (data.kind, data.test_is_paired) == (
        "frames",
        False,
    )
    assert data.description == f"{folder}: 10 + 2 training and 1 held-out windows of 3 frames, 4x4x1"
    assert "1 clip in trainA, 1 clip in trainB, 1 clip in testA, 1 clip in testB" in data.notes


def test_no_window_crosses_from_one_clip_to_the_next(tmp_path):
    folder = two_domains(tmp_path / "x")
    clip(folder / "trainA/walk", range(4), start=20)  # another folder
    clip(folder / "trainA/walk", range(4), start=30, name="left{}.png")  # another name in it
    clip(folder / "trainA", range(3), start=40, name="{:03}_x.png")  # in the domain itself
    clip(folder / "trainA/short", range(2), start=60)
    data = frames.frames(folder, image_size=4, data_dir=tmp_path)
    of_clips = [range(1, 13), range(20, 24), range(30, 34), range(40, 43)]
    assert learned(data, "a") == sorted([i, i + 1, i + 2] for r in of_clips for i in r[:-2])
    assert "5 clips in trainA, 1 clip in trainB, 1 clip in testA, 1 clip in testB" in data.notes
    assert "left out, shorter than 3 frames: 1 clip, first trainA/short/frame_*" in data.notes


def test_a_jump_of_the_numbers_begins_another_clip_and_their_usual_step_does_not_matter(tmp_path):
    folder = two_domains(tmp_path / "x")
    clip(folder / "trainA/run", (20, 21, 22))  # 13 to 19 are gone
    clip(folder / "trainB/slow", (0, 5, 10, 15, 30, 35, 40), start=110)
    data = frames.frames(folder, image_size=4, data_dir=tmp_path)
    assert learned(data, "a") == [[i, i + 1, i + 2] for i in range(1, 11)] + [[20, 21, 22]]
    slow = [[110, 115, 120], [115, 120, 125], [140, 145, 150]]
    assert learned(data, "b") == [[100, 101, 102], [101, 102, 103], *slow]


def test_windows_with_a_frame_that_cannot_be_read_are_left_out(tmp_path):
    folder = two_domains(tmp_path / "x")
    (folder / "trainA/run/frame_5.png").write_bytes(b"no picture")
    data = frames.frames(folder, image_size=4, data_dir=tmp_path)
    assert learned(data, "a") == [[i, i + 1, i + 2] for i in (1, 2, 6, 7, 8, 9, 10)]
    assert list(data.broken) == [f"{folder}/trainA/run/frame_5.png"]
    for i in (1, 2):
        (folder / f"testB/jump/frame_{i}.png").write_bytes(b"")
    with pytest.raises(
        InputError, match="x has no 3 frames in a row that can be read, for testB; frames of a clip are"
    ):
        frames.frames(folder, image_size=4, data_dir=tmp_path)


def test_without_held_out_folders_a_clip_is_held_out_or_the_end_of_a_single_one(tmp_path):
    for k in range(3):
        clip(tmp_path / f"x/A/clip{k}", range(4), start=10 * k)
    clip(tmp_path / "x/A/too_short", range(2), start=90)
    clip(tmp_path / "x/B", range(9), start=100)
    data = frames.frames(tmp_path / "x", image_size=4, data_dir=tmp_path)
    assert learned(data, "a") == [[0, 1, 2], [1, 2, 3], [10, 11, 12], [11, 12, 13]]
    assert learned(data, "b") == [[i, i + 1, i + 2] for i in range(100, 104)]  # 106, 107, 108 are held out
    (batch,) = first(batches.in_order(data.test, 4))
    assert (greys(batch["a"]), greys(batch["b"])) == ([[20, 21, 22]], [[106, 107, 108]])
    assert any(note.endswith("every 20th clip is held out, or the last 20th of a single one") for note in data.notes)
    few = tmp_path / "few"
    clip(few / "A", range(4))
    clip(few / "B", range(4), start=100)
    data = frames.frames(few, image_size=4, data_dir=tmp_path)  # too few for both
    assert learned(data, "a") == [[0, 1, 2], [1, 2, 3]] == all_of(data.test)


def test_streamed_frames_come_in_the_same_windows(tmp_path, monkeypatch):
    folder = two_domains(tmp_path / "x")
    clip(folder / "trainA/walk", range(4), start=20)
    kept = frames.frames(folder, image_size=4, data_dir=tmp_path)
    monkeypatch.setattr(prepared, "IN_MEMORY_BYTES", 0)
    data = frames.frames(folder, image_size=4, data_dir=tmp_path)
    assert isinstance(data.train, batches.Streamed) and data.train.counts == kept.train.counts == (12, 2)
    assert learned(data, "a") == learned(kept, "a") and learned(data, "b") == learned(kept, "b")
    same(first(batches.in_order(data.test, 4)), first(batches.in_order(kept.test, 4)))
    (batch,) = first(batches.batches(data.train, 2, seed=0))
    assert batch["a"].shape == (2, 3, 4, 4, 1)
    assert batches.batches(data.train, 2, seed=0).element_spec["a"].shape == (2, 3, 4, 4, 1)


def test_frames_that_fit_into_memory_as_files_only_are_decoded_in_windows(tmp_path, monkeypatch):
    folder = two_domains(tmp_path / "x")
    for file in folder.glob("*/*/*.png"):  # large and flat: their files are smaller than their pixels
        with Image.open(file) as image:
            image.resize((64, 64)).save(file)
    monkeypatch.setattr(prepared, "IN_MEMORY_BYTES", 40_000)
    data = frames.frames(folder, image_size=64, data_dir=tmp_path)
    assert isinstance(data.train, batches.Examples)
    assert learned(data, "a") == [[i, i + 1, i + 2] for i in range(1, 11)]


def test_windows_of_other_lengths(tmp_path):
    folder = two_domains(tmp_path / "x")
    data = frames.frames(folder, image_size=4, length=2, data_dir=tmp_path)
    assert learned(data, "b") == [[100, 101], [101, 102], [102, 103]]
    assert data.fingerprint == frames.frames(folder, image_size=4, data_dir=tmp_path).fingerprint  # of single frames


def test_a_crop_is_at_one_place_for_the_frames_of_a_clip_and_at_another_in_the_other_domain():
    place = np.arange(32, dtype=np.float32)
    grid = np.stack(np.broadcast_arrays(place[:, None], place[None]), axis=-1)  # where each pixel was
    clips = {"a": tf.constant(np.stack([grid] * 3)), "b": tf.constant(np.stack([grid] * 3))}
    columns = {name: images_column(x) for name, x in clips.items()}
    jitter = transforms.independently(transforms.random_jitter(1.25))
    corners = []
    for i in range(40):
        moved = jitter(clips, tf.constant([7, i], tf.int64), columns)
        for x in moved.values():
            np.testing.assert_array_equal(x[1:], x[:-1])
            assert x.shape == (3, 32, 32, 2)
        corners.append([moved[name][0, 16, 16].numpy() for name in "ab"])
    a, b = np.moveaxis(np.array(corners), 1, 0)
    assert len(np.unique(a, axis=0)) > 20 and (a != b).any(axis=1).sum() > 30


def images_column(x):
    return frames.Column(tf.TensorSpec(x.shape, tf.uint8), "bicubic")


WRONG = {
    "no number": (
        lambda x: save(x / "trainA/run/last.png", 4, 4),
        "^trainA/run/last.png has no number; a frame's name ends in its time, like frame_0001.png$",
    ),
    "twice": (
        lambda x: save(x / "trainA/run/frame_07.jpg", 4, 4),
        "^trainA/run/frame_07.jpg and trainA/run/frame_7.png are frame 7 twice; remove one$",
    ),
    "too short": (
        lambda x: [(x / f"trainB/jump/frame_{i}.png").unlink() for i in (1, 2)],
        "x has no 3 frames in a row of one clip, at most 2, for trainB; frames of a clip are in one",
    ),
    "one domain": (
        lambda x: [file.unlink() for file in x.glob("*B/*/*.png")],
        "x has no trainB/; clips need trainA/ and trainB/ in the folder, or A/ and B/, with pictures in them$",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_folder_that_holds_no_clips_is_one_line_that_says_why(case, tmp_path):
    break_it, says = WRONG[case]
    break_it(two_domains(tmp_path / "x"))
    with pytest.raises(InputError, match=says) as error:
        frames.frames(tmp_path / "x", image_size=4, data_dir=tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"dataset": "mnist"}, "^mnist is no folder; give `glyphs` or a folder: clips need trainA/ and trainB/, each"),
        ({"dataset": " "}, "is no folder; give `glyphs` or a folder"),
        ({"length": 1}, "^length is 1; a window has 2 frames or more$"),
        ({"length": 7}, "^length is 7, and a character turns for 6 frames; give fewer$"),
        ({"source": "comic"}, "^glyphs has no image named comic; source and target are two of"),
        ({"image_size": 0}, "^image_size is 0; give the height and width in pixels, at least 1$"),
    ],
)
def test_what_cannot_be_asked_for_is_one_line(given, says):
    with pytest.raises(InputError, match=says):
        frames.frames(**{"dataset": "glyphs", "image_size": 8} | given)


@pytest.fixture(scope="module")
def turning():
    return frames.frames("glyphs", image_size=8)


def test_characters_turn_and_held_out_ones_are_pairs(turning):
    assert (turning.train.counts, turning.test.counts) == ((2154 * 4, 2154 * 4), (210 * 4,))
    assert turning.test_is_paired and turning.licence.startswith("DejaVu fonts")
    upright = images.unpaired("glyphs", image_size=8)  # its held-out pairs are of the same characters, in order
    pairs = list(itertools.islice(batches.in_order(upright.test, 1).as_numpy_iterator(), 4))
    windows = list(itertools.islice(batches.in_order(turning.test, 4).as_numpy_iterator(), 4))
    for pair, window in zip(pairs, windows, strict=True):
        for domain in "ab":
            clips = window[domain]
            np.testing.assert_array_equal(clips[1:, :2], clips[:-1, 1:])  # each window is one frame further
            middle = np.abs(clips[1, 1:] - pair[domain]).mean()  # 5 degrees to the right, and to the left
            assert middle < np.abs(clips[0, 0] - pair[domain]).mean()  # 25 degrees


def test_a_character_turns_to_the_left_by_ten_degrees_per_frame(monkeypatch):
    bar = np.full([64, 64], 255, np.uint8)
    bar[8:56, 30:34] = 0
    file = frames.decoding.png(bar[..., None])
    monkeypatch.setattr(frames.sets, "items", lambda *_: [("bar", (file,))])
    turned = [np.asarray(Image.open(frames.io.BytesIO(f))) for _, (f,) in frames._turning(None, "train", "sans")]
    assert len(turned) == 6
    angles = []
    for picture in turned:
        y, x = np.nonzero(picture < 128)
        slope = np.polyfit(y - 31.5, x - 31.5, 1)[0]  # of x in y, which grows downwards
        angles.append(np.degrees(np.arctan(slope)))
    np.testing.assert_allclose(angles, [-25, -15, -5, 5, 15, 25], atol=0.6)


def test_the_turn_and_the_styles_are_part_of_the_fingerprint(turning, monkeypatch, tmp_path):
    def asked(**given):
        seen = []
        monkeypatch.setattr(prepared, "prepare", lambda request, _: seen.append(request) or 1 / 0)
        with pytest.raises(ZeroDivisionError):
            frames.frames("glyphs", image_size=8, **given)
        return seen[0].fingerprint

    assert asked() == turning.fingerprint
    others = [asked(target="sans_bold"), asked(fit="pad")]
    monkeypatch.setattr(frames, "DEGREES", 9)
    assert len({turning.fingerprint, *others, asked()}) == 4


def test_two_domains_of_pictures_are_still_held_out_by_the_picture(tmp_path):
    layout = layouts.two_domains(
        frames.folders.Tree(tmp_path, {f"{d}/{i}.png": "" for d in "AB" for i in range(3)}, {}, ())
    )
    assert [name for name, _ in layout.splits["testA"]] == ["A/2.png"]
