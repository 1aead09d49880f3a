"""Planted mess on the web: what has to be dropped, and what has to be kept in spite of its looks."""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from html import escape
from random import Random
from typing import Any

from articles import Article, Pool
from charsets import snippet
from templates import bare
from warc import Capture
from web import SITE_OF, Web

# Keyword spam: a handful of phrases, over and over.
SPAM: tuple[tuple[str, str], ...] = (
    ("eng_Latn", "cheap running shoes online|best price running shoes|buy cheap running shoes now|free shipping shoes"),
    (
        "eng_Latn",
        "payday loan no credit check|instant payday loan online|bad credit loan fast cash|payday loan near me",
    ),
    ("eng_Latn", "casino bonus no deposit|best online casino bonus|free spins casino bonus code"),
    ("deu_Latn", "günstige Handyhüllen online kaufen|Handyhüllen Angebot|billige Handyhüllen Versand gratis"),
    ("fra_Latn", "montre pas cher livraison gratuite|acheter montre pas cher|promo montre pas cher en ligne"),
    ("spa_Latn", "comprar zapatillas baratas|zapatillas baratas oferta|envío gratis zapatillas baratas online"),
    ("por_Latn", "emprestimo rápido sem consulta|dinheiro fácil hoje|emprestimo rápido online aprovado"),
    ("rus_Cyrl", "купить диплом недорого|диплом с доставкой|купить диплом срочно без предоплаты"),
    ("tur_Latn", "ucuz uçak bileti al|en ucuz bilet burada|ucuz uçak bileti kampanya"),
    ("zho_Hans", "低价手机壳批发|手机壳厂家直销|低价手机壳包邮"),
    ("jpn_Jpan", "激安ブランド財布通販|財布激安セール送料無料|ブランド財布最安値"),
    ("tha_Thai", "สมัครรับโบนัสฟรี เว็บตรงไม่ผ่านเอเย่นต์|โบนัสฟรีไม่ต้องฝาก|เว็บตรงแตกง่าย"),
    ("ara_Arab", "شراء متابعين رخيص|متابعين حقيقيين بأرخص سعر|شراء متابعين فوري"),
    ("hin_Deva", "सस्ता लोन तुरंत पाएं|बिना कागज सस्ता लोन|आज ही सस्ता लोन ऑनलाइन"),
)
SHORT: tuple[tuple[str, str, str], ...] = (
    ("eng_Latn", "Sign in", "<form>User name <input> Password <input type=password> <a href=/reset>Forgot?</a></form>"),
    ("eng_Latn", "Coming soon", "<h1>Coming soon</h1><p>We are working on something new.</p>"),
    ("eng_Latn", "Photo 12 of 40", '<img src="/p/12.jpg"><p>Harbour, evening.</p><a href="/p/13">Next</a>'),
    ("deu_Latn", "Warenkorb", "<p>Ihr Warenkorb ist leer.</p><a href=/>Weiter einkaufen</a>"),
    ("fra_Latn", "Résultats", "<p>Aucun résultat pour votre recherche.</p>"),
    ("spa_Latn", "Inicio", "<ul><li>Inicio<li>Noticias<li>Contacto</ul><p>Bienvenidos.</p>"),
    ("rus_Cyrl", "Вход", "<p>Введите логин и пароль.</p>"),
    ("jpn_Jpan", "準備中", "<p>このページは準備中です。</p>"),
    ("kor_Hang", "로그인", "<p>아이디와 비밀번호를 입력하세요.</p>"),
    ("ara_Arab", "غير موجود", "<p>الصفحة غير موجودة.</p>"),
    ("hin_Deva", "खोज", "<p>कोई परिणाम नहीं मिला।</p>"),
    ("tha_Thai", "ปิดปรับปรุง", "<p>เว็บไซต์ปิดปรับปรุงชั่วคราว</p>"),
)
LOREM = (
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore "
    "magna aliqua. Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris nisi ut aliquip ex ea commodo "
    "consequat. Duis aute irure dolor in reprehenderit in voluptate velit esse cillum dolore eu fugiat nulla pariatur."
)
CODE = """function schedule(queue, clock) {
  const due = queue.filter((job) => { return job.at <= clock.now(); });
  for (const job of due) { try { job.run(); } catch (e) { log.warn(e); } }
  return { left: queue.length - due.length };
}
"""
_CONTROLS = "\x01\x02\x08\x0b\x0e\x1b\x7f\x85"


def _spam_text(phrases: str, rng: Random) -> str:
    choices = phrases.split("|")
    lines = [", ".join(choices[rng.randrange(len(choices))] for _ in range(8)) for _ in range(12)]
    return "\n".join(lines)


def _letters(rng: Random, alphabet: str, low: int, high: int) -> str:
    return "".join(alphabet[rng.randrange(len(alphabet))] for _ in range(rng.randrange(low, high)))


_ALNUM = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_MARKS = "!#$%&*+-/<=>?@^_|~:;.,()[]"


def _lines(rng: Random, count: int, line: Callable[[Random], str]) -> str:
    return "\n".join(line(rng) for _ in range(count))


# Each makes one line of machine-made junk.
JUNK: dict[str, Callable[[Random], str]] = {
    "random tokens": lambda rng: " ".join(_letters(rng, _ALNUM + "0123456789" * 4, 4, 26) for _ in range(9)),
    "base64": lambda rng: base64.b64encode(rng.randbytes(57)).decode(),
    "hex dump": lambda rng: f"{rng.randrange(1 << 28):08x}: " + " ".join(f"{b:02x}" for b in rng.randbytes(16)),
    "symbols": lambda rng: " ".join(_letters(rng, _MARKS, 1, 9) for _ in range(12)),
    "numbers": lambda rng: "\t".join(f"{rng.randrange(10**6) / 1000:.3f}" for _ in range(10)),
    "coordinates": lambda rng: (
        f"{rng.randrange(90)}.{rng.randrange(10**6):06d};{rng.randrange(10**6)};{rng.randrange(99)}"
    ),
    "word and number salad": lambda rng: " ".join(
        f"{_letters(rng, 'bcdfgklmnprst', 2, 5)} {rng.randrange(10**4)} {_letters(rng, '#*=+|', 1, 3)}"
        for _ in range(7)
    ),
    "log of a machine": lambda rng: (
        f"[{rng.randrange(10**9)}] {rng.randrange(1 << 32):08x} {rng.randrange(999)}ms 0x0 >>"
    ),
    "gene sequence": lambda rng: _letters(rng, "ACGT", 70, 71),
    "box drawing": lambda rng: "".join("─│┌┐└┘├┤┬┴┼ ═║"[rng.randrange(14)] for _ in range(60)),
    "file names": lambda rng: (
        f"/{_letters(rng, _ALNUM, 8, 14)}/{_letters(rng, _ALNUM, 30, 50)}_{rng.randrange(10**8)}.dat"
    ),
    "dots and dashes": lambda rng: " ".join(_letters(rng, ".-", 1, 6) for _ in range(20)),
}


def plant_dropped(web: Web) -> None:
    _plant_spam(web)
    _plant_junk(web)
    _plant_short(web)
    _plant_single_pages(web)


@dataclass(frozen=True)
class _Bad:
    """A page to be dropped."""

    lang: str
    path: str
    title: str
    body: str  # HTML


def _drop(web: Web, page: _Bad, kind: str, reason: str) -> None:
    host = SITE_OF[page.lang].host if kind == "boilerplate_only" else "bargain-bazaar.example"
    made = web.bare(page.lang, f"https://{host}/{page.path}", page.title, page.body)
    web.corpus.plant(made.url, kind, "dropped", reason, lang=None if kind == "junk" else page.lang)


def _as_paragraphs(text: str) -> str:
    return "".join(f"<p>{escape(line)}</p>\n" for line in text.splitlines())


def _plant_spam(web: Web) -> None:
    for n, (lang, phrases) in enumerate(SPAM):
        text = _spam_text(phrases, Random(f"spam {n}"))
        title = phrases.split("|")[0]
        body = f"<h1>{escape(title)}</h1>\n{_as_paragraphs(text)}"
        _drop(web, _Bad(lang, f"offers/{n}", title, body), "spam", "the same few phrases repeated")


def _plant_junk(web: Web) -> None:
    langs = ("eng_Latn", "deu_Latn", "kor_Hang", "hin_Deva")
    for n, (name, line) in enumerate(JUNK.items()):
        text = _lines(Random(f"junk {name}"), 40, line)
        if name == "numbers":
            rows = (f"<tr><td>{'<td>'.join(row.split())}" for row in text.splitlines())
            body = f"<table>{''.join(rows)}</table>"
        else:
            body = _as_paragraphs(text)
        _drop(web, _Bad(langs[n % len(langs)], f"data/{n}.html", name, body), "junk", f"machine-made: {name}")


def _plant_short(web: Web) -> None:
    for n, (lang, title, body) in enumerate(SHORT):
        _drop(web, _Bad(lang, f"page/{n}", title, body), "boilerplate_only", "a few words, no text worth keeping")
    for lang, words in web.words.items():
        # The same kind of page in every language: a limit on length has to hold in all of them.
        body = f"<h1>{SITE_OF[lang].name}</h1><p>{words['newsletter']}</p><p>{words['contact']}: {words['more']}</p>"
        page = _Bad(lang, f"{words['tag'].lower()}/about", words["about"], body)
        _drop(web, page, "boilerplate_only", "a page about the site, two lines long")


def _plant_single_pages(web: Web) -> None:
    sentences = LOREM.split(". ")
    lorem = "".join(f"<p>{'. '.join(sentences[i:] + sentences[:i])}</p>\n" for i in range(3))
    _drop(web, _Bad("eng_Latn", "demo", "Demo theme", lorem), "lorem_ipsum", "a theme's placeholder text")
    notice = "<p>Please enable JavaScript to continue using this application.</p><script>boot()</script>"
    reason = "nothing but a request to enable JavaScript"
    _drop(web, _Bad("eng_Latn", "app", "App", notice), "javascript_notice", reason)
    code = f"<pre>{escape(CODE * 6)}</pre>"
    reason = "source code with curly braces"
    _drop(web, _Bad("eng_Latn", "src/queue.js.html", "queue.js", code), "code_dump", reason)
    for n, lang in enumerate(("eng_Latn", "fin_Latn")):
        url = f"https://bargain-bazaar.example/empty/{n}"
        web.add(SITE_OF[lang].file, Capture(url, web.corpus.tick(), b""))
        web.corpus.plant(url, "empty_payload", "skipped", "no body at all")
    blank = web.bare("eng_Latn", "https://bargain-bazaar.example/blank", "", "<div></div>")
    web.corpus.plant(blank.url, "empty_page", "skipped", "HTML without any text")


def plant_mojibake(web: Web, pool: Pool) -> None:
    for lang in ("por_Latn", "deu_Latn", "spa_Latn", "pol_Latn", "vie_Latn", "ell_Grek", "ukr_Cyrl"):
        article = pool.take(lang)
        made = web.publish(garble(article))
        reason = "UTF-8 read as windows-1252 and saved again: to be repaired"
        contains = snippet(article, beyond_ascii=True)
        web.corpus.plant(made.url, "mojibake", "kept", reason, contains=contains, lang=lang)
    for lang in ("rus_Cyrl", "ara_Arab", "kor_Hang"):
        article = replace(pool.take(lang), title="???")
        lost = "?" if lang == "rus_Cyrl" else "\ufffd"
        body = "".join(f"<p>{_lose_letters(p, lost)}</p>\n" for p in article.paragraphs)
        reason = f"letters lost for good: every one became {'a question mark' if lost == '?' else 'U+FFFD'}"
        _drop(web, _Bad(lang, f"lost/{article.slug}", "???", body), "mojibake_lost", reason)


def garble(article: Article) -> Article:
    """UTF-8 taken for windows-1252. Five bytes mean nothing there; software then uses the control of that number."""

    def read_wrong(text: str) -> str:
        return "".join(
            bytes([b]).decode("cp1252" if b not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else "latin-1")
            for b in text.encode("utf-8")
        )

    return replace(article, title=read_wrong(article.title), paragraphs=tuple(map(read_wrong, article.paragraphs)))


def _lose_letters(text: str, mark: str) -> str:
    return "".join(char if char.isascii() else mark for char in text)


# Characters that are no reason to drop a text. Each function changes an article's paragraphs.
def _with_bidi_marks(text: str) -> str:
    words = text.split(" ")
    words[2] = f"\u202b{words[2]}\u202c"
    words[5] = f"\u2067{words[5]}\u2069"
    return "\u200f" + " ".join(words)


def _with_emoji(text: str) -> str:
    # Not at the end: a line that ends with an emoji does not end with punctuation, and rules count those that do.
    words = text.split(" ")
    words[3:3] = ["\U0001f642\U0001f44d\U0001f3fd", "\U0001f468\u200d\U0001f33e", "\U0001f1f3\U0001f1f4"]
    return " ".join(words)


def _with_zero_width(text: str) -> str:
    # ZWSP after every fourth space, a soft hyphen in long words, a stray byte order mark in front.
    words = [f"{w[:5]}\u00ad{w[5:]}" if len(w) > 9 else w for w in text.split(" ")]
    return "\ufeff" + " ".join(f"\u200b{w}" if i % 4 == 3 else w for i, w in enumerate(words))


def _with_controls(text: str) -> str:
    words = text.split(" ")
    return " ".join(f"{w}{_CONTROLS[i // 6 % len(_CONTROLS)]}" if i % 6 == 5 else w for i, w in enumerate(words))


def _decomposed(text: str) -> str:
    return unicodedata.normalize("NFD", text)


ODD_CHARACTERS: tuple[tuple[str, str, Callable[[str], str], str], ...] = (
    ("bidi_marks", "ara_Arab", _with_bidi_marks, "bidirectional marks and isolates"),
    ("bidi_marks", "heb_Hebr", _with_bidi_marks, "bidirectional marks and isolates"),
    ("emoji", "eng_Latn", _with_emoji, "emoji, joined ones and flags among them"),
    ("emoji", "spa_Latn", _with_emoji, "emoji, joined ones and flags among them"),
    ("zero_width", "eng_Latn", _with_zero_width, "zero-width spaces, soft hyphens, a byte order mark inside"),
    ("zero_width", "rus_Cyrl", _with_zero_width, "zero-width spaces, soft hyphens, a byte order mark inside"),
    ("control_characters", "eng_Latn", _with_controls, "control characters between the words"),
    ("control_characters", "ita_Latn", _with_controls, "control characters between the words"),
    ("decomposed", "vie_Latn", _decomposed, "letters and their marks as separate code points (NFD)"),
)


def plant_kept(web: Web, pool: Pool) -> None:
    for kind, lang, change, reason in ODD_CHARACTERS:
        article = pool.take(lang)
        # The last paragraph stays as it was, to look for in the result.
        changed = (*map(change, article.paragraphs[:-1]), article.paragraphs[-1])
        made = web.publish(replace(article, paragraphs=changed))
        web.corpus.plant(made.url, kind, "kept", reason, contains=snippet(article), lang=lang)
    _plant_bytes(web, pool)
    _plant_delivery(web, pool)


def _plant_bytes(web: Web, pool: Pool) -> None:
    """Bytes that are wrong in UTF-8 HTML."""
    for kind, lang, bad, reason in (
        ("nul_bytes", "eng_Latn", b"\0", "NUL bytes in the page"),
        ("nul_bytes", "ell_Grek", b"\0\0", "NUL bytes in the page"),
        ("invalid_utf8", "eng_Latn", b"\xff\xfe", "bytes that are never valid in UTF-8"),
        ("invalid_utf8", "tur_Latn", b"\xc3\x28", "a UTF-8 sequence broken off"),
    ):
        article = pool.take(lang)
        made = web.publish(article)
        start = made.body.index(article.paragraphs[0][:20].encode("utf-8"))
        made.body = made.body[:start] + bad + made.body[start:] + bad
        web.corpus.plant(made.url, kind, "kept", reason, contains=snippet(article), lang=lang)


def _plant_delivery(web: Web, pool: Pool) -> None:
    """Odd answers around sound pages."""
    cases: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("Content-Length larger than the body", "eng_Latn", {"length": 250_000}),
        ("Content-Length smaller than the body", "eng_Latn", {"length": 700}),
        ("no Content-Type at all", "eng_Latn", {"content_type": None}),
        ("media type in capitals, with odd spacing", "deu_Latn", {"content_type": "TEXT/HTML ;charset=UTF-8"}),
        ("XHTML media type", "swa_Latn", {"content_type": "application/xhtml+xml"}),
        ("chunked and compressed at once", "fin_Latn", {"coding": "gzip", "chunked": True}),
    )
    for reason, lang, changes in cases:
        article = pool.take(lang)
        made = web.publish(article, **{"coding": "", "chunked": False, **changes})
        kind = "content_length_lies" if "length" in changes else "odd_headers"
        web.corpus.plant(made.url, kind, "kept", reason, contains=snippet(article), lang=lang)
    article = pool.take("eng_Latn")
    url = "https://www.northbridge-herald.example/plain/note.txt"
    capture = Capture(url, web.corpus.tick(), article.text.encode("utf-8"), content_type="text/plain; charset=utf-8")
    web.add("web/anglophone.warc.gz", capture, article)
    web.corpus.plant(url, "odd_headers", "kept", "a response of plain text", contains=snippet(article), lang="eng_Latn")


def unstyled(article: Article) -> str:
    """An article as the simplest of pages."""
    body = "\n".join(f"<p>{escape(p, quote=False)}</p>" for p in article.paragraphs)
    return bare(article.title, f"<h1>{escape(article.title, quote=False)}</h1>\n{body}")
