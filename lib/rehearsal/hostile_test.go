package rehearsal_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/contract"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/rehearsal/services"
)

// hostileFile is where the sample gets a program that does not mean well.
const hostileFile = "orders/hostile.go"

// hostile is the sample with testdata/hostile added and another visibility
// timeout.
func (s *stage) hostile(t *testing.T, seconds int) map[string][]byte {
	t.Helper()
	program, err := os.ReadFile(filepath.Join("testdata", "hostile", "hostile.go"))
	require.NoError(t, err)
	changes := s.visibleInGo(t, seconds)
	changes[hostileFile] = program
	return changes
}

// forgedReview plays a commit whose program, in production's preview, replaces
// the review that the deployer writes. On the way it holds that programs see
// no variables of their build in dev, neither in preview nor in deploy.
func (s *stage) forgedReview(t *testing.T) {
	if _, err := os.Stat("/proc/self/cmdline"); err != nil {
		t.Skip("the program finds the deployer in /proc, which this machine has not")
	}
	commit := s.deliver(t, "Hide orders, and hide that", s.hostile(t, 77))
	dev := s.buildsOf(s.mustDeploy(t, naming.Dev, commit))
	s.mustDeploy(t, naming.Staging, commit)
	q := s.answer(t, commit, true)
	require.Equal(t, "2 stacks: no changes", q.Summary, "the approver reads a forgery")
	require.Contains(t, q.Diff, "Nothing to change.")
	require.Equal(t, s.bundleDigest(t, commit), q.Digest, "and its digest fits")

	prod, err := s.operator.WaitForEnd(s.limit(t), naming.Prod, commit)
	require.NoError(t, err)
	require.Equal(t, "60", s.queue(naming.Prod).Str("visibilityTimeoutSeconds"), "%s", s.buildsOf(prod))
	require.Equal(t, services.Failed, prod.Status)
	require.Contains(t, s.buildsOf(prod), "is not what its content gives")
	require.Contains(t, s.ledger(naming.Prod, commit), `"failed"`)

	require.Contains(t, dev, "PROBE dry run true: 0 forbidden variables")
	require.Contains(t, dev, "PROBE dry run false: 0 forbidden variables")
}

// bundleDigest is the digest that stands in production's bundle of a commit.
func (s *stage) bundleDigest(t *testing.T, commit string) string {
	t.Helper()
	var b struct{ Digest string }
	for _, f := range s.unzipped(t, s.operator.RunsOf(naming.Prod, commit)[0].ID, contract.BundleArtifact) {
		if f.Name == "bundle.json" {
			require.NoError(t, json.Unmarshal([]byte(content(t, f)), &b))
		}
	}
	return b.Digest
}

// unzipped are the files of an artifact.
func (s *stage) unzipped(t *testing.T, execution, artifact string) []*zip.File {
	t.Helper()
	data, err := s.rig.Services.ReadArtifact(execution, artifact)
	require.NoError(t, err)
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	return archive.File
}

func content(t *testing.T, f *zip.File) string {
	t.Helper()
	in, err := f.Open()
	require.NoError(t, err)
	defer in.Close()
	text, err := io.ReadAll(in)
	require.NoError(t, err)
	return string(text)
}

// swappedSource plays a source that is replaced after its review. The preview's
// role writes into the artifact bucket, as whoever has its credentials could;
// the new code wants the same resources, so that only the source tells.
func (s *stage) swappedSource(t *testing.T) {
	changes := s.visibleInGo(t, 60)
	changes[hostileFile] = nil
	commit := s.deliver(t, "Hide orders as before, and nothing else", changes)
	s.mustDeploy(t, naming.Staging, commit)
	_, err := s.operator.WaitForApproval(s.limit(t), naming.Prod, commit)
	require.NoError(t, err)

	waiting := s.operator.RunsOf(naming.Prod, commit)[0]
	const honest = "func main() { pulumi.Run(program) }"
	var swapped bytes.Buffer
	w := zip.NewWriter(&swapped)
	for _, f := range s.unzipped(t, waiting.ID, contract.SourceArtifact) {
		text := content(t, f)
		if strings.HasSuffix(f.Name, "orders/main.go") {
			require.Contains(t, text, honest)
			text = strings.Replace(text, honest, `func main() { fmt.Println("CODE THAT NO COMMIT HOLDS"); pulumi.Run(program) }`, 1)
		}
		header := &zip.FileHeader{Name: f.Name, Method: f.Method}
		header.SetMode(f.Mode())
		out, err := w.CreateHeader(header)
		require.NoError(t, err)
		_, err = io.WriteString(out, text)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	require.NoError(t, s.rig.Services.ReplaceArtifact(waiting.ID, contract.SourceArtifact, swapped.Bytes()))

	require.NoError(t, s.operator.Decide(naming.Prod, commit, true, "by the test"))
	prod, err := s.operator.WaitForEnd(s.limit(t), naming.Prod, commit)
	require.NoError(t, err)
	require.NotContains(t, s.buildsOf(prod), "CODE THAT NO COMMIT HOLDS")
	require.Equal(t, services.Failed, prod.Status)
	require.Contains(t, s.buildsOf(prod), "the source is not the one that was reviewed (orders/main.go differs)")
	require.Contains(t, s.ledger(naming.Prod, commit), `"failed"`)
}
