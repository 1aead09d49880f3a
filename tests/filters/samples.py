"""Texts that the kernels are tested on: many scripts by hand, and a strategy for hostile Unicode."""

import pyarrow as pa
from hypothesis import strategies as st

TEXTS = [
    "",
    " \t\n",
    "The cat sat on the mat. The cat sat on the mat.\nLorem ipsum, LOREM IPSUM!\n\n• one\n- two\n-three\n* four…",
    "Don’t stop: well-known e-mail, 1,000.50 vs 1,000,50, e.g. a--b, x'y' 'z, snake_case __init__ {curly} #tag #＃",
    "Größe ẞ Straße, ĲSSEL ǅ İstanbul, café cafe\u0301, naïve ﬁn Ｗｉｄｅ １２３ ｶﾞ Ⅷ ½\r\nm² Zeile\r\n\r\nAbsatz...",
    "Ёлка и йод: «Всё хорошо?» — сказал он.\nВсё хорошо!\nВсё хорошо!",
    "Ὀδυσσεύς ΟΔΥΣΣΕΎΣ άνθρωπος; τέλος…",
    "مَرْحَبًا بالعالم، كتـــاب أحمد إلى القاهرة؟ ۱۲۳ ١٢٣ هذا \u200fنص می\u200cخواهم",
    "שָׁלוֹם עולם, צה״ל בית־ספר ג׳ירפה. שלום עולם",
    "यह क़िताब है। यह हिन्दी का वाक्य है॥ १२३ क्षत्रिय",
    "বাংলা ভাষা। তমিழ் தமிழ் மொழி. తెలుగు భాష",
    "ภาษาไทยน้ำ และก็และ ๑๒๓ ไม่มีช่องว่าง ภาษาไทยน้ำ และก็และ ภาษาไทยน้ำ",
    "ភាសាខ្មែរ។ ພາສາລາວ မြန်မာဘာသာ။ བོད་སྐད་ཡིན།",
    "简体中文的书，这是一个测试。简体中文的书，这是一个测试。〇一二",
    "繁體中文的書，這是一個測試。\n他說：「這樣嗎？」\n他說：「這樣嗎？」",
    "これは日本語のテストです。カタカナー、漢字とABC123。ﾊﾝｶｸ\nこれは短い\n",
    "漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字の",
    "ガラスのコップでみずをのむ、ｶﾞﾗｽ ﾊﾟﾝ ガ カ゛ ﾞ",
    "мой мои\u0306 Ё Е\u0308 ї і\u0308 за\u0301мок г\u0301 ﻻ ﷲ ﷺ oﬃce Łódź ılık İ пʼять 豈 \u0958 ড় কো",
    "한국어 문장입니다. 漢字 한국어 문장입니다. 한국어 문장입니다.",
    "አማርኛ ቋንቋ፡ ነው። ქართული ენა. Հայերեն լեզու։ ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ",
    "𝐌𝐚𝐭𝐡 𝔘𝔫𝔦 𝟙𝟚𝟛 𐐀𐐁 𐎀 𠀀𠀁 👩‍👩‍👧‍👦 👍🏽 1️⃣ 🇩🇪",
    "👍 👍👍 ☀ ... ... ¡!",
    "\u0301\u0302 \u0e34 \u200d\u200b\ufeff\u00ad a\u200db\u200bc a\u200d\u0301'\u200db a'\u0301b",
    "\0\x01 nul\0byte \ufffd \ue000 \U000f0000 \U0010ffff \u0378",
    "a b c d e f g h i j a b c d e f g h i j a b c d e f g h i j",
    "a " * 50,
    "same line\n" * 9 + "\n\n" + "same line\n" * 9 + "\n\u2028 \x85 \v \f" + "same  line",
    "x" * 5000,
    "ـــ",
    "word " * 3 + "ー々〆",
    "one\rtwo\r\nthree\n\rfour\u2029five",
    "3 likes\n1.2K views\n١٢ إعجاب\n12条评论\n3 likes!\n3. likes\nab3 likes\n3a likes\n3ab likes\n1 2 3\n5 a b c",
    "HOME\nABOUT Us\nNews today\n购物车\n购物车里\n---\n1,000.50 €\nⅧ\n१२३\nǅ Ab\nOK 1",
    "Enable JavaScript in your browser, please do it.\nWe use cookies here and elsewhere, too. And now.\n"
    "Our TERMS of use were changed today, dear reader!\nJava script.\nuse\nof cookies\nprivacy, policy",
    "Dr. smith came at 1.5 p.m. sharp. He left... and U.S. troops stayed?! Yes. 5 of them. “No.” (No.) no.a b. . . c.",
    "今天天气很好，我们一起去公园玩吧。他说：“好吗？”我说好！\nวันนี้อากาศดีมาก เราไปสวนสาธารณะกัน\n"
    + "long " * 50
    + "line.",
    "GrÃ¶ÃŸe cafÃ© â€œquoteâ€\x9d ä¸­æ–‡ à¸ªà¸§ РџСЂРёРІРµС‚ ðŸ˜€ Ã Â Fuß“ Січ Рік É» ÂÂ© â€",
    '"He left." (She stayed.)\n[…]\n"\n")\n"?"\nread more...\nread more...]\n. . .\n....\n…',
]

_PIECES = [
    *"aAbßéЙ1٣²中书書のァー한ไน้ि़ـאث\u0301\u064e\u05b0",
    *("ｶﾞ", "\u3099", "ﾟ", "и\u0306", "Е\u0308", "\u0308", "ﻻ", "ʼ", "Ĳ", "ড়", "ว", "漢字漢字漢字漢字漢"),
    *" \n\r\t\v\f\x85\u2028\u00a0\u3000\x1c\0",
    *"'’-_·.,:…#{}\"”)]•*!?。।؟@",
    *"\u200b\u200c\u200d\ufeff\u00ad\ufe0f\u20e3👍𝐀𐐀𠀀\ufffd\ue000\U0010ffff",
    *(
        "Ã©",
        "â€",
        "РџСЂ",
        "\n3 likes\n",
        "use",
        "terms of use",
        "privacy policy",
        "uses cookies",
        "JavaScript",
        ". A",
        ". a",
    ),
    *("the", "lorem", "ipsum", "\r\n", "\n\n", "...", "1.5", "don't", "漢字", "สวัสดี", "नमस्ते", "مرحبا ", "the cat sat "),
]

pieces = st.lists(st.sampled_from(_PIECES), max_size=60).map("".join)
hostile = pieces | st.text(max_size=40) | st.tuples(pieces, st.integers(2, 6)).map(lambda pair: pair[0] * pair[1])
"""Text out of pieces that matter to some rule, any text, and text that repeats itself."""

batches = st.lists(hostile, max_size=8)


def chunked(texts: list[str]) -> pa.ChunkedArray:
    """The texts in three chunks: a slice of a larger array, an empty one, and the rest."""
    middle = len(texts) // 2
    padded = pa.array(["padding é", *texts[:middle], "more"], pa.string())
    chunks = [padded.slice(1, middle), pa.array([], pa.string()), pa.array(texts[middle:], pa.string())]
    return pa.chunked_array(chunks, pa.string())
