package pulumicli

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPlanViolationsAreCutToNames(t *testing.T) {
	t.Parallel()
	const before = "error: resource urn:pulumi:dev::m::aws:test/thing:Thing::topic violates plan:"
	for name, c := range map[string]struct{ text, want string }{
		"one value":           {before + " properties changed: ~~token[{&{{canary-two}}}!={&{{canary-three}}}]", before + " properties changed: token (values left out)"},
		"several properties":  {before + " properties changed: ++name[{a}], --size, ~~token[{&{{canary-two}}}!={&{{canary-three}}}]", before + " properties changed: name, size, token (values left out)"},
		"nested values":       {before + " properties changed: ~~tags[{map[a:{canary-two} b:{map[c:{1}]}]}!={map[]}], ~~token[{x}]", before + " properties changed: tags (values left out)"},
		"a list with quotes":  {before + ` properties changed: ~~list[{[{"canary-two", ~~x[}]}]`, before + " properties changed: list (values left out)"},
		"an unclosed bracket": {before + " properties changed: ~~token[{canary-two], ~~x[{y}]", before + " properties changed: token (values left out)"},
		"a strange name":      {before + " properties changed: ~~canary two[{x}]", before + " properties changed: canary (values left out)"},
		"no name":             {before + " properties changed: ~~[{canary-two}]", before + " properties changed:  (values left out)"},
		"outputs":             {"error: resource violates plan: properties changed: =~token[{canary-two}]", "error: resource violates plan: properties changed: token (values left out)"},
		"a known kind":        {before + " protect changed (expected true)", before + " protect changed"},
		"an unknown kind":     {before + " canary-two", before + " (values left out)"},
		"a value of several lines": {
			before + " properties changed: ~~token[{&{{canary\n-two}}}!={&{{canary-three\n\tcanary: [x] }}}]\n\nDiagnostics:\n  aws:test:Thing (topic):\n    error: update failed\nDuration: 1s\n",
			before + " properties changed: token (values left out)\nDiagnostics:\n  aws:test:Thing (topic):\n    error: update failed\nDuration: 1s\n",
		},
		"nothing to cut":              {"  + aws:test:Thing topic creating (0s)\n[x]: {y}\n", "  + aws:test:Thing topic creating (0s)\n[x]: {y}\n"},
		"the warning about a wrapper": {"warning: using pulumi-language-go from $PATH at /tmp/x/pulumi-language-go expected /y\nnext", "next"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, redact(c.text))
		})
	}
}
