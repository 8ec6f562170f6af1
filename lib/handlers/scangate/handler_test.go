package scangate_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/stretchr/testify/require"

	"delivery/lib/handlers/scangate"
)

var digest = "sha256:" + strings.Repeat("a", 64)

type registry struct {
	scan     scangate.Scan
	err      error
	approve  error
	approved []string
}

func (r *registry) Of(context.Context, string) (scangate.Scan, error) { return r.scan, r.err }

func (r *registry) Approve(_ context.Context, digest string) error {
	if r.approve == nil {
		r.approved = append(r.approved, digest)
	}
	return r.approve
}

func event(status, repository, digest string) string {
	return `{"scan-status":"` + status + `","repository-name":"` + repository + `","image-digest":"` + digest + `","image-tags":["x"],"finding-severity-counts":{}}`
}

func TestDecisions(t *testing.T) {
	t.Parallel()
	good := event("COMPLETE", "build-image", digest)
	complete := func(counts map[string]int32) scangate.Scan { return scangate.Scan{Status: "COMPLETE", Counts: counts} }
	cases := map[string]struct {
		detail   string
		scan     scangate.Scan
		err      error
		approve  error
		approved bool
		reason   string
		fails    string
	}{
		"a clean image is approved":                {detail: good, scan: complete(nil), approved: true},
		"findings below the severity do not block": {detail: good, scan: complete(map[string]int32{"MEDIUM": 7, "LOW": 2}), approved: true, reason: "2 LOW, 7 MEDIUM"},
		"unrated findings do not block":            {detail: good, scan: complete(map[string]int32{"UNDEFINED": 1}), approved: true, reason: "1 UNDEFINED"},
		"a severity with zero findings is none":    {detail: good, scan: complete(map[string]int32{"CRITICAL": 0}), approved: true},

		"a finding of the severity refuses":        {detail: good, scan: complete(map[string]int32{"HIGH": 1}), reason: "1 HIGH"},
		"a finding above the severity refuses":     {detail: good, scan: complete(map[string]int32{"CRITICAL": 1}), reason: "1 CRITICAL"},
		"a severity that nobody knows refuses":     {detail: good, scan: complete(map[string]int32{"APOCALYPTIC": 1}), reason: "APOCALYPTIC"},
		"a failed scan refuses":                    {detail: event("FAILED", "build-image", digest), reason: "FAILED"},
		"an event without a status refuses":        {detail: event("", "build-image", digest), reason: "expected COMPLETE"},
		"another repository refuses":               {detail: event("COMPLETE", "other", digest), reason: "other"},
		"an event without a digest refuses":        {detail: event("COMPLETE", "build-image", "latest"), reason: "latest"},
		"ECR's word counts, not the event's":       {detail: good, scan: scangate.Scan{Status: "FAILED"}, reason: "FAILED"},
		"an unsupported image refuses":             {detail: good, scan: scangate.Scan{Status: "UNSUPPORTED_IMAGE"}, reason: "UNSUPPORTED_IMAGE"},
		"a scan still in progress is tried again":  {detail: good, scan: scangate.Scan{Status: "IN_PROGRESS"}, fails: "IN_PROGRESS"},
		"findings that can't be read are an error": {detail: good, err: errors.New("denied"), fails: "denied"},
		"an approval that can't be written is one": {detail: good, scan: complete(nil), approve: errors.New("throttled"), fails: "throttled"},
		"an unreadable event is an error":          {detail: `[]`, fails: "no readable detail"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world := &registry{scan: c.scan, err: c.err, approve: c.approve}
			h := &scangate.Handler{Repository: "build-image", Block: "HIGH", Findings: world, Approvals: world, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
			got, err := h.Handle(context.Background(), events.CloudWatchEvent{Detail: []byte(c.detail)})
			if c.fails != "" {
				require.ErrorContains(t, err, c.fails)
				require.False(t, got.Approved)
			} else {
				require.NoError(t, err)
			}
			require.Equal(t, c.approved, got.Approved, got.Reason)
			require.Contains(t, got.Reason, c.reason)
			require.Equal(t, c.approved, len(world.approved) == 1)
		})
	}
}

func TestSeverities(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"LOW", "MEDIUM", "HIGH", "CRITICAL"} {
		_, err := scangate.ParseSeverity(good)
		require.NoError(t, err)
	}
	for _, bad := range []string{"", "high", "NONE", "UNDEFINED", "INFORMATIONAL"} {
		_, err := scangate.ParseSeverity(bad)
		require.ErrorContains(t, err, "expected LOW, MEDIUM, HIGH or CRITICAL")
	}
}

type scans struct {
	out *ecr.DescribeImageScanFindingsOutput
}

func (s scans) DescribeImageScanFindings(context.Context, *ecr.DescribeImageScanFindingsInput, ...func(*ecr.Options)) (*ecr.DescribeImageScanFindingsOutput, error) {
	return s.out, nil
}

func TestAnAnswerWithoutFindingsIsNoCleanBill(t *testing.T) {
	t.Parallel()
	for _, out := range []*ecr.DescribeImageScanFindingsOutput{
		{},
		{ImageScanStatus: &ecrtypes.ImageScanStatus{Status: ecrtypes.ScanStatusComplete}},
	} {
		_, err := scangate.Repository{API: scans{out}, Name: "build-image"}.Of(context.Background(), digest)
		require.Error(t, err)
	}
}
