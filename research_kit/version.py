"""The version of the package, and of the engine whose results a stored run is compared with."""

__version__ = "0.1.0"
ENGINE_VERSION = "2"
