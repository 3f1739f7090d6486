import pytest

from reconcile.lib.errors import ReconcileError
from reconcile.lib.regexp import compiled


@pytest.mark.parametrize(
    ("pattern", "found", "missed"),
    [
        ("^(?i)(Trace|Debug)?$", ["trace", "DEBUG", ""], ["tracer", "debug\n"]),
        ("^((?i)january|march|1[0-2])(?::[a-z]+)?$", ["JANUARY", "March", "12", "march:b"], ["march:B", "13"]),
        ("a(?i)b|c", ["aB", "C"], ["AB"]),
        ("(?:a(?i)b)c", ["aBc"], ["aBC"]),
        ("(?i)a(?-i)b", ["Ab"], ["AB"]),
        ("(?i-s:a.)b", ["AAb"], ["A\nb", "aaB"]),
        ("(?s)a.b", ["a\nb"], ["ab"]),
        ("[(?i)]+", ["?", "(i)"], ["I"]),
        (r"\(?i", ["(i", "i"], ["I"]),
        ("(?P<x>a)(?<y>b)", ["ab"], ["AB"]),
        ("(?)a", ["a"], ["A"]),
    ],
)
def test_flags_hold_to_the_end_of_their_group(pattern, found, missed):
    assert [text for text in (*found, *missed) if compiled(pattern).fullmatch(text)] == found


def test_the_end_is_that_of_a_line_only_where_the_flag_holds():
    assert compiled("(?m)^a$").search("b\na\nb")
    assert compiled("(?:(?m)a$)\n").search("a\n")
    assert not compiled("(?:(?m)a)$").search("a\nb")
    assert not compiled("a$").search("a\n")


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(?x)a", "invalid or unsupported Perl syntax: `(?x`"),
        ("a(?ix)", "invalid or unsupported Perl syntax: `(?ix`"),
        ("(?i-)a", "invalid or unsupported Perl syntax: `(?i-)`"),
        ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        ("(?i)(a", "missing closing ): `(?i)(a`"),
        ("(?i)a)", "unexpected ): `(?i)a)`"),
        ("(?i)*", "missing argument to repetition operator: `*`"),
    ],
)
def test_what_is_refused_is_refused_in_gos_words(pattern, said):
    with pytest.raises(ReconcileError) as refused:
        compiled(pattern)
    assert str(refused.value) == f"error parsing regexp: {said}"
