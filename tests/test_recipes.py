"""Every recipe as a user runs it, each run in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import forked
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))
import two_workers  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
RECIPES = sorted(path.stem for path in (ROOT / "recipes").glob("*.py"))
TINY = {
    "aae": ["--image-size=8", "--width=8", "--latent-dim=3"],
    "alpha_gan": ["--image-size=8", "--width=4", "--latent-dim=3", "--code-width=8"],
    "acgan": ["--image-size=8", "--g-width=4", "--d-width=4"],
    "bgan": ["--image-size=8", "--width=8", "--samples=2"],
    "cgan": ["--image-size=8", "--width=8"],
    "cyclegan": ["--image-size=8", "--width=8", "--patch-layers=1", "--blocks=1"],
    "dcgan": ["--image-size=8", "--width=8"],
    "ebgan": ["--image-size=8", "--width=8"],
    "f_gan": ["--image-size=8", "--width=8"],
    "gan": ["--image-size=8", "--width=8"],
    "gogan": ["--image-size=8", "--width=8", "--n-critic=2", "--stage-steps=2"],
    "infogan": ["--image-size=8", "--width=2", "--categories", "3", "--continuous=1"],
    "lapgan": ["--image-size=10", "--width=4", "--coarse-width=8", "--levels=2"],
    "lsgan": ["--image-size=8", "--width=8"],
    "partial_conv": ["--image-size=8", "--width=8", "--levels=2", "--frozen-steps=2"],
    "pix2pix": ["--image-size=8", "--width=8", "--patch-layers=1"],
    "pix2pix_hd": [
        "--image-size=16",
        "--width=4",
        "--downs=2",
        "--blocks=1",
        "--enhancer-blocks=1",
        "--discriminator-width=4",
        "--patch-layers=1",
        "--global-steps=2",
        "--fix-global-steps=1",
        "--encoder",
    ],
    "rbm": ["--image-size=8", "--hidden=8", "--gibbs-steps=2", "--chains=4", "--sample-steps=3"],
    "progan": ["--image-size=8", "--width=4", "--start=4", "--phase-images=2"],
    "pixel_cnn": ["--image-size=6", "--width=4", "--layers=1"],
    "pixel_gan": ["--image-size=6", "--width=2", "--decoder-width=2", "--code-width=4", "--categories=3"],
    "pixel_vae": ["--image-size=6", "--width=2", "--decoder-width=2", "--layers=0", "--latent-dim=2"],
    "recycle_gan": ["--image-size=8", "--width=8", "--predictor-width=4", "--patch-layers=1", "--blocks=1"],
    "sagan": ["--image-size=16", "--width=8", "--attention=8", "--labels", "--ada"],
    "semantic_inpainting": ["--image-size=8", "--width=8", "--iterations=3", "--evaluated=5"],
    "sgan": ["--image-size=8", "--width=4", "--labels-per-class=2", "--minibatch=3", "--reference=5"],
    "sngan": [
        "--image-size=8",
        "--g-width=8",
        "--d-width=8",
        "--n-dis=2",
        "--instance-noise=0.1",
        "--diff-augment=color,translation,cutout",
    ],
    "stargan": ["--image-size=8", "--g-width=4", "--d-width=4", "--d-layers=2", "--n-critic=2", "--measured=264"],
    "srgan": ["--image-size=32", "--crop=16", "--width=8", "--blocks=1", "--d-width=8", "--mse-steps=2"],
    "stylegan2": ["--image-size=8", "--width=4", "--most=8", "--g-every=2", "--d-every=2", "--ada"],
    "stylegan": ["--image-size=8", "--width=4", "--style-dim=5", "--start=4", "--phase-images=2", "--ada"],
    "text_to_image": ["--image-size=10", "--crop=8", "--g-width=4", "--d-width=4", "--embedding-dim=8", "--text-dim=4"],
    "unrolled_gan": ["--image-size=8", "--width=8", "--unroll-steps=2"],
    "vae_gan": [
        "--image-size=8",
        "--latent-dim=3",
        "--encoder-widths",
        "4",
        "--encoder-units=8",
        "--decoder-widths",
        "4",
        "--discriminator-widths",
        "4",
        "4",
        "--discriminator-units=8",
    ],
    "vae": ["--image-size=8", "--hidden", "8", "--latent-dim=3"],
    "wgan": ["--image-size=8", "--width=8", "--n-critic=2"],
    "wgan_gp": ["--image-size=8", "--width=8", "--n-critic=2"],
}
TRANSLATE = (  # no z
    "cyclegan", "partial_conv", "pix2pix", "pix2pix_hd", "pixel_gan", "rbm", "recycle_gan", "semantic_inpainting",
    "srgan", "stargan",
)  # fmt: skip
ONLY_TENSORFLOW = """
import sys
import tensorflow as tf
for line in sys.stdin:
    signatures = tf.saved_model.load(line.strip()).signatures
    for signature in signatures.values():
        inputs = signature.structured_input_signature[1]
        if all(spec.dtype.is_floating for spec in inputs.values()):
            shapes = {
                n: [2, *(16 if d is None else d for d in s.shape[1:])] if s.shape.rank else []
                for n, s in inputs.items()
            }
            for output in signature(**{n: tf.zeros(shapes[n], s.dtype) for n, s in inputs.items()}).values():
                assert output.dtype == tf.float32 and bool(tf.reduce_all(tf.math.is_finite(output)))
    assert "tfgan_zoo" not in sys.modules
    print(*sorted(signatures), flush=True)
"""


@pytest.fixture(scope="module")
def answered_by_tensorflow_alone():
    """`folder of an export -> names of its signatures`, all called in one process that imports TensorFlow alone."""
    with subprocess.Popen(
        [sys.executable, "-c", ONLY_TENSORFLOW], stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True
    ) as alone:

        def ask(folder):
            print(folder, file=alone.stdin, flush=True)
            return alone.stdout.readline().split() or pytest.fail(alone.communicate()[1])

        yield ask
        alone.kill()


def run_recipe(recipe, *flags, cwd, code=0):
    done = forked.run(ROOT / f"recipes/{recipe}.py", *flags, cwd=cwd)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def run(*command, cwd=ROOT, code=0):
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [sys.executable, *map(str, command)], cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_trains_and_its_export_answers_where_only_tensorflow_is(
    recipe, tmp_path, answered_by_tensorflow_alone
):
    flags = [*TINY[recipe], "--batch-size=4", "--steps=4", "--log-every=2", "--sample-every=2"]
    if recipe == RECIPES[0]:
        done = run(ROOT / f"recipes/{recipe}.py", *flags, cwd=tmp_path)
    else:  # what they begin with is the same
        done = run_recipe(recipe, *flags, cwd=tmp_path)
    lines = [line for line in done.stderr.replace("\r", "\n").splitlines() if line.strip()]
    noise = [line for line in lines if "%|" not in line and not line.startswith("reading pictures once")]
    assert noise == [], "the console shows the run, not TensorFlow's start-up"
    for part in ("device", "precision", "data", "parameters", "pictures", "exported"):
        assert f"  {part}" in done.stdout

    folder = tmp_path / "runs" / recipe
    assert json.loads((folder / "config.json").read_text())["steps"] == 4
    assert json.loads((folder / "environment.json").read_text())["packages"]["tensorflow"]
    assert [json.loads(line)["step"] for line in (folder / "metrics.jsonl").read_text().splitlines()] == [2, 4]
    assert sorted(p.name for p in (folder / "samples").iterdir()) == ["step-0000002.png", "step-0000004.png"]
    assert list(folder.glob("checkpoints/*/ckpt-4.index")) and list((folder / "tensorboard").iterdir())
    assert (folder / "losses.png").exists() and (folder / "samples.png").exists()

    exported = tmp_path / "exported" / recipe / "1"
    assert "serving_default" in answered_by_tensorflow_alone(exported)
    assert (exported / "README.md").read_text().startswith(f"# {recipe}")
    if recipe not in TRANSLATE:
        assert f"(z=tf.random.{json.loads((exported / 'metadata.json').read_text())['noise']['law']}(" in done.stdout


def test_the_networks_of_a_dcgan_run_are_searched_and_none_are_trained(tmp_path):
    flags = ["--batch-size=4", "--steps=3"]
    run_recipe("dcgan", *TINY["dcgan"], *flags, cwd=tmp_path)
    given = [*TINY["semantic_inpainting"], "--dcgan=runs/dcgan"]
    done = run_recipe("semantic_inpainting", *given, cwd=tmp_path)
    assert "  held-out   psnr_hole" in done.stdout and "  losses " not in done.stdout
    folder = tmp_path / "runs/semantic_inpainting"
    assert not (folder / "checkpoints").exists() and (folder / "samples.png").exists()
    metrics = json.loads((folder / "evaluation.json").read_text())["metrics"]
    assert metrics["loss_found"] < metrics["loss_begun"]
    wrong = run_recipe("semantic_inpainting", "--dcgan=runs/gone", cwd=tmp_path, code=2)
    assert wrong.stderr.startswith("error: --dcgan=runs/gone does not exist; give the folder of a run")


@pytest.mark.parametrize(
    ("recipe", "flag", "says"),
    [
        ("gan", "--dropout=1", "--dropout=1.0 must be below 1"),
        ("gan", "--maxout=300", "--maxout=300 is above the --width=256 that it divides"),
        ("lapgan", "--coarse-width=1", "--coarse-width=1 must be 2 or more"),
        ("lapgan", "--levels=1000000", "--levels=1000000 must be below 17"),
        ("srgan", "--content=vgg", "--content=vgg needs --vgg-weights: a file of Keras' VGG19"),
        ("srgan", "--steps=9", "--mse-steps=1500 is above --steps=9"),
        ("srgan", "--late-steps=500", "--late-steps=500 end the 500 steps of the last phase"),
        ("progan", "--steps=800", "--steps=800 is not above the 2000 of the phases before the last"),
        ("pix2pix_hd", "--steps=800", "--steps=800 is not above the 800 of --global-steps and --fix-global-steps"),
        ("pix2pix_hd", "--image-size=40", "--image-size=40 with --downs=3: expected multiples of 16, 32 or more"),
        ("pix2pix_hd", "--width=5", "--width=5 is odd"),
    ],
)
def test_a_flag_that_no_network_can_be_made_of_is_one_line_and_exit_code_2(recipe, flag, says, tmp_path):
    error = run_recipe(recipe, flag, cwd=tmp_path, code=2).stderr
    assert error.startswith(f"error: {says}") and error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_run_on_points_ends_with_a_strip_through_training_and_counts_modes(tmp_path, answered_by_tensorflow_alone):
    flags = ["--dataset=toy:ring", "--unroll-steps=0", "--width=8", "--batch-size=4", "--steps=4", "--sample-every=2"]
    done = run_recipe("unrolled_gan", *flags, cwd=tmp_path)
    assert "  held-out   modes" in done.stdout and '["generated"]' in done.stdout
    folder = tmp_path / "runs/unrolled_gan"
    samples = sorted(p.name for p in (folder / "samples").iterdir())
    assert samples == [f"step-000000{n}.png" for n in (0, 2, 4)]
    with Image.open(folder / "through_training.png") as strip:
        assert strip.size == (3 * 320, 334)
    assert json.loads((folder / "evaluation.json").read_text())["metrics"]["modes"] >= 0
    exported = tmp_path / "exported/unrolled_gan/1"
    assert "serving_default" in answered_by_tensorflow_alone(exported)


@pytest.mark.parametrize(
    ("recipe", "signal", "steps"),
    [("cyclegan", "SIGKILL", 30), ("pix2pix", "SIGTERM", 300)],
    ids=["pools and schedule", "preemption"],
)
def test_a_run_that_is_killed_ends_with_the_bits_of_one_that_was_not(recipe, signal, steps):
    often = [f"--checkpoint-every={steps // 3}", "--sample-every=1000"]
    flags = [*TINY[recipe], "--batch-size=4", f"--steps={steps}", *often]
    script = ROOT / "benchmarks/kill_and_resume.py"
    result = json.loads(run(script, recipe, *flags, f"--signal={signal}", "--kills=1").stdout)
    assert result["different"] == [] and result["logs_equal"]
    assert result["tensors"] > 50 and 0 < result["killed_at"][0] < steps


def test_two_workers_see_equal_losses_and_go_on_after_one_is_killed():
    flags = [*TINY["pix2pix"], "--batch-size=4", "--steps=8", "--kill-at=4", "--checkpoint-every=2"]
    result = json.loads(run(ROOT / "benchmarks/two_workers.py", "pix2pix", *flags).stdout)
    assert result["last_losses"][0] == result["last_losses"][1] and len(result["last_losses"][0]) == 1
    assert result["resumed_from"][0] in (4, 6) and result["other_worker_wrote"] == []


def test_workers_that_were_started_differently_end_in_a_line_that_names_what_differs(tmp_path):
    ports = two_workers.free_ports(2)
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    workers = []
    for i, flags in enumerate((["--seed=1", "--batch-size=4"], ["--seed=2", "--batch-size=6"])):
        config = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": i}})
        command = [sys.executable, ROOT / "recipes/gan.py", *TINY["gan"], "--steps=4", f"--run-dir={tmp_path / 'run'}"]
        command += [f"--export-dir={tmp_path / 'exported'}", "--worker-timeout=120", *flags]
        pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        workers.append(subprocess.Popen(command, **pipes, text=True, env={**os.environ, "TF_CONFIG": config}))
    said = [worker.communicate(timeout=300)[1].strip().splitlines()[-1] for worker in workers]
    expected = "error: the workers differ in --batch-size, --seed; start all of them alike, on the same folders"
    codes = [worker.returncode for worker in workers]
    # The first to say so ends, and the other may find it gone before it has compared.
    assert expected in said and 2 in codes, (said, codes)
    assert not (tmp_path / "run" / "metrics.jsonl").exists() and not (tmp_path / "exported").exists()
