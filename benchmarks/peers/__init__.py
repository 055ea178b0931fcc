"""The other tools, run: what each of them says of a model, in records of one form.

Every tool is one function of a module here, and a line of that module's table:

    >>> from benchmarks.peers import pytorch
    >>> sorted(pytorch.TOOLS)[:3]
    ['DeepSpeed', 'calflops', 'flop counter']

A tool that is not installed, or that fails on a model, gives figures with the reason and no
numbers; that is a result too, never an exception.
"""

from benchmarks.peers.running import Figures

__all__ = ["Figures"]
