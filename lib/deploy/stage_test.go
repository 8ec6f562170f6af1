package deploy

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/contract"
	"delivery.internal/lib/testbuild"
)

// hush is the secret that must never be seen.
const hush = "hush-4711-do-not-print"

const (
	commitA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

	previewRole = "arn:aws:iam::123456789012:role/preview-role-dev-a1b2"
	deployRole  = "arn:aws:iam::123456789012:role/deploy-role-dev-a1b2"
)

// TestMain lets the test binary stand in for the language hosts, as the
// deployer does.
func TestMain(m *testing.M) {
	RunHost()
	os.Exit(m.Run())
}

// stage is what an engine test plays on: the real CLI, a cloud, a provider and
// a repository with two projects, orders reading messaging.
type stage struct {
	*testing.T
	cloud    *fakeCloud
	provider *provider
	source   string
	bundle   string
	env      []string
	pulumi   string
	hosts    string // the wrappers of the language hosts
	run      int
	digest   string // of the last preview
	summary  string // of the last preview
	limit    int    // output of messaging, which is the size of orders' thing
	log      safeBuffer
	child    atomic.Int64 // process id of the deployer, where it is one
}

func newStage(t *testing.T) *stage {
	t.Helper()
	bin := testbuild.Tools(t)
	t.Parallel()
	s := &stage{T: t, cloud: newCloud(t), provider: newProvider(), source: t.TempDir(), bundle: t.TempDir(), limit: 5, pulumi: filepath.Join(bin, "pulumi")}
	s.env = []string{
		"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + t.TempDir(),
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_REGION=us-east-1", "AWS_ENDPOINT_URL=" + s.cloud.url,
		"PULUMI_DEBUG_PROVIDERS=" + s.provider.serve(t), "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true",
	}
	hosts, remove, err := NewHosts(s.env)
	require.NoError(t, err)
	t.Cleanup(remove)
	s.hosts = hosts
	s.manifest("", "")
	s.messaging(10)
	s.orders("o")
	return s
}

func (s *stage) write(name, text string) {
	s.Helper()
	path := filepath.Join(s.source, filepath.FromSlash(name))
	require.NoError(s, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(s, os.WriteFile(path, []byte(text), 0o600))
}

// manifest writes delivery.yaml; each text is added to its stack's entry.
func (s *stage) manifest(messaging, orders string) {
	s.write("delivery.yaml", fmt.Sprintf("stacks:\n  - name: messaging\n    path: infra/messaging\n%s  - name: orders\n    path: infra/orders\n    dependsOn: [messaging]\n%s", messaging, orders))
}

func (s *stage) messaging(size int) {
	s.write("infra/messaging/Pulumi.yaml", fmt.Sprintf(`name: messaging
runtime: yaml
resources:
  topic:
    type: aws:test:Thing
    properties:
      name: m
      size: %d
      token: {"fn::secret": %s}
outputs:
  limit: %d
  token: ${topic.token}
`, size, hush, s.limit))
}

func (s *stage) orders(name string) {
	s.write("infra/orders/Pulumi.yaml", fmt.Sprintf(`name: orders
runtime: yaml
resources:
  messaging:
    type: pulumi:pulumi:StackReference
    properties:
      name: organization/messaging/dev
  queue:
    type: aws:test:Thing
    properties:
      name: %s
      size: ${messaging.outputs["limit"]}
`, name))
}

// push begins a new pipeline execution.
func (s *stage) push() { s.run++ }

func (s *stage) settings(role string) Settings {
	return Settings{
		Environment: "dev", Pipeline: "pipeline-dev-a1b2", Region: "us-east-1", Account: "123456789012",
		StateBucket: stateBucket, SecretsKey: testKey, Role: role, ExternalID: "external-id-dev-a1b2",
		LedgerBucket: ledgerBucket, Bus: "delivery-bus-shared-a1b2",
		Commit: commitA, SourceCommit: commitA, Execution: fmt.Sprintf("00000000-0000-4000-8000-%012d", s.run),
		Delivery: "d-1", Pusher: "ada", ReviewedDigest: s.digest, ReviewedSummary: s.summary, pathStyle: true,
	}
}

func (s *stage) deployer(role string) *Deployer {
	settings := s.settings(role)
	log := slog.New(slog.NewJSONHandler(&s.log, nil))
	creds := credentials.NewStaticCredentialsProvider("test", "test", "")
	objects := s3.New(s3.Options{Region: "us-east-1", BaseEndpoint: aws.String(s.cloud.url), UsePathStyle: true, Credentials: creds})
	bus := eventbridge.New(eventbridge.Options{Region: "us-east-1", BaseEndpoint: aws.String(s.cloud.url), Credentials: creds})
	return &Deployer{
		Settings: settings,
		Engine: &CLI{
			Pulumi: s.pulumi, Env: s.env, Hosts: s.hosts, Backend: settings.Backend(), SecretsProvider: settings.SecretsProvider(),
			Retry:   Retry{Tries: 3, Base: time.Millisecond, Cap: 10 * time.Millisecond, LockPatience: time.Minute, Log: log},
			Objects: BucketObjects{API: objects, Bucket: stateBucket, Owner: settings.DeliveryAccount()}, Out: &s.log, Log: log,
			Keys:    DataKeys{API: kms.New(kms.Options{Region: "us-east-1", BaseEndpoint: aws.String(s.cloud.url), Credentials: creds})},
			Message: settings.Message(),
		},
		Ledger: BucketLedger{API: objects, Bucket: ledgerBucket, Owner: settings.DeliveryAccount()}, Bus: EventBus{API: bus, Name: settings.Bus},
		Log: log, Now: time.Now, Source: s.source, BundleDir: s.bundle,
	}
}

// preview reviews in a new execution and expects it to succeed.
func (s *stage) preview() Bundle {
	s.Helper()
	s.push()
	b, err := s.deployer(previewRole).Preview(s.Context())
	require.NoError(s, err, s.log.String())
	s.digest, s.summary = b.Digest, b.exportedSummary()
	return b
}

// deploy carries the bundle out.
func (s *stage) deploy() error {
	s.Helper()
	return s.deployer(deployRole).Deploy(s.Context())
}

// delivered previews and deploys, and expects both to succeed.
func (s *stage) delivered() Bundle {
	s.Helper()
	b := s.preview()
	require.NoError(s, s.deploy(), s.log.String())
	return b
}

func (s *stage) recorded() contract.Deployment {
	s.Helper()
	d, found, err := s.deployer(deployRole).Ledger.Find(s.Context(), "dev", commitA)
	require.NoError(s, err)
	require.True(s, found)
	return d
}

// bundleText is everything in the bundle.
func (s *stage) bundleText() string {
	s.Helper()
	var all strings.Builder
	require.NoError(s, filepath.WalkDir(s.bundle, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	}))
	return all.String()
}

// stub makes a pulumi that writes its process id to a file.
func (s *stage) stub() (pidFile string) {
	s.Helper()
	dir := s.TempDir()
	pidFile = filepath.Join(dir, "pid")
	script := fmt.Sprintf("#!/bin/sh\necho $$ > '%s'\nexec '%s' \"$@\"\n", pidFile, s.pulumi)
	s.pulumi = filepath.Join(dir, "pulumi")
	require.NoError(s, os.WriteFile(s.pulumi, []byte(script), 0o755))
	return pidFile
}

// safeBuffer is a buffer that several goroutines write.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

var _ io.Writer = (*safeBuffer)(nil)

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func (b *safeBuffer) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.b.Reset()
}
