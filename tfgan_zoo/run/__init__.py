"""One run of a recipe: flags, devices, the run folder, training that resumes, evaluation, export.

    def main(job, config):
        data = ...
        with job.scope():
            model = ...
        job.train(model, data, until=config.steps, g_optimizer=..., d_optimizer=...)
        job.finish(model, data)

    if __name__ == "__main__":
        run.main("family", PRESETS, main)

`flags.py` has the flags, `folder.py` the run folder, `job.py` what a recipe calls, `callbacks.py` what happens beside
the steps, `devices.py` where and how precisely they are computed.
"""

from tfgan_zoo.run.flags import Augmented as Augmented
from tfgan_zoo.run.flags import Config as Config
from tfgan_zoo.run.flags import ImageSize as ImageSize
from tfgan_zoo.run.flags import Size as Size
from tfgan_zoo.run.flags import free as free
from tfgan_zoo.run.flags import square as square
from tfgan_zoo.run.job import Job as Job
from tfgan_zoo.run.job import main as main
