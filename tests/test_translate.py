"""`translate.main` on tiny exports and folders of tiny pictures."""

import json
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as kl
from PIL import Image
from serving.models import small

from tfgan_zoo import Pix2Pix, Pix2PixHD, translate
from tfgan_zoo.data import decoding
from tfgan_zoo.errors import InputError
from tfgan_zoo.export import export
from tfgan_zoo.networks import pix2pix_hd
from tfgan_zoo.networks.patchgan import patchgan_discriminator


def save(path, **signatures):
    """A SavedModel of functions with specs: `name=(function, spec, ...)`."""
    module = tf.Module()
    module.f = {n: tf.function(f, input_signature=specs, autograph=False) for n, (f, *specs) in signatures.items()}
    tf.saved_model.save(module, str(path), signatures=module.f)
    return path


def spec(name, *shape, dtype=tf.float32):
    return tf.TensorSpec([None, *shape], dtype, name=name)


GREY, COLOUR = spec("image", None, None, 1), spec("image", None, None, 3)
RADIUS = 8  # of what the network of `local` sees around a pixel: 1 + 1 + 2 + 3 + 1


def local():
    """A network without a norm: halved, and doubled again."""
    keras.utils.set_random_seed(1)
    x = image = keras.Input((16, 16, 3))
    x = kl.Conv2D(6, 3, 2, "same", activation="relu")(kl.Conv2D(4, 3, padding="same", activation="relu")(x))
    x = kl.Conv2DTranspose(4, 4, 2, "same", activation="relu")(kl.Conv2D(6, 3, padding="same", activation="relu")(x))
    return keras.Model(image, kl.Conv2D(3, 3, padding="same", activation="tanh")(x))


def hd():
    keras.utils.set_random_seed(2)
    generator = pix2pix_hd.global_generator((8, 8, 2), 1, width=4, downs=1, blocks=1)
    return Pix2PixHD(generator, pix2pix_hd.multiscale_discriminator((8, 8, 1), 2, width=4, layers=1, scales=1))


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Name -> version folder."""
    folder = tmp_path_factory.mktemp("exported")
    discriminator = patchgan_discriminator((16, 16, 3), width=4, layers=1, condition_channels=3)
    negative, halved = (lambda image: {"generated": -image}), (lambda image: {"generated": image / 2})

    def turned(image, domain):
        return {"generated": image * (1 - 2 * tf.cast(domain, tf.float32)[:, None, None, None])}

    def filled(image, mask):
        return {"generated": mask * image + (1 - mask) * 0.2}

    def refusing(image):
        few = tf.debugging.assert_less(tf.shape(image)[1], 9, "image must be low")
        with tf.control_dependencies([few]):
            return {"generated": tf.identity(image)}

    def doubled(image):
        return {"generated": tf.repeat(tf.repeat(image, 2, 1), 2, 2)}

    def of_ids(image, instance):
        return {"generated": tf.cast(instance, tf.float32) / 2 - 1 + 0 * image}

    domain, mask = spec("domain", dtype=tf.int64), spec("mask", None, None, 1)
    ids = spec("instance", None, None, 1, dtype=tf.int32)
    return {
        "local": export(Pix2Pix(local(), discriminator), folder / "local"),
        "unet": export(small("pix2pix", (8, 8, 3)), folder / "unet"),
        "both": save(folder / "both", serving_default=(negative, GREY), a_to_b=(negative, GREY), b_to_a=(halved, GREY)),
        "colour": save(folder / "colour", serving_default=(negative, COLOUR)),
        "opacity": save(folder / "opacity", serving_default=(halved, spec("image", None, None, 4))),
        "domain": save(folder / "domain", serving_default=(turned, GREY, domain)),
        "mask": save(folder / "mask", serving_default=(filled, GREY, mask)),
        "ids": save(folder / "ids", serving_default=(of_ids, GREY, ids)),
        "hd": export(hd(), folder / "hd"),
        "fixed": save(folder / "fixed", serving_default=(negative, spec("image", 8, 12, 1))),
        "larger": save(folder / "larger", serving_default=(doubled, GREY)),
        "refusing": save(folder / "refusing", serving_default=(refusing, GREY)),
        "noise": save(folder / "noise", serving_default=(lambda z: {"generated": z[:, None, None]}, spec("z", 3))),
    }


@pytest.fixture
def call(capsys):
    """Runs the command: (exit code, what it printed, what it printed to stderr)."""

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            translate.main([str(a) for a in arguments])
        return end.value.code, *capsys.readouterr()

    return run


def grey(path, level, height=5, width=7):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (width, height), level).save(path)


def pixels(path):
    return np.asarray(Image.open(path))


def tree(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def photos(tmp_path):
    """Three pictures of greys 10, 20, 30, one of them deeper, and a file that is none."""
    grey(tmp_path / "in/a.png", 10)
    grey(tmp_path / "in/b.jpg", 20, 9, 4)
    grey(tmp_path / "in/deep/er/c.png", 30)
    (tmp_path / "in/deep/broken.png").write_bytes(b"no picture")
    (tmp_path / "in/notes.txt").write_text("mine")
    return tmp_path / "in"


def test_a_folder_is_translated_with_its_folders_and_what_is_broken_is_named_and_counted(
    models, photos, tmp_path, call
):
    code, out, err = call(models["both"], photos, tmp_path / "out")
    assert code == 1
    assert out == f"3 pictures translated by serving_default, 1 could not be translated: {tmp_path / 'out'}\n"
    assert err.strip() == "deep/broken.png: it cannot be read (not an image)"
    assert tree(tmp_path / "out") == [".translate.json", "a.png", "b.png", "deep/er/c.png"]
    np.testing.assert_array_equal(pixels(tmp_path / "out/a.png"), np.full([5, 7], 245))
    np.testing.assert_array_equal(pixels(tmp_path / "out/deep/er/c.png"), np.full([5, 7], 225))
    assert pixels(tmp_path / "out/b.png").shape == (9, 4)


def test_the_same_command_goes_on_where_it_stopped_and_overwrites_nothing(models, photos, tmp_path, call):
    (photos / "deep/broken.png").unlink()
    out = tmp_path / "out"
    assert call(models["both"], photos, out)[0] == 0
    (out / "b.png").unlink()
    (out / "a.png").write_bytes(b"mine")
    (out / "deep/er/.c.png-999999").write_bytes(b"of a process that was killed")
    (out / "deep/er/c.png").unlink()
    code, said, _ = call(models["both"], photos, out)
    assert code == 0 and said == f"2 pictures translated by serving_default, 1 were there already: {out}\n"
    assert (out / "a.png").read_bytes() == b"mine" and tree(out) == [
        ".translate.json",
        "a.png",
        "b.png",
        "deep/er/c.png",
    ]
    assert call(models["both"], photos, out, "--force")[1].startswith("3 pictures translated")
    assert pixels(out / "a.png")[0, 0] == 245


def test_answers_of_another_command_are_not_mixed_with_these(models, photos, tmp_path, call):
    out = tmp_path / "out"
    call(models["both"], photos, out)
    code, _, err = call(models["both"], photos, out, "--direction=b_to_a")
    assert code == 2
    assert "holds answers of another command, whose signature was serving_default and not b_to_a; give another" in err
    assert pixels(out / "a.png")[0, 0] == 245
    assert call(models["both"], photos, out, "--direction=b_to_a", "--force")[0] == 1
    np.testing.assert_allclose(pixels(out / "a.png")[0, 0], (10 / 127.5 - 1) / 2 * 127.5 + 127.5, atol=0.5)


def test_a_disk_that_fails_ends_in_one_line_and_leaves_no_half_picture(models, photos, tmp_path, call, monkeypatch):
    replace, out = translate.files.os.replace, tmp_path / "out"

    def fail(source, target):
        if str(target).endswith("b.png"):
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(translate.files.os, "replace", fail)
    code, _, err = call(models["both"], photos, out)
    assert code == 2 and re.fullmatch(
        r"error: .*b.png cannot be written \(No space left on device\); mend it, .*\n", err
    )
    assert tree(out) == [".translate.json", "a.png"]


def test_pictures_whose_names_differ_in_the_suffix_alone_have_an_answer_each(models, tmp_path, call):
    for name, level in (("a.png", 10), ("a.jpg", 20), ("b.png", 30)):
        grey(tmp_path / "in" / name, level)
    assert call(models["both"], tmp_path / "in", tmp_path / "out")[0] == 0
    assert tree(tmp_path / "out") == [".translate.json", "a.jpg.png", "a.png.png", "b.png"]
    assert pixels(tmp_path / "out/a.png.png")[0, 0] == 245


def test_one_picture_is_translated_into_a_file_or_a_folder(models, tmp_path, call):
    grey(tmp_path / "a.bmp", 10)
    assert call(models["both"], tmp_path / "a.bmp", tmp_path / "made.png")[0] == 0
    assert call(models["both"], tmp_path / "a.bmp", tmp_path / "new")[0] == 0
    assert pixels(tmp_path / "made.png")[0, 0] == pixels(tmp_path / "new/a.png")[0, 0] == 245
    code, _, err = call(models["both"], tmp_path / "a.bmp", tmp_path / "made.png")
    assert code == 2 and "made.png is there already; give another name, or --force" in err
    assert call(models["both"], tmp_path / "a.bmp", tmp_path / "made.png", "--direction=b_to_a", "--force")[0] == 0
    assert pixels(tmp_path / "made.png")[0, 0] == 69


def test_files_of_any_sort_are_read_as_in_training(models, tmp_path, call):
    exif = Image.Exif()
    exif[0x0112] = 6
    half = np.zeros([4, 6, 3], np.uint8)
    half[:, 3:] = [200, 100, 50]
    folder = tmp_path / "in"
    folder.mkdir()
    Image.fromarray(half).save(folder / "turned.png", exif=exif)
    Image.fromarray(half[..., 0].astype(np.uint16) * 20).save(folder / "deep.png")
    Image.fromarray(np.dstack([half, half[..., :1]])).save(folder / "clear.png")
    Image.fromarray(half).quantize(4).save(folder / "palette.gif")
    assert call(models["colour"], folder, tmp_path / "out")[0] == 0
    for path, span in (("turned.png", None), ("deep.png", (0, 4095)), ("clear.png", None), ("palette.gif", None)):
        head = decoding.header(str(folder / path))
        expected = 255 - decoding.read(str(folder / path), head.height, head.width, 3, found_range=span)
        np.testing.assert_array_equal(pixels(tmp_path / "out" / path.replace("gif", "png")), expected, err_msg=path)
    assert pixels(tmp_path / "out/turned.png").shape == (6, 4, 3)
    assert call(models["both"], folder, tmp_path / "grey", "--value-range=0,8000")[0] == 0
    assert pixels(tmp_path / "grey/deep.png")[0, 4] == 255 - round(4000 / 8000 * 255)
    assert call(models["opacity"], folder, tmp_path / "opacity")[0] == 0
    assert pixels(tmp_path / "opacity/clear.png").shape == (4, 6, 4)


def test_a_domain_is_given_by_number_or_by_its_name(models, tmp_path, call):
    grey(tmp_path / "a.png", 10)
    model = models["domain"]
    assert call(model, tmp_path / "a.png", tmp_path / "1.png", "--domain=1")[0] == 0
    assert pixels(tmp_path / "1.png")[0, 0] == 245
    code, _, err = call(model, tmp_path / "a.png", tmp_path / "2.png")
    assert code == 2 and err.endswith("serving_default takes a domain; give --domain, a number, from 0\n")
    (model / "metadata.json").write_text(json.dumps({"data": {"domains": ["young", "old"]}}))
    assert call(model, tmp_path / "a.png", tmp_path / "0.png", "--domain=young")[0] == 0
    assert pixels(tmp_path / "0.png")[0, 0] == 10
    for wrong in ("2", "dead"):
        code, _, err = call(model, tmp_path / "a.png", tmp_path / "2.png", f"--domain={wrong}")
        assert code == 2 and f"give --domain, young, old, or a number from 0 to 1, not {wrong}" in err
    (model / "metadata.json").unlink()
    code, _, err = call(models["both"], tmp_path / "a.png", tmp_path / "2.png", "--domain=1")
    assert code == 2 and "takes neither a domain nor a label; leave out --domain=1" in err


def test_masks_are_taken_by_name_and_a_picture_without_one_is_named(models, tmp_path, call):
    for name in ("a.png", "deep/b.jpg", "c.png", "d.png"):
        grey(tmp_path / "in" / name, 10)
    grey(tmp_path / "masks/a.png", 128)
    grey(tmp_path / "masks/deep/b.png", 127)
    grey(tmp_path / "masks/d.png", 127, 6, 7)
    code, out, err = call(models["mask"], tmp_path / "in", tmp_path / "out", f"--mask-folder={tmp_path / 'masks'}")
    assert code == 1 and "2 pictures translated by serving_default, 2 could not" in out
    assert err.splitlines() == [
        f"c.png: no mask c.png in {tmp_path / 'masks'}",
        "d.png: it is 7x5 and its mask 7x6; expected the same",
    ]
    np.testing.assert_array_equal(pixels(tmp_path / "out/a.png"), np.full([5, 7], 10))
    np.testing.assert_array_equal(pixels(tmp_path / "out/deep/b.png"), np.full([5, 7], 153))
    one = f"--mask-folder={tmp_path / 'masks/a.png'}"
    assert call(models["mask"], tmp_path / "in/c.png", tmp_path / "c.png", one)[0] == 0
    code, _, err = call(models["mask"], tmp_path / "in", tmp_path / "other")
    assert code == 2 and "takes a mask with each picture; give --mask-folder" in err
    code, _, err = call(models["both"], tmp_path / "in", tmp_path / "other", one)
    assert code == 2 and "takes no masks; leave out --mask-folder" in err


def test_ids_of_instances_are_read_by_name_or_found_in_the_picture(models, tmp_path, call):
    picture, ids = np.full([5, 7], 255, np.uint8), np.zeros([5, 7], np.int32)
    picture[1:3, 1:3], picture[4, 5:], ids[2:, 3:], ids[0, 0] = 0, 0, 1, 3
    (tmp_path / "in").mkdir()
    Image.fromarray(picture).save(tmp_path / "in/a.png")
    assert call(models["ids"], tmp_path / "in", tmp_path / "found")[0] == 0
    levels = {0: 0, 1: 64, 2: 128, 3: 191}  # of id / 2 - 1
    connected = np.where(picture > 0, 0, np.where(np.arange(5)[:, None] < 3, 1, 2))
    np.testing.assert_array_equal(pixels(tmp_path / "found/a.png"), np.vectorize(levels.get)(connected))
    (tmp_path / "ids").mkdir()
    Image.fromarray(np.uint16(ids)).save(tmp_path / "ids/a.png")
    told = f"--instance-folder={tmp_path / 'ids'}"
    assert call(models["ids"], tmp_path / "in", tmp_path / "told", told, "--tile=4", "--overlap=1")[0] == 0
    np.testing.assert_array_equal(pixels(tmp_path / "told/a.png"), np.vectorize(levels.get)(ids))
    code, _, err = call(models["ids"], tmp_path / "in", tmp_path / "found", told)
    assert code == 2 and "whose instance folder was None and not" in err
    grey(tmp_path / "in/b.png", 10)
    grey(tmp_path / "in/c.png", 10)
    grey(tmp_path / "ids/c.png", 1, 6, 7)
    code, _, err = call(models["ids"], tmp_path / "in", tmp_path / "more", told)
    assert code == 1 and f"b.png: no instance b.png in {tmp_path / 'ids'}" in err
    assert "c.png: it is 7x5 and its instance 7x6; expected the same" in err
    code, _, err = call(models["both"], tmp_path / "in", tmp_path / "other", told)
    assert code == 2 and "takes no ids; leave out --instance-folder" in err


def test_a_pix2pix_hd_answers_the_same_to_pixels_and_to_files(models, tmp_path, call):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, [16, 24], np.uint8)).save(tmp_path / "a.png")
    Image.fromarray(rng.integers(0, 3, [16, 24], np.uint8)).save(tmp_path / "ids.png")
    for flags in ([], [f"--instance-folder={tmp_path / 'ids.png'}"]):
        made = []
        for signature in ("serving_default", "translate_bytes"):
            path = tmp_path / f"{len(flags)}{signature}.png"
            assert call(models["hd"], tmp_path / "a.png", path, f"--signature={signature}", *flags)[0] == 0
            made.append(pixels(path).astype(int))
        assert np.abs(made[0] - made[1]).max() <= 1 and made[0].std() > 1
    assert np.abs(pixels(tmp_path / "0serving_default.png").astype(int) - made[0]).max() > 1, "ids count"


def test_a_network_of_one_size_gets_its_size_or_tiles_of_it(models, tmp_path, call):
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, [30, 25], np.uint8)
    Image.fromarray(picture).save(tmp_path / "a.png")
    assert call(models["fixed"], tmp_path / "a.png", tmp_path / "fit.png")[0] == 0
    expected = 255 - decoding.read(str(tmp_path / "a.png"), 8, 12, 1)[..., 0]
    np.testing.assert_array_equal(pixels(tmp_path / "fit.png"), expected)
    assert call(models["fixed"], tmp_path / "a.png", tmp_path / "tiles.png", "--tile=1", "--overlap=2")[0] == 0
    np.testing.assert_array_equal(pixels(tmp_path / "tiles.png"), 255 - picture)
    grey(tmp_path / "small.png", 10, 3, 40)
    assert call(models["fixed"], tmp_path / "small.png", tmp_path / "s.png", "--tile=1", "--overlap=1")[0] == 0
    np.testing.assert_array_equal(pixels(tmp_path / "s.png"), np.full([3, 40], 245))


def test_an_answer_may_be_larger_than_its_picture_in_tiles_too(models, tmp_path, call):
    picture = np.random.default_rng(0).integers(0, 256, [30, 25], np.uint8)
    Image.fromarray(picture).save(tmp_path / "a.png")
    for name, flags in (("whole", ["--tile=0"]), ("tiles", ["--tile=10", "--overlap=2"])):
        assert call(models["larger"], tmp_path / "a.png", tmp_path / f"{name}.png", *flags)[0] == 0
        np.testing.assert_array_equal(pixels(tmp_path / f"{name}.png"), picture.repeat(2, 0).repeat(2, 1))


def test_a_signature_of_files_is_asked_with_the_files(models, tmp_path, call):
    picture = np.random.default_rng(0).integers(0, 256, [13, 20, 3], np.uint8)
    for name in ("a.png", "a.bmp"):
        Image.fromarray(picture).save(tmp_path / name)
    made = []
    for name, flag in (
        ("a.png", "--signature=translate_bytes"),
        ("a.bmp", "--signature=translate_bytes"),
        ("a.png", ""),
    ):
        out = tmp_path / f"{len(made)}.png"
        code, said, err = call(models["unet"], tmp_path / name, out, *([flag] if flag else []))
        assert code == 0 and ("translate_bytes" if flag else "serving_default") in said, err
        made.append(pixels(out).astype(int))
    assert made[0].shape == (13, 20, 3) and made[0].std() > 3
    np.testing.assert_array_equal(made[0], made[1])
    np.testing.assert_allclose(made[0], made[2], atol=1)


@pytest.mark.parametrize("sides", [(90, 120), (64, 200)])
def test_tiles_whose_overlap_holds_all_that_an_answer_depends_on_leave_no_seam(models, tmp_path, call, sides):
    picture = np.random.default_rng(0).integers(0, 256, [*sides, 3], np.uint8)
    Image.fromarray(picture).save(tmp_path / "a.png")
    config = translate.Config(version=str(models["local"]), input="", output="", tile=0)
    translator = translate.Translator(config)
    assert translator.sizes == (2, 2)
    whole = translator(tmp_path / "a.png").astype(int)
    answers = []
    for tile, overlap in ((64, RADIUS), (64, 1), (50, 0)):
        translator.config.tile, translator.config.overlap = tile, overlap
        answers.append(np.abs(translator(tmp_path / "a.png") - whole).max() / 255)
    assert whole.std() > 3
    assert answers[0] <= 1 / 255 and answers[1] > 2 / 255, answers
    # The numbers themselves, not rounded to levels.
    planes = {"image": picture}
    translator.config.tile, translator.config.overlap = 64, RADIUS
    down, across = (translate.axis(n, min(n, 64), RADIUS, 2) for n in sides)

    def one(top, left):
        return translator._tile({"image": picture[top : top + min(sides[0], 64), left : left + 64]})

    exact = translator._tile(planes)
    sums = np.zeros_like(exact)
    for top, rows in zip(down[1], down[2], strict=True):
        for left, columns in zip(across[1], across[2], strict=True):
            made = one(top, left)
            sums[top : top + made.shape[0], left : left + 64] += rows[:, None, None] * columns[:, None] * made
    np.testing.assert_allclose(sums, exact, atol=1e-5)


@pytest.mark.parametrize(
    ("side", "tile", "overlap", "multiple"), [(100, 40, 8, 4), (100, 40, 0, 1), (64, 64, 99, 8), (41, 40, 5, 1)]
)
def test_tiles_cover_a_side_and_their_weights_add_up_to_one(side, tile, overlap, multiple):
    _, starts, weights = translate.axis(side, tile, overlap, multiple)
    assert starts[0] == 0 and starts[-1] == side - tile and all(start % multiple == 0 for start in starts)
    total = np.zeros(side)
    for start, weight in zip(starts, weights, strict=True):
        total[start : start + tile] += weight
        inner = [weight[:overlap]] * (start > 0) + [weight[tile - overlap :]] * (start < side - tile)
        assert all((part == 0).all() for part in inner)
    np.testing.assert_allclose(total, 1, atol=1e-6)
    assert weights.min() >= 0


def test_a_tile_that_would_have_nothing_left_to_keep_is_refused_with_the_least_that_would():
    with pytest.raises(InputError, match="^a tile of 40 is too small for an overlap of 16 .*; give a --tile of 44 or"):
        translate.axis(100, 40, 16, 4)
    assert len(translate.axis(100, 44, 16, 4)[1]) > 2


def test_a_picture_above_the_limit_is_cut_into_tiles_without_being_asked(models, tmp_path, monkeypatch):
    config = translate.Config(version=str(models["local"]), input="", output="", overlap=RADIUS)
    translator, sizes = translate.Translator(config), []
    tile = translator._tile
    translator._tile = lambda planes: sizes.append(planes["image"].shape[:2]) or tile(planes)
    Image.fromarray(np.zeros([64, 100, 3], np.uint8)).save(tmp_path / "a.png")
    monkeypatch.setattr(translate, "TILE", 50)
    translator(tmp_path / "a.png")
    assert sizes == [(64, 100)]
    monkeypatch.setattr(translate.served_files, "MAX_PIXELS_EACH", 64 * 100 - 1)
    translator(tmp_path / "a.png")
    assert set(sizes[1:]) == {(50, 50)} and len(sizes) > 4


def test_a_sheet_has_the_pictures_beside_their_answers(models, tmp_path, call):
    grey(tmp_path / "in/a.png", 10, 6, 6)
    grey(tmp_path / "in/b.png", 200, 3, 6)
    (tmp_path / "in/c.png").write_bytes(b"no picture")
    assert call(models["both"], tmp_path / "in", tmp_path / "out", f"--sheet={tmp_path / 'sheet.png'}")[0] == 1
    sheet = pixels(tmp_path / "sheet.png")
    assert sheet.shape == (2 * 8, 2 * 8, 3)
    assert [tuple(sheet[i, j]) for i in (4, 12) for j in (4, 12)] == [(n, n, n) for n in (10, 245, 200, 55)]
    assert tuple(sheet[9, 4]) == (255,) * 3, "framed with white"
    code, _, err = call(models["both"], tmp_path / "in", tmp_path / "out", f"--sheet={tmp_path / 'sheet.png'}")
    assert code == 2 and "sheet.png is there already; give another name, or --force" in err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["noise", "in", "out"], "no signature that makes pictures of pictures .*among serving_default; choose"),
        (["both", "in", "out", "--signature=x"], "has no signature x; it has a_to_b, b_to_a, serving_default"),
        (["mask", "in", "out", "--direction=a_to_b"], "has no signature a_to_b"),
        (["both", "in", "out", "--direction=a_to_b", "--signature=b_to_a"], "are given; give one"),
        (["both", "gone", "out"], "gone does not exist; give a picture or a folder"),
        (["both", "empty", "out"], "empty holds no pictures; give another folder"),
        (["both", "in", "in"], "in/a.png is one of the pictures, and would be its own answer"),
        (["both", "in/a.png", "in/a.png", "--force"], "in/a.png is one of the pictures"),
        (["both", "in/a.png", "out.jpg"], "out.jpg: answers are PNG files; give a name that ends in .png"),
        (["both", "in", "in/a.png"], "in/a.png is a file, and .*in a folder"),
        (["both", "in", "/dev/null/out"], "cannot be written to|/dev/null/out"),
        (["both", "in", "out", "--tile=-1"], "expected numbers of 0 or more"),
        (["both", "in", "out", "--multiple=0"], "--multiple=0: expected 1 or more"),
        (["both", "in", "out", "--sheet=s.jpg"], "expected the name of a PNG file"),
        (["both", "in", "out", "--value-range=9"], "expected two numbers"),
        (["refusing", "tall", "out"], r"none of 1 picture could be translated, as t.png: .*\(image must be low\)"),
        (["both", "tall", "out", "--tile=4", "--overlap=3"], "a tile of 4 is too small for an overlap of 3"),
        (["empty", "in", "out"], "holds no saved_model.pb"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_exit_code_2(models, tmp_path, call, arguments, says, monkeypatch):
    grey(tmp_path / "in/a.png", 10)
    grey(tmp_path / "tall/t.png", 10, 9, 9)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    name, *rest = arguments
    code, _, err = call(models.get(name, name), *rest)
    last = err.splitlines()[-1]
    assert code == 2 and re.search(f"^error: .*({says})", last), err
    assert err.count("error:") == 1 and tree(tmp_path / "in") == ["a.png"]


def test_a_model_that_does_more_than_compute_is_opened_with_trust_alone(tmp_path, call):
    def reads(image):
        return {"generated": image + 0.0 * tf.cast(tf.strings.length(tf.io.read_file(str(tmp_path / "x"))), tf.float32)}

    (tmp_path / "x").write_text("x")
    grey(tmp_path / "a.png", 10)
    path = save(tmp_path / "reads", serving_default=(reads, GREY))
    code, _, err = call(path, tmp_path / "a.png", tmp_path / "made.png")
    assert code == 2 and "does more than compute: its graph has ReadFile" in err
    assert call(path, tmp_path / "a.png", tmp_path / "made.png", "--trust")[0] == 0
    assert pixels(tmp_path / "made.png")[0, 0] == 10


def test_an_interrupted_command_says_that_it_goes_on(models, photos, tmp_path, call, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(translate.Translator, "__call__", interrupt)
    code, _, err = call(models["both"], photos, tmp_path / "out")
    assert code == 130 and err == "stopped; the same command goes on from here\n"
