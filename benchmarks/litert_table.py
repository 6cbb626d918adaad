"""Which signatures of exported models LiteRT takes, and how far its answers are from those of TensorFlow.

    python benchmarks/litert_table.py exported/*/1
    python benchmarks/litert_table.py exported/*/1 --signatures serving_default

Writes nothing. Needs `pip install ai-edge-litert`. A folder that holds no model is an error at the end; the others
are converted all the same.
"""

import argparse
import sys
from pathlib import Path

from tfgan_zoo import litert
from tfgan_zoo.errors import InputError


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("versions", nargs="+", help="folders of SavedModels, exported/dcgan/1")
    parser.add_argument("--signatures", nargs="+", help="default: all that a model has")
    args = parser.parse_args()
    if not litert.has_interpreter():
        sys.exit("the interpreter is missing: pip install ai-edge-litert")
    failed = []
    print(
        "| family | signature | converts | size | largest difference, or what does not convert |\n|---|---|---|---|---|"
    )
    for version in args.versions:
        try:
            signatures = args.signatures or sorted(litert.load(version).signatures)
            for signature in signatures:
                print(
                    f"| {Path(version).resolve().parent.name} | `{signature}` {_row(version, signature)} |", flush=True
                )
        except InputError as error:
            failed.append(str(error))
    sys.exit("\n".join(failed) or None)


def _row(version, signature):
    try:
        content = litert.convert(version, signature)
    except litert.NotConvertible as refused:
        return f"| no | | {', '.join(refused.operations) or refused}"
    return f"| yes | {len(content) / 1024:,.0f} KiB | {litert.largest_difference(content, version, signature):.1e}"


if __name__ == "__main__":
    main()
