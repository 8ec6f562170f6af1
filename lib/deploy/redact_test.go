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
