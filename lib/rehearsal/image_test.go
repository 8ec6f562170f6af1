package rehearsal_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/platform"
	"delivery.internal/lib/rehearsal/cloud"
)

var zlib = cloud.Finding{ID: "CVE-2026-85091", Severity: "HIGH", Package: "zlib", Version: "1.2.11"}

// pushImage puts an image with the given findings into the registry, without a
// build, and returns its digest. The scan gate learns of it as on AWS.
func (s *stage) pushImage(tag string, findings map[string]int) (string, error) {
	var listed []cloud.Finding
	for severity, n := range findings {
		for i := range n {
			listed = append(listed, cloud.Finding{ID: fmt.Sprintf("CVE-2026-1%03d%d", len(severity), i), Severity: severity, Package: "zlib", Version: "1.2.11"})
		}
	}
	return s.pushScanned(tag, cloud.ScanResult{Findings: listed})
}

// pushScanned is pushImage with the whole result of the image's scan.
func (s *stage) pushScanned(tag string, result cloud.ScanResult) (string, error) {
	sum := sha256.Sum256([]byte(s.rig.Suffix + tag))
	digest := "sha256:" + hex.EncodeToString(sum[:])
	s.rig.Services.Registry.Scans(func(cloud.PushedImage) cloud.ScanResult { return result })
	defer s.rig.Services.Registry.Scans(nil)
	return digest, s.rig.Services.Registry.PushImage(cloud.DeliveryAccount, s.rig.Names(naming.Shared).Of(naming.ImageRepository), cloud.PushedImage{Digest: digest, Tag: tag})
}

// changeImage changes a comment in the source of the image and deploys it, as
// people do who want a new image.
func (s *stage) changeImage(t *testing.T, comment string) {
	t.Helper()
	dir := s.rig.Path("image-" + comment)
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join(s.rig.Root, "dist", "image"))))
	file, err := os.OpenFile(filepath.Join(dir, "Dockerfile"), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteString("# " + comment + "\n")
	require.NoError(t, err)
	require.NoError(t, file.Close())
	require.NoError(t, s.operator.SetConfig("shared", "shared:imageContext", dir))
	require.NoError(t, s.operator.Platform.Up(s.limit(t), "shared"))
}

// images are the digests in the registry, the newest last.
func (s *stage) images() (digests []string) {
	for _, i := range s.rig.Cloud.Images(cloud.DeliveryAccount, s.rig.Names(naming.Shared).Of(naming.ImageRepository)) {
		digests = append(digests, i.Str("imageDigest"))
	}
	return digests
}

// verdict waits for what the gate says of an image.
func (s *stage) verdict(t *testing.T, digest string) error {
	t.Helper()
	gate, err := s.operator.Platform.ScanGate(s.limit(t))
	require.NoError(t, err)
	return s.operator.Platform.WaitForVerdict(s.limit(t), gate, digest, platform.Waiting{Every: 20 * time.Millisecond, Patience: time.Minute})
}

// refusedAndAccepted is `make image` with a base that has a finding, which is
// then accepted: the image is not built twice, and not scanned twice.
func (s *stage) refusedAndAccepted(t *testing.T) {
	before, denied := s.operator.ApprovedImage(), len(s.denials())
	s.rig.Services.Registry.Scans(func(cloud.PushedImage) cloud.ScanResult { return cloud.ScanResult{Findings: []cloud.Finding{zlib}} })
	s.changeImage(t, "once-more")
	err := s.operator.BuildImage(s.limit(t))
	require.ErrorContains(t, err, "the scan gate refuses the image")
	require.ErrorContains(t, err, "\n  CVE-2026-85091 HIGH in zlib\n")
	require.Equal(t, before, s.operator.ApprovedImage())
	all := s.images()
	refused := all[len(all)-1]

	require.NoError(t, s.operator.SetConfig("shared", "shared:acceptedFindings", []map[string]string{{"id": zlib.ID, "package": "zlib", "reason": "nothing here unpacks zip files", "expires": "2999-12-31"}}))
	require.NoError(t, s.operator.Platform.Up(s.limit(t), "shared"))
	require.NoError(t, s.operator.BuildImage(s.limit(t)))
	require.Contains(t, s.log.tail(), "accepted until 2999-12-31: CVE-2026-85091 in zlib: nothing here unpacks zip files")
	require.Equal(t, all, s.images(), "nothing was built")
	require.Equal(t, refused, s.operator.ApprovedImage())

	require.NoError(t, s.operator.SetConfig("shared", "shared:acceptedFindings", []map[string]string{{"id": zlib.ID, "reason": "nothing here unpacks zip files", "expires": "2020-12-31"}}))
	require.NoError(t, s.operator.Platform.Up(s.limit(t), "shared"))
	require.ErrorContains(t, s.operator.BuildImage(s.limit(t)), "CVE-2026-85091 HIGH in zlib (was accepted until 2020-12-31)")
	require.Len(t, s.denials(), denied)
	s.rig.Services.Registry.Scans(nil)
}

// onlyTheNewest plays events that come late, again, or never.
func (s *stage) onlyTheNewest(t *testing.T) {
	repository := s.rig.Names(naming.Shared).Of(naming.ImageRepository)
	old, err := s.pushScanned("old", cloud.ScanResult{NoEvent: true})
	require.NoError(t, err)
	newest, err := s.pushImage("newest", nil)
	require.NoError(t, err)
	require.NoError(t, s.rig.Services.Idle(s.limit(t)))
	require.Equal(t, newest, s.operator.ApprovedImage())
	require.NoError(t, s.rig.Services.Registry.EmitScan(cloud.DeliveryAccount, repository, old))
	require.NoError(t, s.rig.Services.Idle(s.limit(t)))
	require.Equal(t, newest, s.operator.ApprovedImage(), "the event of the older image came late")
	require.ErrorContains(t, s.verdict(t, old), "a newer image was pushed, "+newest)

	lost, err := s.pushScanned("lost", cloud.ScanResult{NoEvent: true})
	require.NoError(t, err)
	require.NoError(t, s.rig.Services.Idle(s.limit(t)))
	require.Equal(t, newest, s.operator.ApprovedImage(), "nobody has told the gate")
	require.NoError(t, s.verdict(t, lost))
	require.Equal(t, lost, s.operator.ApprovedImage())
}

// enhancedScanning is an account in which Inspector scans all repositories.
func (s *stage) enhancedScanning(t *testing.T) {
	denied := len(s.denials())
	s.rig.Cloud.SetScanType(cloud.DeliveryAccount, cloud.EnhancedScanning)
	defer s.rig.Cloud.SetScanType(cloud.DeliveryAccount, cloud.BasicScanning)
	clean, err := s.pushImage("inspected", map[string]int{"LOW": 2})
	require.NoError(t, err)
	require.NoError(t, s.rig.Services.Idle(s.limit(t)))
	require.Equal(t, clean, s.operator.ApprovedImage())
	bad, err := s.pushScanned("inspected-bad", cloud.ScanResult{Findings: []cloud.Finding{zlib, {ID: "CVE-2026-2", Severity: "UNTRIAGED", Package: "bash,bash-doc"}}})
	require.NoError(t, err)
	err = s.verdict(t, bad)
	require.ErrorContains(t, err, "CVE-2026-2 UNTRIAGED in bash, bash-doc\n")
	require.Equal(t, clean, s.operator.ApprovedImage())
	require.Len(t, s.denials(), denied)
}

// anIndex is what docker pushes with its attestations: nobody scans it, and no
// event tells.
func (s *stage) anIndex(t *testing.T) {
	before, digest := s.operator.ApprovedImage(), "sha256:"+strings.Repeat("1", 64)
	require.NoError(t, s.rig.Services.Registry.PushImage(cloud.DeliveryAccount, s.rig.Names(naming.Shared).Of(naming.ImageRepository), cloud.PushedImage{Digest: digest, Tag: "index", MediaType: cloud.IndexType}))
	require.NoError(t, s.rig.Services.Idle(s.limit(t)))
	require.ErrorContains(t, s.verdict(t, digest), `the scan is "UNSUPPORTED_IMAGE"`)
	require.Equal(t, before, s.operator.ApprovedImage())
}

// imagesAreJudged is everything between a push to the registry and an approval.
func (s *stage) imagesAreJudged(t *testing.T) {
	t.Run("a finding refuses until it is accepted", s.refusedAndAccepted)
	t.Run("only the newest image is approved, with or without its event", s.onlyTheNewest)
	t.Run("Inspector's findings count", s.enhancedScanning)
	t.Run("an index is refused", s.anIndex)
}
