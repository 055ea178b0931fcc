"""What a neural network costs, whatever framework it came from.

The public names stand in ``__init__.pyi``; each is loaded when it is first used, so that the
command starts quickly.

>>> import analyzer
>>> "analyze" in analyzer.__all__
True
"""

import lazy_loader

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
