"""Planted personal data, all of it invented or set aside for examples, and what only looks like it.

Hosts and telephone numbers are reserved ones, cards and accounts are those of test manuals and of the IBAN registry,
identity numbers are the authorities' own examples, IP addresses are those of public name servers. Marks of the kind
`stays` are near misses: reserved or private addresses, versions, prices, dates, book numbers, citations, numbers whose
checksum is wrong.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from articles import Article, Pool
from marked import Mark, load_marked, unmark
from web import Web

KINDS = ("email", "phone", "ip", "iban", "card", "national_id")
STAYS = "stays"

# Sentences put into articles of the languages.
SENTENCES: tuple[tuple[str, str], ...] = (
    (
        "eng_Latn",
        "Readers with questions can write to ⟦email:maria.testfield@example.com⟧ or call ⟦phone:(212) 555-0147⟧ on "
        "weekday mornings.",
    ),
    (
        "eng_Latn",
        "Somebody read the payment card out loud as an example of what not to do: ⟦card:4111 1111 1111 1111⟧, "
        "expiring in ⟦stays:12/29⟧.",
    ),
    (
        "eng_Latn",
        "The log pinned to the notice board showed a visitor at ⟦stays:203.0.113.42⟧ and the server at "
        "⟦stays:2001:db8::8a2e:370:7334⟧, which nobody had noticed.",
    ),
    (
        "eng_Latn",
        "The sample form gave ⟦stays:987-65-4320⟧ as the social security number and "
        "⟦iban:GB82 WEST 1234 5698 7654 32⟧ as the account, with ⟦email:office@example.org⟧ for the reply.",
    ),
    (
        "deu_Latn",
        "Fragen beantwortet Erika Mustermann unter ⟦email:erika.mustermann@example.org⟧ oder telefonisch unter "
        "⟦phone:030 23125 014⟧; Spenden gehen an das Konto ⟦iban:DE89 3704 0044 0532 0130 00⟧.",
    ),
    (
        "fra_Latn",
        "Pour tout renseignement, il suffit d'écrire à ⟦email:jeanne.exemple@example.net⟧ ou d'appeler le "
        "⟦phone:01 99 00 12 34⟧ en fin de matinée.",
    ),
    (
        "spa_Latn",
        "Para más información se puede escribir a ⟦email:lucia.prueba@example.com⟧; la cámara del taller responde en "
        "la dirección ⟦stays:198.51.100.23⟧.",
    ),
    (
        "rus_Cyrl",
        "Вопросы можно присылать на адрес ⟦email:ivan.primer@example.com⟧, а в журнале сервера остался адрес "
        "⟦stays:192.0.2.55⟧.",
    ),
    ("jpn_Jpan", "お問い合わせは見本太郎（⟦email:taro.mihon@example.com⟧）までお願いします。"),
    (
        "hin_Deva",
        "सवाल पूछने के लिए ⟦email:asha.udaharan@example.com⟧ पर लिखें; सर्वर का पता ⟦stays:192.0.2.17⟧ बताया गया है।",
    ),
    ("ara_Arab", "للاستفسار يمكن الكتابة إلى العنوان ⟦email:samir.mithal@example.org⟧ في أي وقت."),
)


def plant_sentences(web: Web, pool: Pool) -> None:
    for lang, sentence in SENTENCES:
        article = pool.take(lang, source="domain_texts/" if lang == "eng_Latn" else "texts/")
        added, marks = unmark(sentence)
        paragraphs = (article.paragraphs[0], added, *article.paragraphs[1:])
        _publish(web, replace(article, paragraphs=paragraphs), marks)


def plant_pages(web: Web, root: Path) -> None:
    for page in load_marked(root, "personal"):
        _publish(web, page.article, page.marks)


def _publish(web: Web, article: Article, marks: tuple[Mark, ...]) -> None:
    unknown = {mark.kind for mark in marks} - {*KINDS, STAYS}
    if unknown:
        raise ValueError(f"{article.lang}/{article.slug}: unknown marks {sorted(unknown)}")
    personal = tuple({"kind": mark.kind, "text": mark.text} for mark in marks if mark.kind != STAYS)
    stays = tuple(mark.text for mark in marks if mark.kind == STAYS)
    reason = "invented personal data" if personal else "only looks like personal data"
    found = {"personal": personal, "stays": stays or None}
    web.corpus.plant(web.publish(article).url, "personal_data", "kept", reason, **found, lang=article.lang)
