package provider

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
	"delivery.internal/lib/testbuild"
)

const program = `name: engine
runtime: yaml
config:
  description: {type: string, default: first}
  bucketName: {type: string, default: state-bucket-dev-a1b2}
variables:
  caller:
    fn::invoke: {function: "aws:index:getCallerIdentity"}
resources:
  state:
    type: aws:s3:BucketV2
    properties: {bucket: "${bucketName}", tags: {owner: ada}}
  versions:
    type: aws:s3:BucketVersioningV2
    properties: {bucket: "${state.id}", versioningConfiguration: {status: Enabled}}
  reader:
    type: aws:iam:Role
    properties:
      name: reader-role-dev-a1b2
      description: ${description}
      assumeRolePolicy: '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}'
  reads:
    type: aws:iam:RolePolicy
    properties:
      name: reads
      role: ${reader.name}
      policy:
        fn::toJSON: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:GetObject", Resource: "${state.arn}/config.json"}]}
  password:
    type: random:RandomPassword
    properties: {length: 20}
  environment:
    type: github:RepositoryEnvironment
    properties: {repository: infrastructure, environment: dev}
  secret:
    type: github:ActionsEnvironmentSecret
    properties: {repository: infrastructure, environment: "${environment.environment}", secretName: PASSWORD, plaintextValue: "${password.result}"}
  target:
    type: pulumi:providers:aws
    properties:
      region: us-east-1
      allowedAccountIds: ["123456789012"]
      assumeRole: {roleArn: "arn:aws:iam::123456789012:role/PlatformAdministrator", sessionName: engine}
  elsewhere:
    type: aws:iam:Role
    options: {provider: "${target}"}
    properties: {name: reader-role-dev-a1b2, assumeRolePolicy: "${reader.assumeRolePolicy}"}
outputs:
  elsewhere: ${elsewhere.arn}
  account: ${caller.accountId}
  domain: ${state.bucketRegionalDomainName}
`

// engine is the real CLI on a project, attached to the rig's providers.
type engine struct {
	t   *testing.T
	dir string
	env []string
	bin string
}

func newEngine(t *testing.T, r *rig) *engine {
	t.Helper()
	bin := testbuild.Tools(t)
	home := t.TempDir()
	e := &engine{t: t, dir: filepath.Join(home, "project"), bin: bin, env: []string{
		"HOME=" + home, "PULUMI_HOME=" + filepath.Join(home, ".pulumi"), "PULUMI_BACKEND_URL=file://" + home, "PULUMI_CONFIG_PASSPHRASE=x",
		"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "PULUMI_SKIP_UPDATE_CHECK=true", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true",
		"PULUMI_DEBUG_PROVIDERS=aws:" + r.ports["aws"] + ",github:" + r.ports["github"] + ",random:" + r.ports["random"],
	}}
	require.NoError(t, os.MkdirAll(e.dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(e.dir, "Pulumi.yaml"), []byte(program), 0o600))
	e.run("stack", "init", "dev")
	e.run("config", "set", "aws:region", cloud.Region)
	e.run("config", "set", "github:owner", "acme")
	return e
}

func (e *engine) try(args ...string) (string, error) {
	e.t.Helper()
	cmd := exec.CommandContext(e.t.Context(), filepath.Join(e.bin, "pulumi"), append(args, "--non-interactive", "--color=never")...)
	cmd.Dir, cmd.Env = e.dir, e.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (e *engine) run(args ...string) string {
	e.t.Helper()
	out, err := e.try(args...)
	require.NoError(e.t, err, out)
	return out
}

// TestTheRealEngine carries a small stack from nothing to nothing.
func TestTheRealEngine(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e := newEngine(t, r)

	require.Contains(t, e.run("preview"), "+ 10 to create")
	require.Empty(t, r.cloud.Deployed(), "a preview makes nothing")
	require.Contains(t, e.run("up", "--yes"), "+ 10 created")
	require.Len(t, r.cloud.Deployed(), 8)
	outputs := e.run("stack", "output")
	require.Contains(t, outputs, cloud.DeliveryAccount)
	require.Contains(t, outputs, "arn:aws:iam::123456789012:role/reader-role-dev-a1b2", "two providers of one engine, in two accounts")
	secret := r.cloud.First("random", typetoken.RandomPassword, nil).Str("result")
	require.NotContains(t, e.run("stack", "export"), secret, "secrets are encrypted in the state")

	require.Contains(t, e.run("up", "--yes", "--expect-no-changes"), "10 unchanged")
	require.Contains(t, e.run("refresh", "--yes", "--expect-no-changes"), "10 unchanged")

	e.run("config", "set", "description", "second")
	shown := e.run("preview", "--diff", "--save-plan", filepath.Join(e.dir, "plan.json"))
	require.Contains(t, shown, `~ description: "first" => "second"`)
	require.Contains(t, e.run("up", "--yes", "--plan", filepath.Join(e.dir, "plan.json")), "~ 1 updated")

	e.run("config", "set", "bucketName", "state-bucket-dev-c3d4")
	require.Contains(t, e.run("up", "--yes"), "+-2 replaced", "the bucket, and its versioning with it")

	e.drifts(r)
	e.refuses(r)
	e.imports()
	require.Contains(t, e.run("destroy", "--yes"), "- 10 deleted")
	require.Empty(t, r.cloud.Deployed())
}

// drifts: a change by hand is seen by a refresh and undone by an update.
func (e *engine) drifts(r *rig) {
	e.t.Helper()
	r.cloud.Update(cloud.DeliveryAccount, roleType, "reader-role-dev-a1b2", func(x *cloud.Resource) {
		x.Inputs, x.Outputs = with(x.Inputs, "description", "by hand"), with(x.Outputs, "description", "by hand")
	})
	require.Contains(e.t, e.run("refresh", "--yes", "--diff"), `~ description: "second" => "by hand"`)
	require.Contains(e.t, e.run("up", "--yes"), "~ 1 updated")
	require.Equal(e.t, "second", r.cloud.Get(cloud.DeliveryAccount, roleType, "reader-role-dev-a1b2").Str("description"))
}

// refuses: what is wrong is said before anything is made.
func (e *engine) refuses(r *rig) {
	e.t.Helper()
	e.run("config", "set", "bucketName", "State")
	out, err := e.try("preview")
	require.Error(e.t, err)
	require.Contains(e.t, out, `is "State": expected text that matches`)
	e.run("config", "set", "bucketName", "state-bucket-dev-c3d4")

	r.cloud.Inject(cloud.Fault{Service: "provider", Operation: "update", Resource: roleType, Code: "ServiceFailure", Times: 1})
	e.run("config", "set", "description", "third")
	out, err = e.try("up", "--yes")
	require.Error(e.t, err)
	require.Contains(e.t, out, "ServiceFailure: the request was made to fail")
	e.run("up", "--yes")
}

// imports: what exists can be read by its id.
func (e *engine) imports() {
	e.t.Helper()
	out := e.run("import", roleType, "operator", "Operator", "--yes", "--protect=false", "--generate-code=false")
	require.Contains(e.t, out, "= 1 imported")
	out, err := e.try("import", roleType, "nobody", "Nobody", "--yes", "--generate-code=false")
	require.Error(e.t, err)
	require.Contains(e.t, out, "does not exist")
	e.run("state", "delete", "urn:pulumi:dev::engine::aws:iam/role:Role::operator", "--yes")
}

func TestTheSchemaIsWhatTheCLIReads(t *testing.T) {
	t.Parallel()
	for plugin, version := range plugins {
		text, err := schema(plugin, registry())
		require.NoError(t, err)
		var doc struct {
			Version   string
			Resources map[string]any
		}
		require.NoError(t, json.Unmarshal([]byte(text), &doc))
		require.Equal(t, version, doc.Version)
		require.NotEmpty(t, doc.Resources)
		for token := range doc.Resources {
			require.True(t, strings.HasPrefix(token, plugin+":"), token)
		}
	}
}
