"""Language identification as a whole: known languages, mixed documents, what is not a language, other models."""

import pickle
from collections.abc import Mapping
from pathlib import Path

import fasttext
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.filters.language.bundled import lid_176
from gristmill.filters.language.model import _CHUNK, LanguageModel

TEXTS: Mapping[str, str] = {
    "eng_Latn": "The committee has not yet decided whether the bridge will be repaired this year or the next.",
    "deu_Latn": "Der Ausschuss hat noch nicht entschieden, ob die Brücke in diesem Jahr repariert werden soll.",
    "fra_Latn": "Le comité n'a pas encore décidé si le pont sera réparé cette année ou l'année prochaine.",
    "swa_Latn": "Kamati bado haijaamua kama daraja litatengenezwa mwaka huu au mwaka ujao kwa sababu ya fedha.",
    "hau_Latn": "Har yanzu kwamitin bai yanke shawara ko za a gyara gadar a wannan shekara ko ta gaba ba.",
    "som_Latn": "Guddigu weli ma go'aamin in buundada la dayactiri doono sanadkan ama sanadka soo socda.",
    "srp_Cyrl": "Одбор још није одлучио да ли ће мост бити поправљен ове године или следеће године.",
    "rus_Cyrl": "Комитет ещё не решил, будет ли мост отремонтирован в этом году или в следующем.",
    "ell_Grek": "Η επιτροπή δεν έχει αποφασίσει ακόμη αν η γέφυρα θα επισκευαστεί φέτος.",
    "ara_Arab": "لم تقرر اللجنة بعد ما إذا كان الجسر سيتم إصلاحه هذا العام أو العام المقبل.",
    "hin_Deva": "समिति ने अभी तक यह तय नहीं किया है कि पुल की मरम्मत इस साल होगी या अगले साल।",
    "zho_Hans": "委员会尚未决定这座桥是在今年还是明年修理，因为所需的资金还没有得到议会的批准。",
    "zho_Hant": "委員會尚未決定這座橋是在今年還是明年修理，因為所需的資金還沒有得到議會的批准。",
    "yue_Hant": "委員會仲未決定呢條橋係今年定係出年先至整，因為佢哋要嘅錢議會仲未批。",
    "jpn_Jpan": "委員会は、橋の修理を今年行うか来年行うかをまだ決めていません。",
    "kor_Hang": "위원회는 다리를 올해 수리할지 내년에 수리할지 아직 결정하지 못했다.",
    "tha_Thai": "คณะกรรมการยังไม่ได้ตัดสินใจว่าจะซ่อมสะพานในปีนี้หรือปีหน้า",
}


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return LanguageModel.load(None)


def strings(*texts: str | None) -> pa.StringArray:
    return pa.array(texts, pa.string())


def languages(model: LanguageModel, text: str | None) -> tuple[str, float, dict[str, float]]:
    """Primary language of a text, its score, and the shares of all languages."""
    found = model.identify(strings(text))
    (shares,) = found.shares.to_pylist()
    return found.primary[0].as_py(), float(found.scores[0]), {each["language"]: each["share"] for each in shares}


def test_known_languages(model: LanguageModel) -> None:
    found = model.identify(strings(*TEXTS.values()))
    assert found.primary.to_pylist() == list(TEXTS)
    assert found.scores.dtype == np.float32
    assert ((found.scores >= 0.5) & (found.scores <= 1)).all()
    assert found.shares.to_pylist() == [[{"language": code, "share": 1.0}] for code in TEXTS]


def test_texts_without_letters_are_undetermined(model: LanguageModel) -> None:
    for text in ("", None, " \n ", "\0", "12 345", "!?", "😀" * 100):
        assert languages(model, text) == ("und", 0, {})


def test_few_letters_are_no_language(model: LanguageModel) -> None:
    assert languages(model, "Hello. 1 2 3 4") == ("und_Latn", 0, {})
    assert languages(model, "ja нет") == ("und_Cyrl", 0, {})
    assert languages(model, "你好") == ("und_Hans", 0, {})
    assert languages(model, "สวัสดี") == ("und_Thai", 0, {})


def test_a_script_of_one_language_decides(model: LanguageModel) -> None:
    assert languages(model, "ขขขขขขขขขข")[:2] == ("tha_Thai", 1)
    assert languages(model, "ދިވެހިރާއްޖެއަކީ ޖަޒީރާ")[:2] == ("div_Thaa", 1)


def test_a_long_name_does_not_make_a_chinese_sentence_latin(model: LanguageModel) -> None:
    assert languages(model, "他在 International Business Machines 公司工作了二十年。")[0] == "zho_Hans"


def test_letters_after_a_long_table_count(model: LanguageModel) -> None:
    assert languages(model, "1 2 3 4 5 " * 10 + TEXTS["eng_Latn"])[0] == "eng_Latn"


def test_line_breaks_and_fasttexts_own_marks_do_not_cut_the_text(model: LanguageModel) -> None:
    code, score, _ = languages(model, "de </s>\n" + TEXTS["eng_Latn"])
    assert code == "eng_Latn"
    assert score > 0.8


def test_long_text_is_seen_past_its_menu(model: LanguageModel) -> None:
    menu = "Home About us Products Services News Contact Login Register Cart Search Menu "
    code, _, shares = languages(model, 5 * menu + "\n" + 60 * (TEXTS["deu_Latn"] + "\n"))
    assert code == "deu_Latn"
    assert shares["deu_Latn"] > 0.9


def test_halves_in_two_languages(model: LanguageModel) -> None:
    text = 3 * (TEXTS["rus_Cyrl"] + "\n") + "\n" + 5 * (TEXTS["fra_Latn"] + "\n")
    code, score, shares = languages(model, text)
    assert code == "fra_Latn"
    assert score > 0.9
    assert list(shares) == ["fra_Latn", "rus_Cyrl"]
    assert shares["fra_Latn"] == pytest.approx(5 * len(TEXTS["fra_Latn"] + "\n") / len(text), abs=0.01)
    assert sum(shares.values()) == pytest.approx(1)


def test_lines_in_turns(model: LanguageModel) -> None:
    text = 40 * (TEXTS["deu_Latn"] + "\n" + TEXTS["eng_Latn"] + "\n")
    _, _, shares = languages(model, text)
    assert set(shares) == {"deu_Latn", "eng_Latn"}
    assert shares["deu_Latn"] == pytest.approx(0.5, abs=0.1)


def test_a_quotation_is_found_in_a_long_document(model: LanguageModel) -> None:
    text = 20 * (TEXTS["eng_Latn"] + "\n") + 8 * (TEXTS["ell_Grek"] + "\n") + 20 * (TEXTS["eng_Latn"] + "\n")
    code, _, shares = languages(model, text)
    assert code == "eng_Latn"
    assert list(shares) == ["eng_Latn", "ell_Grek"]


def test_lines_in_two_scripts_are_no_language_of_their_own(model: LanguageModel) -> None:
    text = f"Pontos Encyclopaedia\nНовости\nОбновлено 2024-04-10\n\n{5 * (TEXTS['rus_Cyrl'] + chr(10))}"
    assert languages(model, text)[2] == {"rus_Cyrl": 1}


def test_short_lines_in_between_are_no_language(model: LanguageModel) -> None:
    text = "".join(f"{TEXTS['deu_Latn']}\nHotel {k} San Francisco\n" for k in range(5))
    assert languages(model, text)[2] == {"deu_Latn": 1}


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_chunks_slices_and_empty_batches(model: LanguageModel, kind: pa.DataType) -> None:
    texts = pa.array([*TEXTS.values(), None, 5 * (TEXTS["rus_Cyrl"] + "\n" + TEXTS["fra_Latn"] + "\n")], kind)
    whole = model.identify(texts)
    part = model.identify(pa.chunked_array([texts.slice(3, 4), texts.slice(7)]))
    assert part.primary.equals(whole.primary.slice(3))
    assert part.shares.to_pylist() == whole.shares.slice(3).to_pylist()
    assert np.array_equal(part.scores, whole.scores[3:])
    empty = model.identify(texts.slice(0, 0))
    assert (empty.primary.type, len(empty.primary), len(empty.scores), len(empty.shares)) == (pa.string(), 0, 0, 0)


def test_many_texts_are_taken_in_parts(model: LanguageModel) -> None:
    several = [*TEXTS.values()] * (2 * _CHUNK // len(TEXTS))
    assert model.identify(strings(*several)).primary.to_pylist() == [*TEXTS] * (2 * _CHUNK // len(TEXTS))


def test_one_huge_line(model: LanguageModel) -> None:
    assert languages(model, "a" * 3_000_000)[2].keys() <= {languages(model, "a" * 3_000_000)[0]}
    assert languages(model, (TEXTS["deu_Latn"] + " ") * 20_000)[0] == "deu_Latn"


def test_model_is_pickled_by_its_path(model: LanguageModel, tmp_path: Path) -> None:
    copy = tmp_path / "copy.ftz"
    copy.write_bytes(lid_176().read_bytes())
    loaded: LanguageModel = pickle.loads(pickle.dumps(LanguageModel.load(str(copy))))
    assert loaded.path == str(copy)
    assert pickle.loads(pickle.dumps(model)) == model
    texts = strings(*TEXTS.values())
    assert loaded.identify(texts).primary.equals(model.identify(texts).primary)


@pytest.fixture(scope="module")
def own_model(tmp_path_factory: pytest.TempPathFactory) -> LanguageModel:
    """A model that names scripts, as GlotLID and OpenLID do: it is taken alone."""
    folder = tmp_path_factory.mktemp("own")
    labels = {"eng_Latn": "eng_Latn", "deu_Latn": "deu_Latn", "tts_Thai": "tha_Thai", "cmn_Hani": "zho_Hans"}
    lines = [f"__label__{label} {TEXTS[text]}\n" for label, text in labels.items()] * 100
    (folder / "lines.txt").write_text("".join(lines), "utf-8")
    trained = fasttext.train_supervised(
        str(folder / "lines.txt"), thread=11, dim=8, minn=1, maxn=3, bucket=5000, epoch=5, lr=0.5, verbose=0
    )
    trained.save_model(str(folder / "own.bin"))
    return LanguageModel.load(str(folder / "own.bin"))


def test_a_model_that_names_scripts_is_taken_alone(own_model: LanguageModel) -> None:
    assert languages(own_model, TEXTS["deu_Latn"])[0] == "deu_Latn"
    assert languages(own_model, TEXTS["zho_Hant"])[0] == "zho_Hant"
    assert languages(own_model, TEXTS["tha_Thai"])[0] == "tts_Thai"
    assert languages(own_model, TEXTS["fra_Latn"])[0] in ("deu_Latn", "eng_Latn")
    assert languages(own_model, TEXTS["rus_Cyrl"]) == ("und_Cyrl", 0, {})


def test_loading_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    LanguageModel.load(None)
    assert capfd.readouterr() == ("", "")


def test_bad_models(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.bin"):
        LanguageModel.load(str(tmp_path / "none.bin"))
    wrong = tmp_path / "wrong.bin"
    wrong.write_text("not a model")
    with pytest.raises(ValueError, match="fastText model"):
        LanguageModel.load(str(wrong))


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.text(max_size=200)
        | st.none()
        | st.lists(st.sampled_from([*TEXTS.values(), "\n", "x 1\n"]), max_size=30).map("\n".join),
        max_size=6,
    )
)
def test_a_text_is_judged_by_itself(model: LanguageModel, texts: list[str | None]) -> None:
    found = model.identify(strings(*texts))
    for text, code, score, shares in zip(
        texts, found.primary.to_pylist(), found.scores, found.shares.to_pylist(), strict=True
    ):
        assert languages(model, text) == (code, score, {each["language"]: each["share"] for each in shares})
        assert 0 <= score <= 1
        if code.startswith("und"):
            assert (score, shares) == (0, [])
        else:
            assert shares[0]["language"] == code
            assert sum(each["share"] for each in shares) == pytest.approx(1)
