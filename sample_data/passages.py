"""Planted passages: notices that all pages of a site have in their text, and a passage that went from page to page.

Near misses: a line that only a few pages of a site have, and pairs of short articles that share what their site puts
around each.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path

from articles import Article
from charsets import snippet
from marked import Marked, load_marked
from templates import plain
from warc import Capture
from web import Web

FILE = "web/passages.warc.gz"

# What each page of a site has before and behind its own text.
SITES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "eng_Latn": (
        "https://www.harbour-almanac.example/stories",
        "We use cookies to remember which tide table you opened last and to count our readers. By reading on you agree "
        "to this, and you can change your mind on the settings page at any time.",
        (
            "Subscribe to our newsletter, and every Friday we will send you the tides, the weather and one letter from "
            "a lighthouse. You can leave again with a single click.",
            "The texts of the Harbour Almanac may be copied and changed freely, as long as the source is named and "
            "changed copies are passed on under the same terms.",
        ),
    ),
    "deu_Latn": (
        "https://bergkurier.example/geschichten",
        "Diese Seite setzt Cookies, damit sie beim nächsten Besuch weiß, welches Tal Sie zuletzt gelesen haben. Mit "
        "dem Weiterlesen stimmen Sie dem zu.",
        (
            "Unser Rundbrief kommt jeden zweiten Donnerstag und enthält Wetter, Wege und ein Rezept. Abbestellen "
            "können Sie ihn jederzeit mit einem Klick.",
        ),
    ),
    "jpn_Jpan": (
        "https://minato-dayori.example/hanashi",
        "当サイトでは、読者の数をかぞえるためにクッキーを使用しています。読みつづけることで、これに同意したものとみなします。",
        ("新しい話は毎月一日にメールでお届けします。登録は無料で、いつでもやめることができます。",),
    ),
}
SHELL = "the-lower-quay"
"""The page that is nearly nothing but notices."""

BOILERPLATE: dict[str, tuple[str, str, str]] = {
    "tha_Thai": (
        "https://khon-lao-rueang.example/rueang",
        "เรื่องเล่าจากผู้อ่าน",
        "ส่งเรื่องของคุณมาได้ที่โต๊ะบรรณารักษ์ทุกวันเสาร์",
    ),
    "hin_Deva": (
        "https://nukkad-patrika.example/kahani",
        "यह स्तंभ पाठकों की भेजी हुई सच्ची कहानियों से बनता है।",
        "अपनी कहानी हमें डाक से भेजिए, चुनी हुई कहानियाँ महीने के आख़िरी रविवार को छपती हैं।",
    ),
    "tam_Taml": (
        "https://thinnai-kathaigal.example/kathai",
        "இந்தப் பகுதியில் வாசகர்கள் அனுப்பும் உண்மைக் கதைகள் மட்டுமே இடம்பெறும்.",
        "உங்கள் கதையை அஞ்சலில் அனுப்புங்கள், தேர்ந்தெடுத்தவை மாத இறுதியில் வெளியாகும்.",
    ),
    "ben_Beng": (
        "https://uthan-patrika.example/golpo",
        "এই পাতায় পাঠকদের পাঠানো সত্যি গল্প ছাপা হয়।",
        "আপনার গল্প ডাকে পাঠান, বাছাই করা লেখা মাসের শেষ রবিবারে ছাপা হবে।",
    ),
}

COPIED = {
    "the-salt-that-remembers": "https://brine-and-brass.example/cellar/salt",
    "a-kitchen-on-the-mudflats": "https://six-hours-a-day.example/drew",
    "the-clockmaker-who-could-not-hear": "https://abt-and-daughter.example/childhood",
}
COPIED_WORDS = 50
"""As the recipe has it."""


def plant(web: Web, root: Path) -> None:
    for page in load_marked(root, "notices"):
        _plant_notices(web, page)
    for page in load_marked(root, "boilerplate"):
        address, before, behind = BOILERPLATE[page.article.lang]
        url = _publish(web, page.article, address, [before], [behind])
        reason = "has little but its site's two lines in common with another page"
        web.corpus.plant(
            url, "shared_boilerplate", "kept", reason,
            contains=snippet(page.article), stays=(before, behind), lang=page.article.lang,
        )  # fmt: skip
    _plant_copied(web, load_marked(root, "copied"))


def _plant_notices(web: Web, page: Marked) -> None:
    article = page.article
    address, before, behind = SITES[article.lang]
    url = _publish(web, article, address, [before], behind)
    if article.slug == SHELL:
        reason = "nothing but notices and a sentence: too short once they are removed"
        web.corpus.plant(url, "repeated_passages", "dropped", reason, lang=article.lang)
        return
    stays = page.of("stays") or None
    reason = "its site's notices stand in the text" + (", and a line that few other pages have" if stays else "")
    web.corpus.plant(
        url, "repeated_passages", "kept", reason,
        contains=snippet(article), removed=(before, *behind), stays=stays, lang=article.lang,
    )  # fmt: skip


def _plant_copied(web: Web, pages: list[Marked]) -> None:
    (passage,) = {text for page in pages for text in page.of("copied")}
    if len(passage.split()) < COPIED_WORDS:
        raise ValueError(f"copied.txt: a passage of less than {COPIED_WORDS} words")
    for page in pages:
        url = COPIED[page.article.slug]
        _publish(web, page.article, url.rpartition("/")[0], slug=url.rpartition("/")[2])
        reason = f"a passage of {len(passage.split())} words that {len(pages) - 1} other pages have, word for word"
        web.corpus.plant(
            url, "copied_passage", "kept", reason,
            contains=snippet(page.article), copied=passage, copies=1, lang=page.article.lang,
        )  # fmt: skip


def _publish(
    web: Web,
    article: Article,
    address: str,
    before: Iterable[str] = (),
    behind: Iterable[str] = (),
    *,
    slug: str | None = None,
) -> str:
    url = f"{address}/{slug or article.slug}"
    paragraphs = (escape(text, quote=False) for text in (*before, *article.paragraphs, *behind))
    html = plain(article, web.words[article.lang], paragraphs)
    web.add(FILE, Capture(url, web.corpus.tick(), html.encode("utf-8")), article)
    return url
