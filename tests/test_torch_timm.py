"""One small member of every family of timm: counts equal PyTorch's own instrumented run."""

from __future__ import annotations

import pytest
import timm
import torch

import analyzer
from analyzer import Operation
from analyzer.ops import BatchNormalization, Convolution, Normalization, Recurrent
from tests.torch_truth import check_against_torch

QUICK = (
    "convmixer_768_32",  # padding="same"
    "halonet_h1",  # attention in blocks, with relative positions
    "swin_tiny_patch4_window7_224",
    "test_convnext",
    "test_vit",
    "xcit_nano_12_p8_224",  # attention between channels
)
FAMILIES = (
    "beit_base_patch16_224",
    "cait_xxs24_224",
    "coat_tiny",
    "convit_tiny",
    "convmixer_768_32",
    "cpubone_nano",
    "crossvit_tiny_240",
    "cs3darknet_focus_s",
    "csatv2",
    "cspnext_tiny",
    "davit_tiny",
    "deepseek_vit_412m",
    "deit_tiny_patch16_224",
    "densenet121",
    "dla46x_c",
    "dpn48b",
    "edgenext_xx_small",
    "efficientformer_l1",
    "efficientformerv2_s0",
    "efficientvim_m1",
    "efficientvit_b0",
    "efficientvit_m0",
    "ese_vovnet19b_slim_dw",
    "eva02_tiny_patch14_224",
    "fasternet_t0",
    "fastvit_t8",
    "focalnet_tiny_srf",
    "gcvit_xxtiny",
    "gemma4_vit_167m",
    "ghostnet_050",
    "gmlp_ti16_224",
    "halonet_h1",
    "hardcorenas_b",
    "hgnetv2_b0",
    "hiera_tiny_224",
    "hieradet_small",
    "hrnet_w18_small",
    "iformer_t",
    "inception_next_atto",
    "inception_resnet_v2",
    "inception_v3",
    "inception_v4",
    "lcnetv2_small",
    "legacy_seresnet18",
    "legacy_xception",
    "levit_128s",
    "lowformer_b0",
    "mobilenetv3_small_050",
    "mobilenetv5_base",
    "mobilevit_xxs",
    "mvitv2_tiny",
    "naflexvit_base_patch16_parfac_gap",
    "nasnetalarge",
    "nest_tiny",
    "nextvit_small",
    "pit_ti_224",
    "pnasnet5large",
    "poolformerv2_s12",
    "pvt_v2_b0",
    "qwen3_vit_88m",
    "rdnet_tiny",
    "regnetx_002",
    "repghostnet_050",
    "repvit_m1",
    "res2next50",
    "resnest14d",
    "resnetv2_18",
    "rexnet_100",
    "samvit_base_patch16_224",
    "selecsls42",
    "sequencer2d_s",
    "shvit_s1",
    "skresnet18",
    "starnet_s050",
    "swiftformer_xs",
    "swin_tiny_patch4_window7_224",
    "swinv2_cr_tiny_224",
    "swinv2_tiny_window8_256",
    "test_byobnet",
    "test_coatnet",
    "test_convnext",
    "test_efficientnet",
    "test_mambaout",
    "test_nfnet",
    "test_resnet",
    "test_vit",
    "test_vit_relpos",
    "tiny_vit_5m_224",
    "tnt_s_legacy_patch16_224",
    "tresnet_m",
    "twins_svt_small",
    "vgg11",
    "visformer_tiny",
    "vit_tiny_r_s16_p8_224",
    "vitamin_small_224",
    "volo_d1_224",
    "xception41p",
    "xcit_nano_12_p8_224",
)
"""The member of each of timm's families that takes least work to run."""


def check(name: str) -> None:
    with torch.device("meta"):
        model = timm.create_model(name)
    report = check_against_torch(model, (torch.empty(1, *model.default_cfg["input_size"]),))
    assert not report.notes


@pytest.mark.parametrize("name", QUICK)
def test_macs_are_those_of_the_flop_counter(name: str) -> None:
    check(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FAMILIES if name not in QUICK])
def test_every_family(name: str) -> None:
    if not timm.is_model(name):
        pytest.skip(f"timm {timm.__version__} has no {name}")
    check(name)


@pytest.mark.slow
def test_no_family_is_left_out() -> None:
    # Of the timm that the names were taken from; a later one may have families besides.
    families = {timm.models._registry._model_to_module[name] for name in FAMILIES}
    assert len(families) == len(FAMILIES)
    assert families <= {timm.models._registry._model_to_module[name] for name in timm.list_models()}


def test_input_size_is_that_of_the_configuration() -> None:
    report = analyzer.analyze("timm:create_model", arguments={"model_name": "test_vit"})
    assert [tensor.shape for tensor in report.model.inputs] == [(1, 3, 160, 160)]


def test_models_go_by_the_names_that_timm_has_for_them() -> None:
    report = analyzer.analyze("timm:create_model", arguments={"model_name": "test_vit"})
    assert report.model.name == "test_vit"
    assert analyzer.analyze(timm.create_model("test_vit")).model.name == "test_vit"


class TestTablesThatAreWrong:
    """Two published figures, and what they lack: the same counter sees neither part.

    What that counter has besides MACs: 2 an element for batch normalisation, 5 for layer
    normalisation.
    """

    def check(self, name: str, *, macs: float, published: float, lacking: type[Operation]) -> None:
        model = timm.create_model(name)
        report = check_against_torch(model, (torch.zeros(1, 3, 224, 224),), real=True)
        assert report.totals.macs is not None
        assert round(report.totals.macs / 1e9, 3) == macs
        without = report.totals.macs
        for entry in report.entries:
            operation = entry.node.operation
            padded = isinstance(operation, Convolution) and any(map(any, operation.padding))
            if isinstance(operation, lacking) and (padded or lacking is not Convolution):
                without -= entry.work.macs
            elif isinstance(operation, BatchNormalization):
                without += 2 * operation.elements
            elif isinstance(operation, Normalization):
                without += 5 * entry.node.outputs[0].elements
        assert round(without / 1e9, 2) == published

    @pytest.mark.slow
    def test_convmixer_lacks_convolutions_of_the_same_size(self) -> None:
        self.check("convmixer_1024_20_ks9_p14", macs=5.949, published=5.55, lacking=Convolution)

    @pytest.mark.slow
    def test_sequencer_lacks_lstms(self) -> None:
        self.check("sequencer2d_l", macs=16.488, published=9.74, lacking=Recurrent)
