package scangate_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/contract"
	"delivery.internal/lib/handlers/scangate"
)

var (
	digest = "sha256:" + strings.Repeat("a", 64)
	other  = "sha256:" + strings.Repeat("b", 64)
	today  = time.Date(2026, 11, 24, 23, 59, 0, 0, time.UTC)
)

// registry is everything around the gate.
type registry struct {
	newer              string
	scan               scangate.Scan
	accepted           []contract.AcceptedFinding
	err, list, approve error
	approved           []string
	published          []contract.ImageVerdict
}

func (r *registry) Newer(context.Context, string) (string, error)       { return r.newer, r.list }
func (r *registry) Scan(context.Context, string) (scangate.Scan, error) { return r.scan, r.err }
func (r *registry) Accepted(context.Context) ([]contract.AcceptedFinding, error) {
	return r.accepted, nil
}

func (r *registry) Approve(_ context.Context, digest string) error {
	if r.approve == nil {
		r.approved = append(r.approved, digest)
	}
	return r.approve
}

func (r *registry) Publish(_ context.Context, v contract.ImageVerdict) error {
	r.published = append(r.published, v)
	return nil
}

func (r *registry) gate() *scangate.Handler {
	return &scangate.Handler{Repository: "build-image", Block: "HIGH", Registry: r, Records: r,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: func() time.Time { return today }}
}

func basic(status, repository, digest string) events.CloudWatchEvent {
	return events.CloudWatchEvent{Source: "aws.ecr", DetailType: "ECR Image Scan",
		Detail: []byte(`{"scan-status":"` + status + `","repository-name":"` + repository + `","image-digest":"` + digest + `","image-tags":["x"],"finding-severity-counts":{}}`)}
}

func inspector(status, counts string) events.CloudWatchEvent {
	return events.CloudWatchEvent{Source: "aws.inspector2", DetailType: "Inspector2 Scan",
		Detail: []byte(`{"scan-status":"` + status + `","repository-name":"arn:aws:ecr:us-east-1:111122223333:repository/build-image","image-digest":"` + digest + `","finding-severity-counts":` + counts + `}`)}
}

func request(digest, id string) events.CloudWatchEvent {
	detail, _ := json.Marshal(contract.VerdictRequest{Repository: "build-image", Image: digest, Request: id})
	return events.CloudWatchEvent{Source: contract.ImageSource, DetailType: contract.VerdictDetailType, Detail: detail}
}

type counts = map[string]int32

func scanned(status string, c counts, found ...scangate.Finding) scangate.Scan {
	return scangate.Scan{Status: status, Ended: true, Counts: c, Findings: found}
}

func found(id, severity string, packages ...string) scangate.Finding {
	return scangate.Finding{ID: id, Severity: severity, Packages: packages}
}

func TestDecisions(t *testing.T) {
	t.Parallel()
	good := basic("COMPLETE", "build-image", digest)
	enhanced := inspector("INITIAL_SCAN_COMPLETE", `{"LOW":1,"TOTAL":1}`)
	cases := map[string]struct {
		event    events.CloudWatchEvent
		scan     scangate.Scan
		newer    string
		err      error
		list     error
		approve  error
		approved bool
		reason   string
		fails    string
	}{
		"a clean image is approved":                      {event: good, scan: scanned("COMPLETE", counts{}), approved: true},
		"findings below the severity do not block":       {event: good, scan: scanned("COMPLETE", counts{"MEDIUM": 7, "LOW": 2}), approved: true, reason: "2 LOW, 7 MEDIUM"},
		"a severity with zero findings is none":          {event: good, scan: scanned("COMPLETE", counts{"CRITICAL": 0}), approved: true},
		"a clean image of enhanced scanning is approved": {event: enhanced, scan: scanned("ACTIVE", counts{"LOW": 1}), approved: true},
		"enhanced scanning on push alone is COMPLETE":    {event: enhanced, scan: scanned("COMPLETE", counts{"LOW": 1}), approved: true},

		"a finding of the severity refuses":                {event: good, scan: scanned("COMPLETE", counts{"HIGH": 1}, found("CVE-1", "HIGH", "zlib")), reason: "1 HIGH"},
		"a finding above the severity refuses":             {event: good, scan: scanned("COMPLETE", counts{"CRITICAL": 1}), reason: "1 CRITICAL"},
		"a finding of enhanced scanning refuses":           {event: enhanced, scan: scanned("ACTIVE", counts{"HIGH": 1}), reason: "1 HIGH"},
		"a severity that nobody knows refuses":             {event: good, scan: scanned("COMPLETE", counts{"APOCALYPTIC": 1}), reason: "APOCALYPTIC"},
		"a finding that ECR has not rated refuses":         {event: good, scan: scanned("COMPLETE", counts{"UNDEFINED": 1}), reason: "1 UNDEFINED"},
		"a finding that Inspector has not rated refuses":   {event: enhanced, scan: scanned("ACTIVE", counts{"UNTRIAGED": 1}), reason: "1 UNTRIAGED"},
		"findings without counts refuse":                   {event: good, scan: scanned("COMPLETE", nil, found("CVE-1", "LOW")), reason: "no counts"},
		"a finding that is listed and not counted refuses": {event: good, scan: scanned("COMPLETE", counts{}, found("CVE-1", "CRITICAL", "zlib")), reason: "no findings"},
		"a negative count refuses":                         {event: good, scan: scanned("COMPLETE", counts{"HIGH": -1}), reason: "-1 HIGH"},
		"a negative count of no weight refuses as well":    {event: good, scan: scanned("COMPLETE", counts{"LOW": -1}), reason: "-1 LOW"},
		"a failed scan refuses":                            {event: basic("FAILED", "build-image", digest), reason: "FAILED"},
		"an event without a status refuses":                {event: basic("", "build-image", digest), reason: "expected COMPLETE"},
		"a status of the other kind of scanning refuses":   {event: inspector("COMPLETE", "{}"), scan: scanned("ACTIVE", counts{}), reason: "expected INITIAL_SCAN_COMPLETE"},
		"ECR's word counts, not the event's":               {event: good, scan: scangate.Scan{Status: "FAILED"}, reason: "FAILED"},
		"an unsupported image refuses":                     {event: good, scan: scangate.Scan{Status: "UNSUPPORTED_IMAGE"}, reason: "UNSUPPORTED_IMAGE"},
		"an image that is not watched any more refuses":    {event: enhanced, scan: scanned("SCAN_ELIGIBILITY_EXPIRED", counts{}), reason: "SCAN_ELIGIBILITY_EXPIRED"},
		"a status that nobody knows refuses":               {event: good, scan: scanned("SPLENDID", counts{}), reason: "SPLENDID"},
		"an image that is not the newest refuses":          {event: good, scan: scanned("COMPLETE", counts{}), newer: other, reason: other},

		"another repository is an error":                   {event: basic("COMPLETE", "other", digest), fails: "other"},
		"an event without a digest is an error":            {event: basic("COMPLETE", "build-image", "latest"), fails: "latest"},
		"an event of another kind is an error":             {event: events.CloudWatchEvent{Source: "aws.ecr", DetailType: "ECR Image Action", Detail: good.Detail}, fails: "expected the end of a scan"},
		"a request that nobody can recognize is an error":  {event: request(digest, ""), fails: "has no request"},
		"a scan still in progress is tried again":          {event: good, scan: scangate.Scan{Status: "IN_PROGRESS"}, fails: "IN_PROGRESS"},
		"enhanced findings that are not there yet, too":    {event: enhanced, scan: scangate.Scan{Status: "ACTIVE"}, fails: "not there yet"},
		"an end without findings is not there yet":         {event: enhanced, scan: scangate.Scan{Status: "ACTIVE", Counts: counts{}}, fails: "not there yet"},
		"fewer findings than the event counts are too few": {event: inspector("INITIAL_SCAN_COMPLETE", `{"CRITICAL":7,"TOTAL":7}`), scan: scanned("ACTIVE", counts{}), fails: "0 CRITICAL findings, not yet of 7"},
		"findings that can't be read are an error":         {event: good, err: errors.New("denied"), fails: "denied"},
		"images that can't be listed are an error":         {event: good, list: errors.New("denied"), fails: "denied"},
		"an approval that can't be written is one":         {event: good, scan: scanned("COMPLETE", counts{}), approve: errors.New("throttled"), fails: "throttled"},
		"an unreadable event is an error":                  {event: events.CloudWatchEvent{Source: "aws.ecr", DetailType: "ECR Image Scan", Detail: []byte(`[]`)}, fails: "no readable detail"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world := &registry{newer: c.newer, scan: c.scan, err: c.err, list: c.list, approve: c.approve}
			got, err := world.gate().Handle(context.Background(), c.event)
			require.Equal(t, c.approved, len(world.approved) == 1)
			if c.fails != "" {
				require.ErrorContains(t, err, c.fails)
				require.Empty(t, world.published)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.approved, got.Status == contract.ImageApproved, got.Reason)
			require.Contains(t, got.Reason, c.reason)
			require.Equal(t, c.newer == "", len(world.published) == 1, "the verdict on the newest image stands")
		})
	}
}

func TestARequestIsAnswered(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		newer string
		scan  scangate.Scan
		want  contract.VerdictStatus
	}{
		"an approved image":               {"", scanned("COMPLETE", counts{}), contract.ImageApproved},
		"a refused one":                   {"", scanned("COMPLETE", counts{"HIGH": 1}), contract.ImageRefused},
		"one that is scanned":             {"", scangate.Scan{Status: "IN_PROGRESS"}, contract.ImageWaiting},
		"one that is not the newest":      {other, scanned("COMPLETE", counts{}), contract.ImageRefused},
		"one that can't be scanned":       {"", scangate.Scan{Status: "UNSUPPORTED_IMAGE"}, contract.ImageRefused},
		"one without its findings so far": {"", scangate.Scan{Status: "ACTIVE"}, contract.ImageWaiting},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world := &registry{newer: c.newer, scan: c.scan}
			_, err := world.gate().Handle(context.Background(), request(digest, "r1"))
			require.NoError(t, err)
			require.Len(t, world.published, 1)
			require.Equal(t, c.want, world.published[0].Status, world.published[0].Reason)
			require.Equal(t, "r1", world.published[0].Request)
			require.Equal(t, digest, world.published[0].Image)
		})
	}
}

func TestAcceptedFindings(t *testing.T) {
	t.Parallel()
	high, two := found("CVE-1", "HIGH", "zlib"), found("CVE-1", "HIGH", "zlib", "zlib-devel")
	accept := func(id, pkg, expires string) contract.AcceptedFinding {
		return contract.AcceptedFinding{ID: id, Package: pkg, Reason: "not reachable", Expires: expires}
	}
	cases := map[string]struct {
		accepted []contract.AcceptedFinding
		scan     scangate.Scan
		blocking []string
	}{
		"by its id":                  {[]contract.AcceptedFinding{accept("CVE-1", "", "2026-12-31")}, scanned("COMPLETE", counts{"HIGH": 1}, high), nil},
		"by its package":             {[]contract.AcceptedFinding{accept("CVE-1", "zlib", "2026-12-31")}, scanned("COMPLETE", counts{"HIGH": 1}, high), nil},
		"on the last day":            {[]contract.AcceptedFinding{accept("CVE-1", "", "2026-11-24")}, scanned("COMPLETE", counts{"HIGH": 1}, high), nil},
		"in each of its packages":    {[]contract.AcceptedFinding{accept("CVE-1", "zlib", "2026-12-31"), accept("CVE-1", "zlib-devel", "2026-12-31")}, scanned("ACTIVE", counts{"HIGH": 1}, two), nil},
		"although nobody rated it":   {[]contract.AcceptedFinding{accept("CVE-2", "", "2026-12-31")}, scanned("ACTIVE", counts{"UNTRIAGED": 1}, found("CVE-2", "UNTRIAGED", "bash")), nil},
		"not another one":            {[]contract.AcceptedFinding{accept("CVE-2", "", "2026-12-31")}, scanned("COMPLETE", counts{"HIGH": 1}, high), []string{"CVE-1 HIGH in zlib"}},
		"not in another package":     {[]contract.AcceptedFinding{accept("CVE-1", "bash", "2026-12-31")}, scanned("COMPLETE", counts{"HIGH": 1}, high), []string{"CVE-1 HIGH in zlib"}},
		"not in one of its packages": {[]contract.AcceptedFinding{accept("CVE-1", "zlib", "2026-12-31")}, scanned("ACTIVE", counts{"HIGH": 1}, two), []string{"CVE-1 HIGH in zlib, zlib-devel"}},
		"not without a package":      {[]contract.AcceptedFinding{accept("CVE-1", "zlib", "2026-12-31")}, scanned("COMPLETE", counts{"HIGH": 1}, found("CVE-1", "HIGH")), []string{"CVE-1 HIGH"}},
		"not the day after":          {[]contract.AcceptedFinding{accept("CVE-1", "", "2026-11-23")}, scanned("COMPLETE", counts{"HIGH": 1}, high), []string{"CVE-1 HIGH in zlib (was accepted until 2026-11-23)"}},
		"not forever":                {[]contract.AcceptedFinding{accept("CVE-1", "", "never")}, scanned("COMPLETE", counts{"HIGH": 1}, high), []string{"CVE-1 HIGH in zlib (was accepted until never)"}},
		"not what is only counted":   {[]contract.AcceptedFinding{accept("CVE-1", "", "2026-12-31")}, scanned("COMPLETE", counts{"HIGH": 3}, high), []string{"2 HIGH that ECR counts and doesn't list"}},
		"anew after it has run out":  {[]contract.AcceptedFinding{accept("CVE-1", "", "2026-11-01"), accept("CVE-1", "zlib", "2026-12-31")}, scanned("COMPLETE", counts{"HIGH": 1}, high), nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world := &registry{scan: c.scan, accepted: c.accepted}
			got, err := world.gate().Handle(context.Background(), request(digest, "r"))
			require.NoError(t, err)
			require.Equal(t, c.blocking, got.Blocking)
			require.Equal(t, c.blocking == nil, len(world.approved) == 1)
			if c.blocking == nil {
				require.NotEmpty(t, got.Accepted)
				require.Equal(t, "not reachable", got.Accepted[0].Reason)
			}
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

// answers is an ECR with one answer to each call.
type answers struct {
	scan   *ecr.DescribeImageScanFindingsOutput
	images []ecrtypes.ImageDetail
}

func (a answers) DescribeImageScanFindings(context.Context, *ecr.DescribeImageScanFindingsInput, ...func(*ecr.Options)) (*ecr.DescribeImageScanFindingsOutput, error) {
	return a.scan, nil
}

func (a answers) DescribeImages(context.Context, *ecr.DescribeImagesInput, ...func(*ecr.Options)) (*ecr.DescribeImagesOutput, error) {
	return &ecr.DescribeImagesOutput{ImageDetails: a.images}, nil
}

func TestWhatECRLeavesOutIsNoCleanBill(t *testing.T) {
	t.Parallel()
	_, err := scangate.Repository{API: answers{scan: &ecr.DescribeImageScanFindingsOutput{}}}.Scan(context.Background(), digest)
	require.ErrorContains(t, err, "without a scan status")
	got, err := scangate.Repository{API: answers{scan: &ecr.DescribeImageScanFindingsOutput{ImageScanStatus: &ecrtypes.ImageScanStatus{Status: "COMPLETE"}}}}.Scan(context.Background(), digest)
	require.NoError(t, err)
	require.Nil(t, got.Counts, "which refuses")
	_, err = scangate.Repository{API: answers{}}.Newer(context.Background(), digest)
	require.ErrorContains(t, err, "does not hold "+digest)
	_, err = scangate.Repository{API: answers{images: []ecrtypes.ImageDetail{{ImageDigest: aws.String(digest)}}}}.Newer(context.Background(), digest)
	require.ErrorContains(t, err, "time of its push")
}

// parameters keeps what is put.
type parameters map[string]string

func (p parameters) GetParameter(_ context.Context, in *ssm.GetParameterInput, _ ...func(*ssm.Options)) (*ssm.GetParameterOutput, error) {
	return nil, errors.New("not used")
}

func (p parameters) PutParameter(_ context.Context, in *ssm.PutParameterInput, _ ...func(*ssm.Options)) (*ssm.PutParameterOutput, error) {
	p[*in.Name] = *in.Value
	return &ssm.PutParameterOutput{}, nil
}

func TestAVerdictFitsIntoItsParameter(t *testing.T) {
	t.Parallel()
	kept := parameters{}
	v := contract.ImageVerdict{Image: digest, Status: contract.ImageRefused, Reason: "findings"}
	for i := range 200 {
		v.Blocking = append(v.Blocking, fmt.Sprintf("CVE-2026-%04d HIGH in a-package", i))
	}
	require.NoError(t, scangate.Parameters{API: kept, Verdict: "verdict"}.Publish(context.Background(), v))
	require.LessOrEqual(t, len(kept["verdict"]), contract.ParameterBytes)
	var got contract.ImageVerdict
	require.NoError(t, json.Unmarshal([]byte(kept["verdict"]), &got))
	require.Equal(t, 200, len(got.Blocking)+got.More)
	require.Greater(t, len(got.Blocking), 80)
	v = contract.ImageVerdict{Reason: strings.Repeat("x", contract.ParameterBytes)}
	require.ErrorContains(t, scangate.Parameters{API: kept}.Publish(context.Background(), v), "without its findings")
}
