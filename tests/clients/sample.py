"""The sample plugin, which answers everything that is offered and sends everything back."""

import pathlib
import shutil
import subprocess
import tempfile

from harness import ROOT

NAME = "janus.plugin.echosample"


class Sample:
    """A folder with nothing but this plugin: `general` are lines of janus.jcfg that load it."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sample-test-"))
        flags = subprocess.run(["pkg-config", "--cflags", "glib-2.0", "jansson"], check=True, capture_output=True, text=True)
        subprocess.run(["cc", "-shared", "-fPIC", f"-I{ROOT}/include/janus", *flags.stdout.split(),
                        ROOT / "c-plugins/echo_sample.c", "-o", self.folder / "libjanus_echo_sample.so"], check=True)
        self.general = f'plugins_folder = "{self.folder}";'

    def remove(self):
        shutil.rmtree(self.folder)
