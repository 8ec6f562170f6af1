package scangate_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/contract"
	"delivery.internal/lib/handlers/scangate"
	"delivery.internal/lib/rehearsal/awsapi"
	"delivery.internal/lib/rehearsal/cloud"
	"delivery.internal/lib/rehearsal/services"
)

const (
	repository    = "build-image"
	parameterType = "aws:ssm/parameter:Parameter"
)

// world is the gate in front of the local cloud's ECR.
type world struct {
	t        *testing.T
	cloud    *cloud.Cloud
	registry *services.Registry
	gate     *scangate.Handler
	emitted  []events.CloudWatchEvent
}

// bus takes the events that ECR and Inspector emit.
type bus struct{ world *world }

func (b bus) EmitAWS(_, source, detailType string, _ []string, detail map[string]any) {
	text, _ := json.Marshal(detail)
	b.world.emitted = append(b.world.emitted, events.CloudWatchEvent{ID: fmt.Sprint(len(b.world.emitted)), Source: source, DetailType: detailType, Detail: text})
}

func newGate(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, cloud: cloud.New()}
	w.registry = services.NewRegistry(w.cloud, bus{world: w})
	server := httptest.NewServer(awsapi.New(w.cloud, nil))
	t.Cleanup(server.Close)
	arn := "arn:aws:ecr:us-east-1:" + cloud.DeliveryAccount + ":repository/" + repository
	w.add("aws:ecr/repository:Repository", repository, arn, map[string]any{"name": repository, "imageTagMutability": "IMMUTABLE", "imageScanningConfiguration": map[string]any{"scanOnPush": true}})
	for name, value := range map[string]string{"approved": "none", "verdict": "none", "accepted": "[]"} {
		w.add(parameterType, name, "arn:aws:ssm:us-east-1:"+cloud.DeliveryAccount+":parameter/"+name, map[string]any{"type": "String", "value": value})
	}
	s := w.cloud.Operator(cloud.DeliveryAccount)
	conf := aws.Config{Region: cloud.Region, BaseEndpoint: aws.String(server.URL), Credentials: credentials.NewStaticCredentialsProvider(s.AccessKeyID, s.SecretKey, s.Token)}
	w.gate = &scangate.Handler{Repository: repository, Block: "HIGH", Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Registry: scangate.Repository{API: ecr.NewFromConfig(conf), Name: repository}, Now: func() time.Time { return today },
		Records: scangate.Parameters{API: ssm.NewFromConfig(conf), AcceptedFindings: "accepted", ApprovedImage: "approved", Verdict: "verdict"}}
	return w
}

func (w *world) add(typ, id, arn string, inputs map[string]any) {
	require.NoError(w.t, w.cloud.Add(&cloud.Resource{Type: typ, ID: id, ARN: arn, Name: id, Account: cloud.DeliveryAccount, Inputs: inputs, Outputs: map[string]any{}}))
}

// push pushes an image whose scan has a result, and returns its digest.
func (w *world) push(tag string, result cloud.ScanResult) string {
	w.t.Helper()
	digest := "sha256:" + strings.Repeat(tag, 64)[:64]
	w.registry.Scans(func(cloud.PushedImage) cloud.ScanResult { return result })
	require.NoError(w.t, w.registry.PushImage(cloud.DeliveryAccount, repository, cloud.PushedImage{Digest: digest, Tag: tag}))
	return digest
}

// hear gives the gate the newest event.
func (w *world) hear() (contract.ImageVerdict, error) {
	require.NotEmpty(w.t, w.emitted)
	return w.gate.Handle(w.t.Context(), w.emitted[len(w.emitted)-1])
}

func (w *world) parameter(name string) string {
	return w.cloud.Get(cloud.DeliveryAccount, parameterType, name).Str("value")
}

var zlib = cloud.Finding{ID: "CVE-2026-85091", Severity: "HIGH", Package: "zlib", Version: "1.2.11"}

// Both kinds of scanning, as the local cloud's ECR and Inspector speak.
func TestTheGateUnderstandsBothKindsOfScanning(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{cloud.BasicScanning, cloud.EnhancedScanning} {
		for name, c := range map[string]struct {
			result   cloud.ScanResult
			accepted string
			want     contract.VerdictStatus
			blocking []string
		}{
			"a clean image":            {want: contract.ImageApproved},
			"a finding":                {result: cloud.ScanResult{Findings: []cloud.Finding{zlib}}, want: contract.ImageRefused, blocking: []string{"CVE-2026-85091 HIGH in zlib"}},
			"an accepted finding":      {result: cloud.ScanResult{Findings: []cloud.Finding{zlib}}, accepted: `[{"id":"CVE-2026-85091","package":"zlib","reason":"r","expires":"2026-11-24"}]`, want: contract.ImageApproved},
			"counts without a finding": {result: cloud.ScanResult{Counts: map[string]int{"CRITICAL": 2}}, want: contract.ImageRefused, blocking: []string{"2 CRITICAL that ECR counts and doesn't list"}},
			"a failed scan":            {result: cloud.ScanResult{Status: "FAILED"}, want: contract.ImageRefused},
		} {
			t.Run(kind+" "+name, func(t *testing.T) {
				t.Parallel()
				w := newGate(t)
				w.cloud.SetScanType(cloud.DeliveryAccount, kind)
				if c.accepted != "" {
					w.set("accepted", c.accepted)
				}
				pushed := w.push("a", c.result)
				v, err := w.hear()
				require.NoError(t, err)
				require.Equal(t, c.want, v.Status, v.Reason)
				require.Equal(t, c.blocking, v.Blocking)
				require.Equal(t, c.want == contract.ImageApproved, w.parameter("approved") == pushed)
				var left contract.ImageVerdict
				require.NoError(t, json.Unmarshal([]byte(w.parameter("verdict")), &left))
				require.Equal(t, v, left)
			})
		}
	}
}

func (w *world) set(name, value string) {
	w.cloud.Update(cloud.DeliveryAccount, parameterType, name, func(r *cloud.Resource) { r.Outputs = map[string]any{"value": value} })
}

func TestFindingsOnAllPagesCount(t *testing.T) {
	t.Parallel()
	w := newGate(t)
	many := make([]cloud.Finding, 2500)
	for i := range many {
		many[i] = cloud.Finding{ID: fmt.Sprintf("CVE-2026-%d", 10000+i), Severity: "LOW", Package: "p"}
	}
	many[2400] = zlib
	w.push("a", cloud.ScanResult{Findings: many})
	v, err := w.hear()
	require.NoError(t, err)
	require.Equal(t, []string{"CVE-2026-85091 HIGH in zlib"}, v.Blocking)
}

func TestALateEventOfAnOlderImageChangesNothing(t *testing.T) {
	t.Parallel()
	w := newGate(t)
	old := w.push("a", cloud.ScanResult{})
	_, err := w.hear()
	require.NoError(t, err)
	for i := range 120 { // more than a page of images
		w.push(fmt.Sprint(1000+i), cloud.ScanResult{})
	}
	newest := w.push("b", cloud.ScanResult{})
	_, err = w.hear()
	require.NoError(t, err)
	verdict := w.parameter("verdict")
	require.NoError(t, w.registry.EmitScan(cloud.DeliveryAccount, repository, old))
	v, err := w.hear()
	require.NoError(t, err)
	require.Equal(t, contract.ImageRefused, v.Status)
	require.Contains(t, v.Reason, newest)
	require.Equal(t, newest, w.parameter("approved"))
	require.Equal(t, verdict, w.parameter("verdict"))
}

func TestAnAcceptanceThatCantBeReadApprovesNothing(t *testing.T) {
	t.Parallel()
	w := newGate(t)
	w.set("accepted", "everything")
	w.push("a", cloud.ScanResult{})
	_, err := w.hear()
	require.ErrorContains(t, err, "make up PROJECT=shared")
	require.Equal(t, "none", w.parameter("approved"))
}
