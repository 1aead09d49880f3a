"""Pages in encodings other than UTF-8, and pages whose declared encoding is not the true one."""

from __future__ import annotations

import codecs
import unicodedata

from articles import Article, Pool
from web import Encoding, Web

# Language, encoding as used and as declared, what makes the case.
PAGES: tuple[tuple[str, Encoding, str], ...] = (
    ("jpn_Jpan", Encoding("cp932", "Shift_JIS", None), "Shift_JIS, header only"),
    ("jpn_Jpan", Encoding("cp932", None, "x-sjis"), "Shift_JIS under an old name, <meta> only"),
    ("jpn_Jpan", Encoding("euc_jp", None, None), "EUC-JP, declared nowhere"),
    ("jpn_Jpan", Encoding("cp932", "utf-8", None), "Shift_JIS, the header claims UTF-8"),
    ("zho_Hans", Encoding("gb18030", None, "gb2312"), "GB18030, <meta> claims its subset GB2312"),
    ("zho_Hans", Encoding("gbk", "GBK", None), "GBK, header only"),
    ("zho_Hans", Encoding("gb18030", None, None), "GB18030, declared nowhere"),
    ("zho_Hant", Encoding("cp950", None, "big5"), "Big5, <meta> only"),
    ("zho_Hant", Encoding("cp950", "Big5", None), "Big5, header only"),
    ("zho_Hant", Encoding("cp950", None, None), "Big5, declared nowhere"),
    ("kor_Hang", Encoding("cp949", "EUC-KR", None), "EUC-KR, header only"),
    ("kor_Hang", Encoding("cp949", None, "ks_c_5601-1987"), "EUC-KR under an old name, <meta> only"),
    ("kor_Hang", Encoding("cp949", None, None), "EUC-KR, declared nowhere"),
    ("rus_Cyrl", Encoding("cp1251", "windows-1251", None), "windows-1251, header only"),
    ("rus_Cyrl", Encoding("cp1251", "utf-8", "windows-1251"), "windows-1251, the header claims UTF-8"),
    ("rus_Cyrl", Encoding("koi8_r", None, "koi8-r"), "KOI8-R, <meta> only"),
    ("rus_Cyrl", Encoding("cp1251", None, None), "windows-1251, declared nowhere"),
    ("ukr_Cyrl", Encoding("cp1251", "windows-1251", "utf-8"), "windows-1251, <meta> claims UTF-8"),
    ("ukr_Cyrl", Encoding("utf-16-le", None, None, codecs.BOM_UTF16_LE), "UTF-16 with a byte order mark"),
    ("ara_Arab", Encoding("cp1256", None, "windows-1256"), "windows-1256, <meta> only"),
    ("ara_Arab", Encoding("cp1256", "windows-1256", None), "windows-1256, header only"),
    ("heb_Hebr", Encoding("cp1255", "windows-1255", None), "windows-1255, header only"),
    ("ell_Grek", Encoding("iso8859_7", None, "iso-8859-7"), "ISO-8859-7, <meta> only"),
    ("ell_Grek", Encoding("utf-8", "ISO-8859-1", "utf-8"), "UTF-8, the header keeps a server's default"),
    ("tur_Latn", Encoding("cp1254", "iso-8859-9", None), "ISO-8859-9, header only"),
    ("pol_Latn", Encoding("iso8859_2", "ISO-8859-2", None), "ISO-8859-2, header only"),
    ("deu_Latn", Encoding("cp1252", None, "iso-8859-1"), "windows-1252, <meta> claims ISO-8859-1"),
    ("fra_Latn", Encoding("iso8859_15", "ISO-8859-15", None), "ISO-8859-15, header only"),
    ("spa_Latn", Encoding("utf-8", "iso-8859-1", None), "UTF-8, the header claims ISO-8859-1"),
    ("tha_Thai", Encoding("cp874", None, "tis-620"), "TIS-620, <meta> only"),
    ("vie_Latn", Encoding("utf-16-le", "utf-16le", None), "UTF-16 without a byte order mark, header only"),
    ("fin_Latn", Encoding("utf-8", "iso-8859-1", None, codecs.BOM_UTF8), "UTF-8 with a mark, the header claims other"),
    ("hin_Deva", Encoding("utf-16-be", None, None, codecs.BOM_UTF16_BE), "UTF-16, big end first, with a mark"),
    ("kat_Geor", Encoding("utf-8", None, "utf-16"), "UTF-8, <meta> claims UTF-16"),
    ("tam_Taml", Encoding("utf-8", None, None), "UTF-8, declared nowhere"),
)


def snippet(article: Article, *, beyond_ascii: bool = False, limit: int = 40) -> str:
    """A stretch of letters and spaces from the article's end: quotes and dashes may be normalised by a pipeline."""
    runs: list[str] = [""]
    for char in article.paragraphs[-1]:
        if unicodedata.category(char)[0] in "LM" or char == " ":
            runs[-1] += char
        else:
            runs.append("")
    fit = [run.strip() for run in runs if not beyond_ascii or not run.isascii()]
    longest = max(fit, key=len)
    if len(longest) > limit and not article.unspaced:
        longest = longest[: longest.rindex(" ", 0, limit)]
    elif len(longest) > limit:
        longest = longest[:limit]
    if len(longest) < 5:
        raise ValueError(f"{article.lang}/{article.slug}: no stretch of letters to look for")
    return longest


def plant(web: Web, pool: Pool) -> None:
    for lang, encoding, reason in PAGES:
        article = pool.take(lang)
        made = web.publish(article, encoding=encoding)
        web.corpus.plant(made.url, "encoding", "kept", reason, contains=snippet(article), lang=lang)
