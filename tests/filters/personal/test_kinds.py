"""Each kind by itself: what is one, what only looks like one."""

import pytest

from gristmill.filters.personal import find


def found(text: str, kind: str, *, language: str = "eng_Latn", region: str | None = None) -> list[str]:
    return [text[span.start : span.end] for span in find(text, language=language, region=region) if span.kind == kind]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ana@example.com, bob@example.org", ["ana@example.com", "bob@example.org"]),
        ("o'brien+list@mail.example.co.uk.", ["o'brien+list@mail.example.co.uk"]),
        ("'ana@example.com'", ["ana@example.com"]),
        ("请联系zhang@example.com联系", ["zhang@example.com"]),
        ("用户＠例子．中国。", ["用户＠例子．中国"]),
        ("संपर्क@उदाहरण.भारत पर", ["संपर्क@उदाहरण.भारत"]),
        ("hong@example.kr입니다", ["hong@example.kr"]),
        ("ana@example.hu-ra", ["ana@example.hu"]),
        ("ana@example.com.It was", ["ana@example.com"]),
        ("ana@xn--bcher-kva.example.de", ["ana@xn--bcher-kva.example.de"]),
        ("https://example.org/?mail=ana@example.com&x", ["ana@example.com"]),
        ("x" * 64 + "@example.com", ["x" * 64 + "@example.com"]),
        ("x" * 65 + "@example.com", []),
        ("a..b@example.com ana.@example.com", []),
        ("ana@localhost ana@build.local ana@example.invalidtld", []),
        ("ana@-example.com ana@example-.com", []),
        ("git@github.com hg@example.org", []),
        ("ana@example.com:/srv/data", []),
        ("https://ana@example.com/ ftp://u:p@example.com", []),
        ("@ana@social.example.org", []),
        ("icon@2x.zip lodash@4.17.21 a@1.2.3", []),
        ("@", []),
    ],
)
def test_email(text: str, expected: list[str]) -> None:
    assert found(text, "email") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ping 8.8.8.8", ["8.8.8.8"]),
        ("8.8.8.8", []),
        ("it was 93.184.216.34 again", ["93.184.216.34"]),
        ("http://8.8.8.8/x and 9.9.9.9:53 and 9.9.9.0/24", ["8.8.8.8", "9.9.9.9", "9.9.9.0"]),
        ("DNS 8.8.8.8 8.8.4.4", ["8.8.8.8", "8.8.4.4"]),
        ("IP 08.8.8.8, 256.8.8.8, 8.8.8, 8.8.8.8.8, 1-8.8.8.8", []),
        ("IP 10.1.2.3, 192.168.1.1, 172.16.0.1, 127.0.0.1, 169.254.1.1, 224.0.0.1, 192.0.2.1", []),
        ("version 93.184.216.34", []),
        ("version 3, on the server 93.184.216.34", ["93.184.216.34"]),
        ("l-2.9 103.103.102.102 1.9", []),
        ("[2a00:1450:4001:81b::200e]:443", ["2a00:1450:4001:81b::200e"]),
        ("2001:4860:4860:0:0:0:0:8888:", ["2001:4860:4860:0:0:0:0:8888"]),
        ("2001:db8::1 fe80::1 ::1 fd00::1 2001:4860:4860::88888 2019::05 2001:10:20", []),
    ],
)
def test_ip(text: str, expected: list[str]) -> None:
    assert found(text, "ip") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("DE89370400440532013000", ["DE89370400440532013000"]),
        ("DE89 3704 0044 0532 0130 00 COBADEFF", ["DE89 3704 0044 0532 0130 00"]),
        ("DE89-3704-0044-0532-0130-00", ["DE89-3704-0044-0532-0130-00"]),
        ("de89370400440532013000", ["de89370400440532013000"]),
        ("MT84 MALT 0110 0001 2345 MTLC AST0 01S", ["MT84 MALT 0110 0001 2345 MTLC AST0 01S"]),
        ("IBAN:NO93 8601 1117 947.", ["NO93 8601 1117 947"]),
        ("DE88370400440532013000", []),
        ("DE8937040044053201300", []),
        ("DE893704004405320130000", []),
        ("XX89370400440532013000 ADE89370400440532013000", []),
        ("dE89370400440532013000", []),
    ],
)
def test_iban(text: str, expected: list[str]) -> None:
    assert found(text, "iban") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4111111111111111", ["4111111111111111"]),
        ("5555-5555-5555-4444", ["5555-5555-5555-4444"]),
        ("٤١١١ ١١١١ ١١١١ ١١١١", ["٤١١١ ١١١١ ١١١١ ١١١١"]),
        ("3782 822463 10005", ["3782 822463 10005"]),
        ("3056 930902 5904", ["3056 930902 5904"]),
        ("card 30569309025904", ["30569309025904"]),
        ("30569309025904", []),
        ("4111 1111 1111 1112", []),
        ("1111 1111 1111 1117", []),
        ("4111 1111 1111 1111 2222", []),
        ("0.4111111111111111 4111111111111111.5", []),
        ("order 4111111111111111", []),
        ("/img/4111111111111111_x.jpg id=4111111111111111", []),
        ("0000 0000 0000 0000", []),
    ],
)
def test_card(text: str, expected: list[str]) -> None:
    assert found(text, "card") == expected


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("+49 30 23125 014", "und", ["+49 30 23125 014"]),
        ("(+49) 30 23125014", "und", ["(+49) 30 23125014"]),
        ("+44 (0)20 7946 0123", "und", ["+44 (0)20 7946 0123"]),
        ("tel:+14155550132", "und", ["+14155550132"]),
        ("0049 30 23125 014", "und", ["0049 30 23125 014"]),
        ("+999 123 4567, +49 1, +1 23", "und", []),
        ("030 23125 014", "und", []),
        ("030 23125 014", "deu_Latn", ["030 23125 014"]),
        ("030/23125014 / 069/90009124", "deu_Latn", ["030/23125014", "069/90009124"]),
        ("03023125014", "deu_Latn", []),
        ("Rufnummer 03023125014", "deu_Latn", ["03023125014"]),
        ("Rechnung 030 23125 014", "deu_Latn", []),
        ("Telefon der Bestellung 030 23125 014", "deu_Latn", []),
        ("(212) 555-0147, (212)555-0148", "eng_Latn", ["(212) 555-0147", "(212)555-0148"]),
        ("212 555 0147", "eng_Latn", []),
        ("call 212 555 0147", "eng_Latn", ["212 555 0147"]),
        ("12-212-555-0147 212-555-0147-8 $212-555-0147", "eng_Latn", []),
        ("01 02 03 04 05", "fra_Latn", []),
        ("01 99 00 12 34", "fra_Latn", ["01 99 00 12 34"]),
        ("912 345 678", "spa_Latn", []),
        ("612 34 56 78", "spa_Latn", ["612 34 56 78"]),
        ("12.05.2019, 2019-05-12, 1998-2001, 0.123 456 789", "deu_Latn", []),
        ("hívja: 06 1 234 5678-as", "hun_Latn", ["06 1 234 5678"]),
        ("13812345678", "zho_Hans", ["13812345678"]),
        ("０３－１２３４－５６７８", "jpn_Jpan", ["０３－１２３４－５６７８"]),
        ("tel 1 2 3 4 5 6 7 8 9 1", "eng_Latn", []),
        ("0151 23456789 EUR, 0151 23456789€", "deu_Latn", []),
    ],
)
def test_phone(text: str, language: str, expected: list[str]) -> None:
    assert found(text, "phone", language=language) == expected


@pytest.mark.parametrize(
    ("text", "language", "region", "expected"),
    [
        ("CPF 111.444.777-35", "und", None, ["111.444.777-35"]),
        ("111.444.777-35", "und", None, ["111.444.777-35"]),
        ("111.444.777-36", "por_Latn", None, []),
        ("11144477735", "por_Latn", None, []),
        ("CPF 11144477735", "por_Latn", None, ["11144477735"]),
        ("12345678Z", "spa_Latn", None, ["12345678Z"]),
        ("12345678Z", "eng_Latn", None, []),
        ("12345678Z", "eng_Latn", "ES", ["12345678Z"]),
        ("DNI 12345678Z", "eng_Latn", None, ["12345678Z"]),
        ("pedido, DNI 12345678Z", "spa_Latn", None, ["12345678Z"]),
        ("DNI, pedido 12345678Z", "spa_Latn", None, []),
        ("2341 2341 2346", "hin_Deva", None, ["2341 2341 2346"]),
        ("2341 2341 2346 1234", "hin_Deva", None, []),
        ("2341 2341 2346", "eng_Latn", "GB", ["2341 2341 2346"]),
        ("A123456(3) A123456(4)", "und", None, ["A123456(3)"]),
    ],
)
def test_national_id(text: str, language: str, region: str | None, expected: list[str]) -> None:
    assert found(text, "national_id", language=language, region=region) == expected
