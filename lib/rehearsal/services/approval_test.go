package services

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// clock is a clock that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// waitsTwoDays brings a pipeline to an approval that waits for two days.
func waitsTwoDays(t *testing.T) (*platform, *clock, Approval) {
	t.Helper()
	p, c := newPlatform(t), &clock{now: time.Now()}
	p.c.Now = c.read
	approve := p.approvalStage()
	action := approve["actions"].([]props)[0]
	action["timeoutInMinutes"] = 2 * 24 * 60
	action["configuration"].(props)["CustomData"] = "Deploy?"
	p.pipeline("QUEUED", sourceStage(), approve)
	waits, err := p.WaitApproval(t.Context(), func(Approval) bool { return true })
	require.NoError(t, err)
	return p, c, waits
}

func TestAnApprovalExpiresWhenItsPipelineSays(t *testing.T) {
	t.Parallel()
	p, c, waits := waitsTwoDays(t)
	require.Equal(t, c.read().Add(48*time.Hour), waits.Expires)
	c.add(48*time.Hour - time.Second)
	p.Wake()
	p.idle()
	require.Len(t, p.PendingApprovals(), 1)
	c.add(time.Second)
	p.Wake()
	e := p.ended("none")
	require.Equal(t, Failed, e.Status)
	require.Equal(t, Failed, e.Action("Approve").Status)
	require.Contains(t, e.Reason, "nobody answered within 48h")
	require.Empty(t, p.PendingApprovals())
}

func TestAnApprovalCanStillBeGivenInTheLastSecond(t *testing.T) {
	t.Parallel()
	p, c, waits := waitsTwoDays(t)
	c.add(48*time.Hour - time.Second)
	require.NoError(t, p.PutApprovalResult(nil, "pipe", "Approve", "Approve", waits.Token, "Approved", "in time"))
	require.Equal(t, Succeeded, p.ended("none").Status)
}

// TestAnAnswerThatComesTooLateIsRefused: nobody has told the action yet that
// its time is over.
func TestAnAnswerThatComesTooLateIsRefused(t *testing.T) {
	t.Parallel()
	p, c, waits := waitsTwoDays(t)
	c.add(48 * time.Hour)
	err := p.PutApprovalResult(nil, "pipe", "Approve", "Approve", waits.Token, "Approved", "too late")
	require.ErrorContains(t, err, "InvalidApprovalTokenException")
	p.Wake()
	require.Equal(t, Failed, p.ended("none").Status)
}

// TestArtifactsHaveTheKeysOfCodePipeline: see AWS's example,
// my-pipeline/invokeOutp/D0YHsJn.
func TestArtifactsHaveTheKeysOfCodePipeline(t *testing.T) {
	t.Parallel()
	s := pipelineSettings{}
	s.Stores = append(s.Stores, struct {
		Bucket string `json:"location"`
		Key    struct {
			ID string `json:"id"`
		} `json:"encryptionKey"`
	}{Bucket: "artifacts"})
	for pipeline, want := range map[string]string{
		"my-pipeline":                   `^my-pipeline/invokeOutp/[0-9A-Za-z]{7}$`,
		"pipeline-staging-a1b2c3d4e5f6": `^pipeline-staging-a1b/invokeOutp/[0-9A-Za-z]{7}$`,
	} {
		a := &action{e: &execution{Execution: Execution{Pipeline: pipeline}, settings: s}}
		require.Regexp(t, want, a.newArtifact("invokeOutput").Key)
	}
}
