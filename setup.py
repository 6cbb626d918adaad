"""Package metadata. The upper bounds are the versions that were tested."""

from setuptools import find_packages, setup

GALLERY = ["streamlit>=1.65,<1.68"]  # 1.65 is the last for Python 3.10
LITERT = ["ai-edge-litert>=2.3,<2.4"]

setup(
    name="tfgan_zoo",
    version="0.1.0",
    description="Every important GAN family as a Keras model: trained, resumed, exported and served the same way",
    license="Apache-2.0",
    packages=find_packages(include=["tfgan_zoo", "tfgan_zoo.*"]),
    package_data={"tfgan_zoo.gallery": ["models/**"]},
    python_requires=">=3.10",
    install_requires=[
        "tensorflow>=2.21,<2.22",
        "tensorflow-serving-api>=2.21,<2.22",  # messages only: warm-up requests, models.config
        "keras>=3.15,<3.16; python_version >= '3.11'",
        "keras>=3.12.3,<3.13; python_version < '3.11'",  # the last for Python 3.10
        "tensorflow-datasets>=4.9.10,<4.10",
        "importlib_resources>=6.5,<8",  # tensorflow-datasets needs it and does not say so
        "tensorboard>=2.20,<2.22",  # no longer comes with tensorflow
        "numpy>=2.1,<3",
        "matplotlib>=3.10,<3.12",
        "pillow>=11.3,<14",
        "tyro>=1.0,<1.1",
        "tqdm>=4.67,<5",
    ],
    extras_require={
        "gallery": GALLERY,
        "litert": LITERT,
        "test": [
            "pytest>=8.4,<10",
            "pytest-xdist>=3.8,<4",
            "ruff>=0.12,<1",
            "openvino>=2026.2,<2026.5",
            *GALLERY,
            *LITERT,
        ],
    },
)
