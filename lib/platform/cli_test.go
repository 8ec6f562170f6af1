package platform_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/platform"
	"delivery.internal/lib/pulumicli"
	"delivery.internal/lib/testbuild"
)

// cutter runs the real CLI, and cuts the run off once after each changing
// command. It plays AWS for the program: after bootstrap's first update the
// bucket exists, after its destroy it does not.
type cutter struct {
	pulumicli.Process
	store *s3mem.Backend
	seen  map[string]bool
	cuts  int
}

const realBucket = "state-bucket-shared-a1b2"

func (c *cutter) Run(ctx context.Context, cmd pulumicli.Command) error {
	if err := c.Process.Run(ctx, cmd); err != nil {
		return err
	}
	verb := strings.Join(cmd.Args[:2], " ")
	if err := c.playAWS(cmd.Args[0], strings.HasPrefix(value(cmd.Env, "PULUMI_BACKEND_URL"), "file:")); err != nil {
		return err
	}
	key := verb + value(cmd.Env, "PULUMI_BACKEND_URL")
	if verb == "stack export" || verb == "stack ls" || c.seen[key] {
		return nil
	}
	c.seen[key] = true
	c.cuts++
	return errCut
}

func (c *cutter) playAWS(verb string, local bool) error {
	exists, err := c.store.BucketExists(realBucket)
	switch {
	case err != nil || !local:
		return err
	case verb == "up" && !exists:
		return c.store.CreateBucket(realBucket)
	case verb == "destroy" && exists:
		return c.store.ForceDeleteBucket(realBucket)
	}
	return nil
}

// fakeKMS answers Encrypt and Decrypt as KMS does, with a cipher that hides
// nothing.
func fakeKMS(w http.ResponseWriter, r *http.Request) {
	var in struct{ Plaintext, CiphertextBlob []byte }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	const key = "arn:aws:kms:us-east-1:111122223333:key/1"
	out := map[string]any{"KeyId": key, "CiphertextBlob": slices.Concat([]byte("hidden:"), in.Plaintext)}
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".Decrypt") {
		out = map[string]any{"KeyId": key, "Plaintext": in.CiphertextBlob[len("hidden:"):]}
	}
	_ = json.NewEncoder(w).Encode(out)
}

// fakeSTS answers GetCallerIdentity.
func fakeSTS(w http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(w, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/me</Arn><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)
}

// TestRealCLIMovesBootstrapThereAndBackThroughInterruptions runs the pinned
// CLI against an S3 server and cuts every run after its first new change.
func TestRealCLIMovesBootstrapThereAndBackThroughInterruptions(t *testing.T) {
	t.Parallel()
	cli := filepath.Join(testbuild.Tools(t), "pulumi")
	i := newInstallation(t)
	program := "name: bootstrap\nruntime: yaml\nconfig:\n  owners:\n    type: array\n    items:\n      type: string\noutputs:\n  hidden:\n    fn::secret: a secret output\n"
	require.NoError(t, os.WriteFile(filepath.Join(i.root, "bootstrap", "Pulumi.yaml"), []byte(program), 0o600))

	store := s3mem.New()
	s3 := httptest.NewServer(gofakes3.New(store).Server())
	defer s3.Close()
	kms := httptest.NewServer(http.HandlerFunc(fakeKMS))
	defer kms.Close()
	sts := httptest.NewServer(http.HandlerFunc(fakeSTS))
	defer sts.Close()
	run := &cutter{store: store, seen: map[string]bool{}}
	env := []string{
		"PATH=" + filepath.Dir(cli) + ":" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "PULUMI_HOME=" + t.TempDir(),
		"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true",
		"AWS_ENDPOINT_URL_S3=" + s3.URL, "AWS_ENDPOINT_URL_KMS=" + kms.URL, "AWS_ENDPOINT_URL_STS=" + sts.URL,
		"AWS_ACCESS_KEY_ID=key", "AWS_SECRET_ACCESS_KEY=secret",
	}
	p, err := platform.New(platform.Config{Root: i.root, Suffix: "a1b2", Environment: platform.RehearsalEnvironment(env), Pulumi: cli, Runner: run, Out: t.Output()})
	require.NoError(t, err)
	until := func(do func(context.Context) error) {
		for range 12 {
			if err := do(t.Context()); !errors.Is(err, errCut) {
				require.NoError(t, err)
				return
			}
		}
		t.Fatal("never ends")
	}

	until(p.Bootstrap)
	require.NoDirExists(t, i.localFolder())
	object, err := store.GetObject(realBucket, ".pulumi/stacks/bootstrap/a1b2.json", nil)
	require.NoError(t, err)
	var state struct {
		Checkpoint struct {
			Latest struct {
				Secrets   struct{ Type string } `json:"secrets_providers"`
				Resources []any
			}
		}
	}
	require.NoError(t, json.NewDecoder(object.Contents).Decode(&state))
	require.Equal(t, "cloud", state.Checkpoint.Latest.Secrets.Type)
	require.NotEmpty(t, state.Checkpoint.Latest.Resources)

	until(func(ctx context.Context) error { return p.DestroyAll(ctx, false) })
	exists, err := store.BucketExists(realBucket)
	require.NoError(t, err)
	require.False(t, exists)
	require.NoDirExists(t, i.localFolder())
	require.GreaterOrEqual(t, run.cuts, 9)

	until(p.Bootstrap) // and again with the same files
}
