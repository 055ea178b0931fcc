"""Primitives of JAX that nobody counts yet: what they are, and why.

Code that uses one lists it as unknown, and its totals are lower bounds. Primitives that stand in
no other table are all named here; a test holds that. The module imports no framework, for the docs
list it.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

__all__ = ["UNCOUNTED", "why_uncounted"]

_DERIVATIVE = "a derivative: what is analysed is forward"
_DEVICES = "several devices exchange numbers; what is analysed runs on one"
_HIJAX = "a part of JAX that is still an experiment"
_ITERATED = "found by iteration, which ends when the numbers are near enough"
_KERNEL = "a kernel for one kind of device, whose program is not JAX's"
_ORTHOGONAL = "orthogonal factorization: not settled yet"
_OUTSIDE = "code outside of JAX, which cannot be read"
_SPARSE = "sparse tensors: the work follows how many elements are stored"
_BITS = "bits of whole numbers are counted, for which there is no function yet"

UNCOUNTED: dict[str, str] = {
    "*_start": _DEVICES,
    "*all_gather*": _DEVICES,
    "*all_to_all*": _DEVICES,
    "*psum*": _DEVICES,
    "*reduce_scatter*": _DEVICES,
    "accum_grad_in_ref": _DERIVATIVE,
    "approx_top_k": "how many elements are compared, the device decides",
    "bcoo_*": _SPARSE,
    "bcsr_*": _SPARSE,
    "box_*": _HIJAX,
    "call_exported": _OUTSIDE,
    "call_hi_primitive*": _HIJAX,
    "check": "a check of numbers, which a transformation takes out before it runs",
    "cholesky_update": "rows are rotated one by one, by a kernel of its own",
    "clz": _BITS,
    "coo_*": _SPARSE,
    "core_map": _KERNEL,
    "create_linear": _HIJAX,
    "csr_*": _SPARSE,
    "cudnn_fusion": _KERNEL,
    "custom_lin": _DERIVATIVE,
    "dot_product_attention_*": _KERNEL,
    "eig": _ITERATED,
    "eigh": _ITERATED,
    "ffi_call": _OUTSIDE,
    "geqp3": _ORTHOGONAL,
    "geqrf": _ORTHOGONAL,
    "hessenberg": _ORTHOGONAL,
    "householder_product": _ORTHOGONAL,
    "igamma_grad_a": _DERIVATIVE,
    "io_callback": _OUTSIDE,
    "log_extend": _HIJAX,
    "log_read": _HIJAX,
    "new_box": _HIJAX,
    "new_log": _HIJAX,
    "ormqr": _ORTHOGONAL,
    "pallas_call": _KERNEL,
    "pbroadcast*": _DEVICES,
    "pmax": _DEVICES,
    "pmin": _DEVICES,
    "population_count": _BITS,
    "ppermute*": _DEVICES,
    "precv": _DEVICES,
    "preduced": _DEVICES,
    "psend": _DEVICES,
    "pure_callback": _OUTSIDE,
    "qr": _ORTHOGONAL,
    "random_gamma_grad": _DERIVATIVE,
    "reduce_xor": "bits are combined, for which there is no reduction yet",
    "reduced_vary_cast_p": _DEVICES,
    "regularized_incomplete_beta": "a continued fraction, as long as the numbers ask for",
    "run_state": _KERNEL,
    "scaled_*": "products of scaled blocks, whose recipes differ from device to device",
    "schur": _ITERATED,
    "select_and_*": _DERIVATIVE,
    "shard_map": _DEVICES,
    "spsolve": _SPARSE,
    "stage": _HIJAX,
    "svd": _ITERATED,
    "symmetric_product": "half a product of matrices, where a device has a kernel for it",
    "todense": _SPARSE,
    "tridiagonal": _ORTHOGONAL,
    "tridiagonal_solve": "elimination along a band: not settled yet",
    "unreduced_*": _DEVICES,
    "vary_unreduced_cast_p": _DEVICES,
}
"""Name of a primitive, where ``*`` stands for anything, → why it is not counted."""


def why_uncounted(name: str) -> str:
    """Return why a primitive is not counted, "" if it is not one of these.

    >>> why_uncounted("svd")
    'found by iteration, which ends when the numbers are near enough'
    """
    return next((why for pattern, why in UNCOUNTED.items() if fnmatchcase(name, pattern)), "")
