import pytest

from reconcile.lib.gotemplate import SPRIG, TemplateError, as_go, parsed

NAMES = frozenset(SPRIG)


def rendered(text, data=None):
    return parsed(text, NAMES).rendered(as_go(data), SPRIG)


@pytest.mark.parametrize(
    ("text", "data", "expected"),
    [
        ("plain", None, "plain"),
        ("{{ .a.b }}", {"a": {"b": "x"}}, "x"),
        ("{{ .a.b }}|{{ .none.deeper }}", {"a": {}}, "<no value>|<no value>"),
        (
            '{{ "a\\tb" }}{{ `raw\\n` }}{{ 07 }}{{ 0x1f }}{{ 1.50 }}{{ 1e21 }}{{ true }}',
            None,
            "a\tbraw\\n7311.51e+21true",
        ),
        ("a {{- 1 -}} b {{- /* said */ -}} c{{/* and */}}d", None, "a1bcd"),
        ("{{ if .a }}yes{{ else if .b }}or{{ else }}no{{ end }}", {"b": [1]}, "or"),
        ("{{ with .a }}{{ . }}{{ else with .b }}[{{ . }}]{{ end }}", {"b": 2}, "[2]"),
        ("{{ range .l }}<{{ . }}>{{ else }}none{{ end }}", {"l": ["a", "b"]}, "<a><b>"),
        ("{{ range .l }}<{{ . }}>{{ else }}none{{ end }}", {}, "none"),
        ("{{ range $k, $v := .m }}{{ $k }}={{ $v }};{{ end }}", {"m": {"b": 1, "a": 2}}, "a=2;b=1;"),
        ("{{ range $i := 3 }}{{ if eq $i 1 }}{{ continue }}{{ end }}{{ $i }}{{ end }}", None, "02"),
        ("{{ range .l }}{{ if eq . `b` }}{{ break }}{{ end }}{{ . }}{{ end }}", {"l": ["a", "b", "c"]}, "a"),
        ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ $x := 3 }}{{ $x }}{{ end }}{{ $x }}", None, "32"),
        ('{{ define "t" }}({{ .k }}{{ $ }}){{ end }}{{ template "t" dict "k" .a }}', {"a": "v"}, "(vmap[k:v])"),
        ('{{ block "b" .a }}[{{ . }}]{{ end }}', {"a": "v"}, "[v]"),
        ('{{ .a | printf "%s-%d" "x" }}', {"a": "v"}, "x-%!d(string=v)"),
        (
            '{{ printf "%05.1f|%-4s|%4d|%q|%v|%%|%x" 2.25 "a" 7 "q" .l 255 }}',
            {"l": ["1", None]},
            '002.2|a   |   7|"q"|[1 <nil>]|%|ff',
        ),
        ("{{ (index .l 1).name }}{{ len .l }}{{ (slice .l 1 2) }}", {"l": [{}, {"name": "n"}]}, "n2[map[name:n]]"),
        ("{{ or .a .b 3 }}{{ and .b 0 (fail `never`) }}{{ not .b }}", {"b": "x"}, "x0false"),
        ('{{ eq "a" "b" "a" }}{{ ne 1 2 }}{{ lt 1 2 }}{{ ge "b" "a" }}{{ eq .none nil }}', {}, "truetruetruetruetrue"),
        ("{{ .n }}{{ if .zero }}!{{ end }}", {"n": 1.0, "zero": 0}, "1!"),  # a number of the data is text to Go
        ("{{ html `<a&'>` }}{{ urlquery `a b/c` }}{{ js `'` }}", None, "&lt;a&amp;&#39;&gt;a+b%2Fc\\'"),
        ('{{ print 1 2 "a" "b" 3 }}{{ println "x" 1 }}', None, "1 2ab3x 1\n"),
        ("{{ add1 .n }}{{ sub 5 .n }}{{ div -7 2 }}{{ mod -7 2 }}{{ max 1 3 2 }}", {"n": 4}, "51-3-13"),
        ('{{ default "d" .none }}{{ ternary 1 2 false }}{{ coalesce nil "" "c" }}', {}, "d2c"),
        ('{{ list 1 2 | join "-" }}{{ splitList "," "a,b" | last }}{{ has 1 (list 1) }}', None, "1-2btrue"),
        ('{{ dict "b" 1 "a" (list) | toJson }}{{ fromJson "[1]" | first }}', None, '{"a":[],"b":1}1'),
        ('{{ "x" | repeat 3 | upper | trunc 2 | quote }}{{ nindent 2 "a\\nb" }}', None, '"XX"\n  a\n  b'),
        (
            '{{ (merge (dict "a" 1) (dict "a" 2 "b" 3)) | toJson }}{{ dig "a" "b" "c" .m }}',
            {"m": {"a": {}}},
            '{"a":1,"b":3}c',
        ),
        ('{{ regexMatch "^a+$" "aa" }}{{ snakecase "FooBar" }}{{ camelcase "foo-bar" }}', None, "truefoo_barFooBar"),
        (
            '{{ kindOf .n }}{{ typeOf .m }}{{ kindIs "slice" .l }}',
            {"n": 1, "m": {}, "l": []},
            "stringmap[string]interface {}true",
        ),
    ],
)
def test_renders(text, data, expected):
    assert rendered(text, data) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\n{{ nothing }}", "line 2: function 'nothing' not defined"),
        ("{{ if .a }}", "unexpected EOF"),
        ("{{ end }}", "line 1: unexpected {{end}}"),
        ("{{ .a", "unclosed action"),
        ("{{ $x }}", "undefined variable '$x'"),
        ("{{ break }}", "{{break}} outside {{range}}"),
        ("{{ }}", "missing value for command"),
        ("{{ nil }}", "nil is not a command"),
        ("{{ (1 }}", "unclosed left paren"),
        ("{{ 1 | 2 }}", "non executable command in pipeline stage 2"),
        ("{{ template . }}", "needs the name of a template"),
        ("{{ a ! }}", "unexpected '! }}'"),
        ("{{ if }}x{{ end }}", "missing value for command"),
        ("{{ if" + "}}{{ if 1 }}" * 200, "missing value"),
        ("{{ if 1 }}" * 200 + "{{ end }}" * 200, "nested deeper"),
    ],
)
def test_what_cannot_be_read(text, said):
    with pytest.raises(TemplateError) as caught:
        parsed(text, NAMES)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "data", "said"),
    [
        ("a\n{{ .a.b }}", {"a": "x"}, "line 2: can't evaluate field b in type string"),
        ("{{ index .l 3 }}", {"l": [1]}, "error calling index: index out of range: 3"),
        ("{{ index .none 1 }}", {}, "index of untyped nil"),
        ("{{ eq .n 1 }}", {"n": 1}, "incompatible types for comparison: json.Number and int"),
        ("{{ lt true false }}", None, "invalid type for comparison: bool"),
        ("{{ range .s }}{{ end }}", {"s": "text"}, "range can't iterate over text"),
        ('{{ template "none" }}', None, "template 'none' not defined"),
        ('{{ define "t" }}{{ template "t" }}{{ end }}{{ template "t" }}', None, "exceeded maximum template depth"),
        ("{{ div 1 0 }}", None, "error calling div: integer divide by zero"),
        ("{{ fail `no` }}", None, "error calling fail: no"),
        ("{{ range 2000000 }}x{{ end }}", None, "more than 1,000,000 steps"),
        ("{{ until 1000000 }}", None, "1,000,000 is more than 100,000"),
        ("{{ .a 1 }}", {"a": 1}, "can't give argument to non-function .a"),
        ("{{ upper }}", None, "error calling upper"),
    ],
)
def test_what_cannot_be_rendered(text, data, said):
    with pytest.raises(TemplateError) as caught:
        rendered(text, data)
    assert said in str(caught.value)


def test_a_template_is_rendered_with_functions_that_are_given_then():
    template = parsed("{{ Now }} {{ Named .a }}", frozenset({"Now", "Named"}))
    assert template.rendered({"a": "x"}, {"Now": lambda: "noon", "Named": str.upper}) == "noon X"
