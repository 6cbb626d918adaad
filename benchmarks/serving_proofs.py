"""The answers of exported models without Python's model code, against those of `tf.saved_model.load`.

    python benchmarks/serving_proofs.py exported/ --json=serving_proofs.jsonl

For the newest version of each model below the folders given, every signature at two batch sizes: TensorFlow's C API,
OpenVINO, a gRPC round trip with TensorFlow Serving's messages; `serving_default` also by `saved_model_cli run`. Also:
requests that must be refused, through the C API; `saved_model_cli show` and `GetModelMetadata` agree; the warm-up file
is replayed. Prints one JSON line per model, then a table of the largest differences, and exits with 1 if anything did
not hold. What OpenVINO has no conversion for is listed, not an error.
"""

import argparse
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from serving import proofs  # noqa: E402

PROOFS = ("c_api", "openvino", "grpc", "saved_model_cli")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="exported/, exported/<family> or exported/<family>/<n>")
    parser.add_argument("--json", type=Path, help="append the results to this file")
    args = parser.parse_args()
    exports = [path for folder in args.folders for path in _newest(folder)]
    if not exports:
        parser.error(f"no SavedModel below {', '.join(map(str, args.folders))}; train a recipe or give another folder")
    results = []
    for path in exports:
        results.append(proofs.prove(path))
        print(json.dumps(results[-1]), flush=True)
        if args.json:
            with args.json.open("a", encoding="utf-8") as file:
                file.write(json.dumps(results[-1]) + "\n")
    print(_table(results))
    sys.exit(any(result["failed"] for result in results))


def _newest(folder):
    if (folder / "saved_model.pb").exists():
        return [folder.resolve()]
    newest = {}
    for file in folder.resolve().rglob("saved_model.pb"):
        version = file.parent
        if version.name.isdecimal() and int(version.name) > int(getattr(newest.get(version.parent), "name", -1)):
            newest[version.parent] = version
    return [newest[model] for model in sorted(newest)]


def _table(results):
    lines = [
        "| model | signatures, requests | C API | OpenVINO (signatures read) | gRPC | saved_model_cli "
        "| warm-up replayed | bad requests refused | failed |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for r in results:
        path = Path(r["export"])
        lines.append(
            f"| {path.parent.name}/{path.name} | {r['signatures']}, {r['requests']} | {_number(r['c_api'])} "
            f"| {_number(r['openvino'])} ({', '.join(r['openvino_read'])}) | {_number(r['grpc'])} "
            f"| {_number(r['saved_model_cli'])} | {r['warmup']} | {r['refused']} of {r['bad_requests']} "
            f"| {len(r['failed'])} |"
        )
    largest = {name: max((r[name] for r in results if r[name] is not None), default=None) for name in PROOFS}
    lines += ["", "Largest difference: " + ", ".join(f"{name} {_number(value)}" for name, value in largest.items())]
    for r in results:
        name = Path(r["export"]).parent.name
        cannot = [f"{signature} ({why})" for signature, why in r["openvino_cannot"].items()]
        lines += [f"{name}: not read by OpenVINO: {'; '.join(cannot)}"] if cannot else []
        lines += [f"{name}: FAILED {line}" for line in r["failed"]]
    return "\n".join(lines)


def _number(value):
    return "none" if value is None else f"{value:.1e}" if value else "0"


if __name__ == "__main__":
    main()
