import os
import platform
import subprocess
import sys

import pytest


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="elsewhere TensorFlow's default stays")
@pytest.mark.parametrize(("asked", "expected"), [(None, "True"), ("0", "False")])
def test_one_dnn_is_on_unless_the_user_turns_it_off(asked, expected):
    environment = {name: value for name, value in os.environ.items() if name != "TF_ENABLE_ONEDNN_OPTS"}
    if asked:
        environment["TF_ENABLE_ONEDNN_OPTS"] = asked
    code = "import tfgan_zoo; from tensorflow.python.util import _pywrap_util_port as p; print(p.IsMklEnabled())"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == expected
