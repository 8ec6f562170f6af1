package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/contract"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/promotion"
	"delivery.internal/lib/rehearsal/awsapi"
	"delivery.internal/lib/rehearsal/cloud"
	"delivery.internal/lib/testbuild"
)

// asMain makes the test's binary the program itself, so that it can be run as
// a person runs it: with an environment and files, and nothing else.
const asMain = "PLATFORM_TEST_AS_MAIN=yes"

func TestMain(m *testing.M) {
	if name, value, _ := strings.Cut(asMain, "="); os.Getenv(name) == value {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const suffix = "k3m9x2ab"

// person is somebody at a shell, in a checkout of projects that make nothing,
// before an account of the local cloud.
type person struct {
	cloud *cloud.Cloud
	root  string
	home  string
	env   []string
}

func newPerson(t *testing.T) *person {
	t.Helper()
	p := &person{cloud: cloud.New(), root: checkout(t), home: t.TempDir()}
	server := httptest.NewServer(p.withBucket(t, awsapi.New(p.cloud, builds{cloud: p.cloud})))
	t.Cleanup(server.Close)
	p.installCLI(t)
	p.addKey(t)
	p.env = []string{
		asMain, "PATH=" + os.Getenv("PATH"), "HOME=" + p.home, "PULUMI_HOME=" + filepath.Join(p.home, ".pulumi"),
		"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true", "AWS_EC2_METADATA_DISABLED=true", "GITHUB_TOKEN=t",
	}
	p.write(t, ".aws/endpoint", "endpoint_url = "+server.URL+"\n")
	return p
}

func (p *person) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(p.home, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o700))
	return path
}

// logIn writes the shared files of a profile and names it; not one key is in a
// variable.
func (p *person) logIn(t *testing.T, config, credentials string) {
	t.Helper()
	endpoint, err := os.ReadFile(filepath.Join(p.home, ".aws", "endpoint"))
	require.NoError(t, err)
	p.env = append(p.env, "AWS_PROFILE=delivery",
		"AWS_CONFIG_FILE="+p.write(t, "aws-config", "[profile delivery]\n"+string(endpoint)+config),
		"AWS_SHARED_CREDENTIALS_FILE="+p.write(t, "aws-credentials", credentials))
}

// run runs the program and returns what it printed.
func (p *person) run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], append(args, "--root", p.root)...)
	cmd.Env = p.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// installCLI puts the pinned CLI where the program looks for it. After each
// run on the local folder it notes what AWS would have done for the program.
func (p *person) installCLI(t *testing.T) {
	t.Helper()
	cli := testbuild.Tools(t)
	bin := filepath.Join(p.root, ".tools", "bin")
	require.NoError(t, os.MkdirAll(bin, 0o755))
	script := fmt.Sprintf("#!/bin/sh\nset -e\nPATH=%[1]s:$PATH\n%[1]s/pulumi \"$@\"\ncase \"$1 $PULUMI_BACKEND_URL\" in\n\"up file:\"*) touch %[2]s ;;\n\"destroy file:\"*) rm -f %[2]s ;;\nesac\n", cli, p.made())
	require.NoError(t, os.WriteFile(filepath.Join(bin, "pulumi"), []byte(script), 0o755))
	for dir, name := range map[string]string{"bootstrap": "bootstrap", "targets": "targets", "shared": "shared", "environments/dev": "environment-dev", "environments/staging": "environment-staging", "environments/prod": "environment-prod"} {
		text := "name: " + name + "\nruntime: yaml\nconfig:\n  owners:\n    type: array\n    items:\n      type: string\n    default: []\noutputs:\n  made: something\n"
		require.NoError(t, os.WriteFile(filepath.Join(p.root, dir, "Pulumi.yaml"), []byte(text), 0o600))
	}
}

func (p *person) made() string { return filepath.Join(p.root, "made") }

// withBucket makes and removes the platform's bucket as bootstrap's program
// would on AWS.
func (p *person) withBucket(t *testing.T, api http.Handler) http.Handler {
	var mu sync.Mutex
	name := naming.New(naming.Shared, suffix).Of(naming.StateBucket)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		_, err := os.Stat(p.made())
		bucket := p.cloud.Get(cloud.DeliveryAccount, typetoken.Bucket, name)
		switch {
		case err == nil && bucket == nil:
			if err := p.cloud.Add(&cloud.Resource{Type: typetoken.Bucket, ID: name, Name: name, Account: cloud.DeliveryAccount, ARN: "arn:aws:s3:::" + name}); err != nil {
				t.Error(err)
			}
		case err != nil && bucket != nil:
			p.cloud.Remove(cloud.DeliveryAccount, typetoken.Bucket, name)
		}
		mu.Unlock()
		api.ServeHTTP(w, r)
	})
}

// addKey adds the platform key, which bootstrap's program would make, and the
// scan gate's parameter, which shared's would.
func (p *person) addKey(t *testing.T) {
	t.Helper()
	arn := "arn:aws:kms:us-east-1:" + cloud.DeliveryAccount + ":key/k1"
	alias := naming.New(naming.Shared, suffix).Of(naming.KeyAlias)
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + cloud.DeliveryAccount + `:root"},"Action":"kms:*","Resource":"*"}]}`
	for _, r := range []*cloud.Resource{
		{Type: typetoken.Key, ID: "k1", ARN: arn, Inputs: map[string]any{"policy": policy}},
		{Type: "aws:ssm/parameter:Parameter", ID: verdict, Name: verdict, ARN: "arn:aws:ssm:us-east-1:" + cloud.DeliveryAccount + ":parameter/" + verdict, Inputs: map[string]any{"value": "none", "type": "String"}},
		{Type: "aws:kms/alias:Alias", ID: alias, Name: alias, ARN: "arn:aws:kms:us-east-1:" + cloud.DeliveryAccount + ":" + alias, Inputs: map[string]any{"targetKeyId": arn}},
	} {
		r.Account, r.Outputs = cloud.DeliveryAccount, map[string]any{}
		require.NoError(t, p.cloud.Add(r))
	}
}

// verdict is the parameter in which the scan gate leaves its verdict.
var verdict = naming.New(naming.Shared, suffix).Of(naming.ImageVerdict)

// builds is a CodeBuild whose every build succeeds at once, before a scan gate
// that approves what it is asked about.
type builds struct {
	awsapi.Backend
	cloud *cloud.Cloud
}

func (b builds) PutEvent(e awsapi.Event) (string, error) {
	var asked contract.VerdictRequest
	if err := json.Unmarshal([]byte(e.Detail), &asked); err != nil {
		return "", err
	}
	answer, err := json.Marshal(contract.ImageVerdict{Image: asked.Image, Request: asked.Request, Status: contract.ImageApproved})
	b.cloud.Update(cloud.DeliveryAccount, "aws:ssm/parameter:Parameter", verdict, func(r *cloud.Resource) {
		r.Outputs = map[string]any{"value": string(answer), "type": "String"}
	})
	return "1", err
}

func (builds) StartBuild(_ context.Context, _, project string) (awsapi.Build, error) {
	return awsapi.Build{ID: project + ":1", Project: project, Status: "IN_PROGRESS"}, nil
}

func (builds) FindBuild(id string) (awsapi.Build, bool) {
	project, _, _ := strings.Cut(id, ":")
	return awsapi.Build{ID: id, Project: project, Status: "SUCCEEDED", Phase: "COMPLETED",
		Exported: map[string]string{contract.ExportImageDigest: "sha256:" + strings.Repeat("1a", 32)}}, true
}

// logins are the ways to have credentials without a key in a variable.
var logins = map[string]func(*testing.T, *person, *cloud.Session){
	"a profile with keys": func(t *testing.T, p *person, s *cloud.Session) {
		p.logIn(t, "", fmt.Sprintf("[delivery]\naws_access_key_id = %s\naws_secret_access_key = %s\naws_session_token = %s\n", s.AccessKeyID, s.SecretKey, s.Token))
	},
	// As with a login to IAM Identity Center, no file has a key.
	"a profile with a process": func(t *testing.T, p *person, s *cloud.Session) {
		answer := p.write(t, "answer.json", fmt.Sprintf(`{"Version":1,"AccessKeyId":%q,"SecretAccessKey":%q,"SessionToken":%q}`, s.AccessKeyID, s.SecretKey, s.Token))
		p.logIn(t, "credential_process = "+p.write(t, "login", "#!/bin/sh\ncat "+answer+"\n")+"\n", "")
	},
}

var configureArgs = []string{"configure", "--suffix", suffix, "--repository", "acme/infrastructure", "--owners", "me@example.com", "--admin-role", "PlatformAdministrator",
	"--account", "dev=" + cloud.DevAccount, "--account", "staging=" + cloud.StagingAccount, "--account", "prod=" + cloud.ProdAccount}

// TestEveryCommandWorksWithNothingButAProfile goes through the commands that
// make AWS clients, from the first to the last.
func TestEveryCommandWorksWithNothingButAProfile(t *testing.T) {
	t.Parallel()
	for name, logIn := range logins {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPerson(t)
			logIn(t, p, p.cloud.Operator(cloud.DeliveryAccount))
			for _, kv := range p.env {
				require.NotContains(t, kv, "AWS_ACCESS_KEY_ID")
			}
			for _, args := range [][]string{
				configureArgs, {"bootstrap"}, {"up", "shared"}, {"preview", "shared"}, {"refresh", "shared"}, {"image"}, {"destroy", "shared"}, {"destroy-all"},
			} {
				out, err := p.run(t, args...)
				require.NoError(t, err, "%v: %s", args, out)
				if args[0] != "configure" {
					require.Contains(t, out, "account 111122223333 as arn:aws:sts::111122223333:assumed-role/Operator/", args[0])
				} else {
					require.Contains(t, out, "the delivery account is 111122223333")
				}
			}
		})
	}
}

// TestConfigureLooksAtTheNamesOfWhoIsLoggedIn finds each of the ten before
// anything is written.
func TestConfigureLooksAtTheNamesOfWhoIsLoggedIn(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	logins["a profile with keys"](t, p, p.cloud.Operator(cloud.DeliveryAccount))
	for _, bucket := range naming.Buckets(suffix, promotion.Default().Names()...) {
		require.NoError(t, p.cloud.OpenBucket(bucket))
		out, err := p.run(t, configureArgs...)
		require.Error(t, err)
		require.Contains(t, out, "not yours: "+bucket+";")
		require.NoFileExists(t, filepath.Join(p.root, "bootstrap", "Pulumi."+suffix+".yaml"))
		p.cloud.LeaveBucket(bucket)
	}
}

// TestWithoutCredentialsEveryCommandSaysSo and blames nothing else.
func TestWithoutCredentialsEveryCommandSaysSo(t *testing.T) {
	t.Parallel()
	for name, logIn := range map[string]func(*testing.T, *person){
		"nobody is logged in":    func(*testing.T, *person) {},
		"the profile is unknown": func(t *testing.T, p *person) { p.env = append(p.env, "AWS_PROFILE=nobodys") },
		"the login has ended":    func(t *testing.T, p *person) { p.logIn(t, "credential_process = false\n", "") },
		"the keys are not valid": func(t *testing.T, p *person) {
			p.logIn(t, "", "[delivery]\naws_access_key_id = AKIAUNKNOWN\naws_secret_access_key = x\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPerson(t)
			logIn(t, p)
			out, err := p.run(t, configureArgs...)
			require.NoError(t, err, out)
			require.Contains(t, out, "nobody is logged in to AWS")
			for _, args := range [][]string{{"bootstrap"}, {"up", "shared"}, {"preview", "shared"}, {"refresh", "bootstrap"}, {"destroy", "shared"}, {"destroy-all"}, {"image"}} {
				out, err := p.run(t, args...)
				require.Error(t, err)
				require.Regexp(t, `(?m)^error: (there are no AWS credentials|AWS refuses the credentials).*aws sso login --profile`, out, "%v", args)
				for _, other := range []string{"another account", "make up", "make bootstrap", "bucket"} {
					require.NotContains(t, out, other, "%v", args)
				}
				require.Equal(t, 1, bytes.Count([]byte(out), []byte("\n")), "one sentence: %s", out)
			}
		})
	}
}
