"""Operators of PyTorch that nobody counts yet: what they are, and why.

A run that meets one lists it as unknown, and its totals are lower bounds. Operators that stand in
no table, and that PyTorch neither takes apart nor tells how to, are all named here; a test holds
that. The module imports no framework, for the docs list it.
"""

from __future__ import annotations

__all__ = ["UNCOUNTED"]

_DERIVATIVE = "a derivative: what is analysed is forward"
_ITERATED = "found by iteration, which ends when the numbers are near enough"
_OPTIMIZER = "a step of an optimizer, or of gradient scaling, on many tensors"
_SPARSE = "sparse tensors: the work follows how many elements are stored"
_NESTED = "nested tensors: the work follows the lengths of their parts"
_STATISTICS = "batch statistics of several devices, which only training takes"
_TESTS = "PyTorch's own tests use it, and no model"
_FORMAT = "weights packed for one kind of device"
_RECURRENCE = "a recurrence as long as an argument's largest number"
_QUANTIZED = "eager-mode quantisation, of which only layers, sums and products are counted"
_BINS = "bins in several dimensions, whose search follows the numbers"

UNCOUNTED: dict[str, str] = {
    "*_backward*": _DERIVATIVE,
    "*_jvp": _DERIVATIVE,
    "*ctc_loss": "the paths of an alignment, as many as the lengths of both sequences allow",
    "*sparse*": _SPARSE,
    "_amp_*": _OPTIMIZER,
    "_coalesce*": _SPARSE,
    "_compute_linear_combination": "a helper of the matrix exponential, which iterates",
    "_convert_indices_*": _SPARSE,
    "_convert_weight_*": _FORMAT,
    "_cslt_*": _SPARSE,
    "_cudnn_attention_forward_no_dropout_inplace": "it writes into a buffer of a cache",
    "_cudnn_init_dropout_state": "the state of a random generator on the device",
    "_cudnn_rnn_flatten_weight": _FORMAT,
    "_cummax_helper": "the inner loop of cummax, which is counted",
    "_cummin_helper": "the inner loop of cummin, which is counted",
    "_dim[IV]": _SPARSE,
    "_dirichlet_grad": _DERIVATIVE,
    "_dyn_quant_pack_4bit_weight": _FORMAT,
    "_fill_mem_eff_dropout_mask": "the mask of a training kernel",
    "_flash_attention_forward_no_dropout_inplace": "it writes into a buffer of a cache",
    "_foobar": _TESTS,
    "_foreach_*": _OPTIMIZER,
    "_fused_ad*": _OPTIMIZER,
    "_fused_moving_avg_obs_fq_helper*": "quantisation that measures ranges while it trains",
    "_fused_sgd": _OPTIMIZER,
    "_histogramdd_*": _BINS,
    "_indices*": _SPARSE,
    "_linalg_eigh": _ITERATED,
    "_linalg_eigvals": _ITERATED,
    "_linalg_svd": _ITERATED,
    "_lstm_mps": "the whole LSTM of one kind of device, with the weights in its own order",
    "_nested_*": _NESTED,
    "_nnz": _SPARSE,
    "_scaled_addmm": "products of scaled blocks, whose recipes differ from device to device",
    "_spdiags": _SPARSE,
    "_spsolve": _SPARSE,
    "_standard_gamma_grad": _DERIVATIVE,
    "_test_*": _TESTS,
    "_triton_multi_head_attention": "an experiment that PyTorch has given up",
    "_values*": _SPARSE,
    "allclose": "a check, of which no model is made",
    "batch_norm_*": _STATISTICS,
    "c*col_indices*": _SPARSE,
    "col_indices*": _SPARSE,
    "crow_indices*": _SPARSE,
    "dense_dim": _SPARSE,
    "geqrf": "orthogonal factorization: not settled yet",
    "hash_tensor": "a checksum of bits",
    "histogram": _BINS,
    "hspmm": _SPARSE,
    "indices*": _SPARSE,
    "is_coalesced": _SPARSE,
    "linalg_eig": _ITERATED,
    "linalg_householder_product": "orthogonal factorization: not settled yet",
    "linalg_ldl_*": "factorization of an indefinite matrix: pivots of two sizes",
    "linalg_lstsq": "least squares: the driver decides how",
    "linalg_matrix_exp": "a series as long as the norm of the matrix asks for",
    "linalg_matrix_sqrth": _ITERATED,
    "linalg_pinv": _ITERATED,
    "linalg_polar": _ITERATED,
    "linalg_qr": "orthogonal factorization: not settled yet",
    "ormqr": "orthogonal factorization: not settled yet",
    "prims.fft_*": "it comes only inside _fft_*, which is counted whole",
    "prims.gcd": "Euclid's algorithm takes as many steps as the numbers say",
    "prims.svd": _ITERATED,
    "quantized.*": _QUANTIZED,
    "quantized_gru*": _QUANTIZED,
    "quantized_lstm*": _QUANTIZED,
    "row_indices*": _SPARSE,
    "special_*_polynomial_*": _RECURRENCE,
    "torchvision._cuda_version": "it reads a version",
    "torchvision.box_iou_rotated": "the polygon that two boxes share has as many corners as it has",
    "torchvision.ps_roi_pool": "the bins are as large as the boxes",
    "torchvision.roi_pool": "the bins are as large as the boxes",
    "values*": _SPARSE,
}
"""Pattern of names (``*`` stands for anything) → why operators of these names are not counted."""
