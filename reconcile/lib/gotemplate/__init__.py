"""
Go's text/template: templates in the language of https://pkg.go.dev/text/template, over plain JSON data.

    template = parsed("{{ range .items }}- {{ .name | quote }}{{ end }}", names)
    text = template.rendered(value, functions)

A template is read once; who renders it says which further functions it may call, and what they give: a clock, dice, an
address. So nothing here knows time or chance.

Takes:    a template's text, the names of its functions; plain JSON data, and the functions.
Gives:    text, or a TemplateError that says the line.
Source:   https://pkg.go.dev/text/template; https://masterminds.github.io/sprig/ for SPRIG.
Left out: `call`, as no data here is a function; methods; complex numbers; in SPRIG dates, files, the environment, the
          network, cryptography.
"""

from reconcile.lib.gotemplate.builtins import BUILTINS
from reconcile.lib.gotemplate.parsing import parsed
from reconcile.lib.gotemplate.rendering import Template
from reconcile.lib.gotemplate.sprig import SPRIG
from reconcile.lib.gotemplate.values import Number, TemplateError, as_go

__all__ = ["BUILTINS", "SPRIG", "Number", "Template", "TemplateError", "as_go", "parsed"]
