"""Operators of ONNX and of ONNX Runtime that nobody counts yet: what they are, and why.

A file that holds one lists it as unknown, and its totals are lower bounds. Operators that stand in
no other table are all named here; a test holds that. The module imports nothing, for the docs list
it.
"""

from __future__ import annotations

__all__ = ["UNCOUNTED"]

_BINS = "the bins are as large as the boxes"
_BLOCK = "one step of one family of models, as one runtime fuses it"
_CHOSEN = "which keys a query sees, numbers say that come with the input"
_COMPILED = "a program that was compiled for a device, and cannot be read"
_DEVICE = "a layout of one kind of processor: save the optimised model at a lower level"
_GENERATION = "a whole generation: as many steps as words are made"
_SPARSE = "sparse tensors: the work follows how many elements are stored"
_STATE = "states of a generation are put back, by the runtime itself"
_TEXT = "text: no number is computed"
_TENSORRT = "a plugin of another runtime"
_TRAINING = "a step of training: what is analysed is inference"

UNCOUNTED: dict[str, str] = {
    "*_TRT": _TENSORRT,
    "GRUUnit": "one step of a recurrence, of which no runtime has a definition left",
    "ImageDecoder": "a file of an image is unpacked",
    "MaxRoiPool": _BINS,
    "RegexFullMatch": _TEXT,
    "StringConcat": _TEXT,
    "StringNormalizer": _TEXT,
    "StringSplit": _TEXT,
    "TfIdfVectorizer": "sequences are looked up in a list of n-grams, and counted",
    "ai.onnx.ml::SVMClassifier": "pairs of classes vote, and shares of several are iterated",
    "ai.onnx.ml::TreeEnsemble": "members of sets are looked for, as many as come first",
    "ai.onnx.preview.training::*": _TRAINING,
    "com.microsoft::AttnLSTM": "a recurrence that attends at each step, no longer exported",
    "com.microsoft::BeamSearch": _GENERATION,
    "com.microsoft::BifurcationDetector": "sequences of words are compared until they differ",
    "com.microsoft::ConvStateReplay": _STATE,
    "com.microsoft::DecoderAttention": "flags that come with the input say what is computed",
    "com.microsoft::DequantizeBFP": "block floating point, whose layout is the device's own",
    "com.microsoft::DynamicSparseAttention": _CHOSEN,
    "com.microsoft::DynamicTimeWarping": "how long its path is, numbers say",
    "com.microsoft::EPContext": _COMPILED,
    "com.microsoft::EngramGate": _BLOCK,
    "com.microsoft::GatedAdd": _BLOCK,
    "com.microsoft::GatedDeltaNet*": _BLOCK,
    "com.microsoft::GatedRelativePositionBias": _BLOCK,
    "com.microsoft::GatherPacked": "weights packed in a layout that the file only numbers",
    "com.microsoft::GreedySearch": _GENERATION,
    "com.microsoft::HyperConnection*": _BLOCK,
    "com.microsoft::LinearAttentionGate": _BLOCK,
    "com.microsoft::LongformerAttention": _CHOSEN,
    "com.microsoft::Mamba2Verify": _BLOCK,
    "com.microsoft::MatMulPacked": "weights packed in a layout that the file only numbers",
    "com.microsoft::MoEGroupRouter": _BLOCK,
    "com.microsoft::MoEPacked": "weights packed in a layout that the file only numbers",
    "com.microsoft::MurmurHash3": _TEXT,
    "com.microsoft::NGram*": "numbers of words are mixed bit by bit",
    "com.microsoft::PackedSparseAttentionIndexer*": _CHOSEN,
    "com.microsoft::PagedAttention": _CHOSEN,
    "com.microsoft::QOrderedLongformerAttention": _CHOSEN,
    "com.microsoft::QuantizeBFP": "block floating point, whose layout is the device's own",
    "com.microsoft::RMSNormRotary": _BLOCK,
    "com.microsoft::RouterGateUpProj": _BLOCK,
    "com.microsoft::Sampling": _GENERATION,
    "com.microsoft::Snpe": _COMPILED,
    "com.microsoft::Sparse*Attention*": _CHOSEN,
    "com.microsoft::SparseToDenseMatMul": _SPARSE,
    "com.microsoft::SpeculativePrefixCommit": _STATE,
    "com.microsoft::Tokenizer": _TEXT,
    "com.microsoft::Varlen*": _BLOCK,
    "com.microsoft::WhisperBeamSearch": _GENERATION,
    "com.microsoft::WordConvEmbedding": "words are as long as they are",
    "com.ms.internal.nhwc::*": _DEVICE,
}
"""Pattern of names (``*`` stands for anything) → why operators of these names are not counted."""
