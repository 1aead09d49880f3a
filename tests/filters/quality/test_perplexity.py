"""Perplexity: normalisation, and a tiny model whose probabilities are worked out by hand."""

import importlib.util
from pathlib import Path

import pytest

from gristmill.filters.quality import perplexity
from gristmill.filters.quality.perplexity import LanguageModel, normalise, sentence_pieces

ARPA = """\\data\\
ngram 1=5
ngram 2=2

\\1-grams:
-1.0\t<unk>
-99\t<s>\t0.0
-1.0\t</s>
-0.5\tmill\t0.0
-0.5\tgrain\t0.0

\\2-grams:
-0.25\t<s> mill
-0.25\tmill grain

\\end\\
"""

needs_kenlm = pytest.mark.skipif(importlib.util.find_spec("kenlm") is None, reason="kenlm is not installed")


def test_normalise_as_ccnet() -> None:
    assert normalise("  Die MÜHLE „Nord“ – Baujahr 1893…\x07 ") == 'die muhle "nord" - baujahr 0000...'
    assert normalise("ＡＢＣ、１２。") == "abc,00."


def test_the_sentencepiece_model_beside(tmp_path: Path) -> None:
    assert sentence_pieces(tmp_path / "de.arpa.bin") is None
    (tmp_path / "de.sp.model").write_bytes(b"")
    assert sentence_pieces(tmp_path / "de.arpa.bin") == tmp_path / "de.sp.model"


def test_without_kenlm_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ValueError, match="pip install kenlm"):
        LanguageModel.load(tmp_path / "de.arpa")
    assert "LGPL" in perplexity.INSTALL


@needs_kenlm
def test_perplexity_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "de.arpa"
    path.write_text(ARPA)
    model = LanguageModel.load(path)
    # <s> mill, mill grain, and </s> backed off: -0.25 - 0.25 - 1 over three tokens.
    assert model.perplexity("Mill, grain!") == pytest.approx(10**0.5)
    assert model.perplexity("mill grain\n\nmill grain") == pytest.approx(10**0.5)
    # <unk> backed off from <s>, then </s>.
    assert model.perplexity("Zebra") == pytest.approx(10.0)
    assert model.perplexity(" \n ...") is None


@needs_kenlm
def test_damaged_models_are_value_errors(tmp_path: Path) -> None:
    path = tmp_path / "de.arpa"
    path.write_text("nothing of the kind")
    with pytest.raises(ValueError, match="not a KenLM model"):
        LanguageModel.load(path)
    path.write_text(ARPA)
    (tmp_path / "de.sp.model").write_bytes(b"no model")
    with pytest.raises(ValueError, match="not a SentencePiece model"):
        LanguageModel.load(path)
