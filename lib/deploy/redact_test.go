package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/contract"
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

// TestSecretsOfAViolatedPlanStayHidden deploys with another secret than was
// reviewed, of which the CLI would print both.
func TestSecretsOfAViolatedPlanStayHidden(t *testing.T) {
	for name, secrets := range map[string][2]string{
		"one line":      {"canary-two", "canary-three"},
		"several lines": {"canary\n}}}], ~~x[{canary\n\tcanary]\n", "{\"canary\": [\"canary\",\n  \"canary\"]}"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			file := filepath.Join(t.TempDir(), "secret")
			s.write("infra/messaging/Pulumi.yaml", fmt.Sprintf(`name: messaging
runtime: yaml
resources:
  topic:
    type: aws:test:Thing
    properties:
      name: m
      token: {"fn::secret": {"fn::readFile": %q}}
outputs:
  limit: 5
  token: ${topic.token}
`, file))
			require.NoError(t, os.WriteFile(file, []byte("canary-one"), 0o600))
			s.delivered()
			require.NoError(t, os.WriteFile(file, []byte(secrets[0]), 0o600))
			s.preview()
			require.NoError(t, os.WriteFile(file, []byte(secrets[1]), 0o600))
			err := s.deploy()
			require.ErrorContains(t, err, "plan violated")
			require.ErrorContains(t, err, "urn:pulumi:dev::messaging::aws:test/thing:Thing::topic violates plan: properties changed: token")
			require.Equal(t, contract.Failed, s.recorded().Outcome)
			ledger, _ := s.cloud.get(t, ledgerBucket, contract.LedgerKey("dev", commitA))
			for where, text := range map[string]string{
				"error": err.Error(), "log": s.log.String(), "bundle": s.bundleText(), "ledger": ledger, "events": strings.Join(s.cloud.published(), ""),
			} {
				for line := range strings.Lines(text) {
					require.NotContains(t, line, "canary", where)
				}
			}
		})
	}
}
