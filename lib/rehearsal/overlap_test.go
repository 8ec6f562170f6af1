package rehearsal_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/contract"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/rehearsal/cloud"
	"delivery.internal/lib/rehearsal/services"
)

// overlappingPushes are two pushes of which the second is reviewed before the
// first is deployed: in dev while the first is in the middle of an update, in
// production while the first waits for its approval.
func (s *stage) overlappingPushes(t *testing.T) {
	s.pushesOfOneStack(t)
	s.pushesOfTwoStacks(t)
	s.pushesWithoutChanges(t)
	s.pushWhoseReviewNoLongerHolds(t)
}

func (s *stage) pushesOfOneStack(t *testing.T) {
	update := s.holdOpen("sqs:SetQueueAttributes", s.rig.Names(naming.Dev).Of(naming.WorkloadQueue))
	defer update.release()
	first := s.deliver(t, "Hide orders for 65 seconds", s.visible(t, 65))
	update.wait(s.limit(t), t)
	s.mustDeploy(t, naming.Staging, first)
	s.asked(t, first)

	second := s.deliverIntoLock(t, "Hide orders for 75 seconds", s.visible(t, 75))
	update.release()
	s.mustDeploy(t, naming.Dev, first)
	require.NotContains(t, s.buildsOf(s.mustDeploy(t, naming.Dev, second)), "was killed")
	require.Equal(t, "75", s.queue(naming.Dev).Str("visibilityTimeoutSeconds"))
	s.bothToProduction(t, first, second)
	require.Equal(t, "75", s.queue(naming.Prod).Str("visibilityTimeoutSeconds"))
}

func (s *stage) pushesOfTwoStacks(t *testing.T) {
	first := s.deliver(t, "Hide orders for 85 seconds", s.visible(t, 85))
	s.mustDeploy(t, naming.Staging, first)
	s.asked(t, first)
	messaging := s.file(t, "messaging/Pulumi.yaml")
	const line = "      value: ${alerts.arn}\n"
	require.Contains(t, messaging, line)
	described := strings.Replace(messaging, line, line+"      description: where alerts go\n", 1)
	second := s.deliver(t, "Describe the parameter", map[string][]byte{"messaging/Pulumi.yaml": []byte(described)})
	s.bothToProduction(t, first, second)
	require.Equal(t, "85", s.queue(naming.Prod).Str("visibilityTimeoutSeconds"))
	require.Len(t, s.rig.Cloud.Find(cloud.ProdAccount, "aws:ssm/parameter:Parameter", func(r *cloud.Resource) bool { return r.Str("description") == "where alerts go" }), 1)
	s.mustDeploy(t, naming.Dev, second)
}

func (s *stage) pushesWithoutChanges(t *testing.T) {
	before := s.stateWrites()
	first := s.deliver(t, "Take a note", map[string][]byte{"NOTES": []byte("one\n")})
	s.mustDeploy(t, naming.Staging, first)
	s.asked(t, first)
	second := s.deliver(t, "Take another note", map[string][]byte{"NOTES": []byte("two\n")})
	s.bothToProduction(t, first, second)
	s.mustDeploy(t, naming.Dev, second)
	require.Equal(t, before, s.stateWrites(), "what does not change is not written")
}

// pushWhoseReviewNoLongerHolds takes back what the push before it changes. It
// is reviewed while nothing of that is deployed, so its review shows no change.
func (s *stage) pushWhoseReviewNoLongerHolds(t *testing.T) {
	first := s.deliver(t, "Hide orders for 95 seconds", s.visible(t, 95))
	s.mustDeploy(t, naming.Dev, first)
	s.mustDeploy(t, naming.Staging, first)
	s.asked(t, first)
	second := s.deliver(t, "Hide orders for 85 seconds again", s.visible(t, 85))
	s.mustDeploy(t, naming.Staging, second)
	s.previewed(t, naming.Prod, second)
	s.answer(t, first, true)
	s.mustDeploy(t, naming.Prod, first)

	q := s.answer(t, second, true)
	require.Contains(t, q.Summary, "no changes")
	e, err := s.operator.WaitForEnd(s.limit(t), naming.Prod, second)
	require.NoError(t, err)
	require.Equal(t, services.Failed, e.Status, "nobody has seen that it takes the first push back")
	said := s.buildsOf(e)
	require.Contains(t, said, "commit "+first, "it says who wrote the state")
	require.Contains(t, said, "update urn:pulumi:prod::orders::aws:sqs/queue:Queue::orders (visibilityTimeoutSeconds)")
	require.Equal(t, "95", s.queue(naming.Prod).Str("visibilityTimeoutSeconds"))
	s.mustDeploy(t, naming.Dev, second)
}

// bothToProduction answers production's questions for two commits, the second
// of which was reviewed while the first waited.
func (s *stage) bothToProduction(t *testing.T, first, second string) {
	t.Helper()
	s.mustDeploy(t, naming.Staging, second)
	s.previewed(t, naming.Prod, second)
	s.answer(t, first, true)
	s.mustDeploy(t, naming.Prod, first)
	s.answer(t, second, true)
	s.mustDeploy(t, naming.Prod, second)
}

// asked waits until production asks for a commit, and does not answer.
func (s *stage) asked(t *testing.T, commit string) {
	t.Helper()
	_, err := s.operator.WaitForApproval(s.limit(t), naming.Prod, commit)
	require.NoError(t, err)
}

// previewed waits for the end of a commit's preview in an environment.
func (s *stage) previewed(t *testing.T, env naming.Environment, commit string) {
	t.Helper()
	e, err := s.rig.Services.Wait(s.limit(t), s.rig.Names(env).Of(naming.Pipeline), func(e services.Execution) bool {
		a := e.Action("Preview")
		return e.Variables[contract.VarCommit] == commit && a != nil && len(a.Outputs) > 0
	})
	require.NoError(t, err)
	require.Equal(t, services.InProgress, e.Status, "it is reviewed while the other one waits")
}

// stateWrites is how often the workload's states were written.
func (s *stage) stateWrites() map[naming.Environment]int {
	out := map[naming.Environment]int{}
	for _, e := range s.rig.Cloud.Journal.Events("call") {
		for _, env := range s.rig.Environments.Names() {
			if e.Subject == "s3:PutObject" && strings.Contains(e.Message, s.rig.Names(env).Of(naming.StateBucket)+"/.pulumi/") {
				out[env]++
			}
		}
	}
	return out
}

// held is a call of AWS that does not end before it is released.
type held struct {
	began, ends chan struct{}
	once        sync.Once
}

// holdOpen holds the next call of an action on a resource: whoever makes it is
// in the middle of an operation until then.
func (s *stage) holdOpen(action, resource string) *held {
	h := &held{began: make(chan struct{}), ends: make(chan struct{})}
	var first sync.Once
	s.rig.Cloud.Journal.Listen(func(e cloud.Event) {
		if e.Kind == "call" && e.Subject == action && strings.Contains(e.Message, resource) {
			first.Do(func() {
				close(h.began)
				<-h.ends
			})
		}
	})
	return h
}

func (h *held) release() { h.once.Do(func() { close(h.ends) }) }

func (h *held) wait(ctx context.Context, t *testing.T) {
	t.Helper()
	select {
	case <-h.began:
	case <-ctx.Done():
		require.Fail(t, "nobody made the call")
	}
}

// deliverIntoLock pushes a commit whose preview in dev meets the lock of the
// other run, and returns what that preview said when it waits.
func (s *stage) deliverIntoLock(t *testing.T, message string, changes map[string][]byte) (commit string) {
	t.Helper()
	waits := make(chan struct{})
	var first sync.Once
	s.rig.Cloud.Journal.Listen(func(e cloud.Event) {
		if e.Kind == "buildlog" && strings.Contains(e.Message, `"class":"locked"`) {
			first.Do(func() { close(waits) })
		}
	})
	commit = s.deliver(t, message, changes)
	end := make(chan services.Execution, 1)
	go func() {
		e, _ := s.operator.WaitForEnd(s.ctx, naming.Dev, commit) // a failure is an execution that is not there
		end <- e
	}()
	select {
	case <-waits:
	case e := <-end:
		require.Fail(t, "it does not wait for the other run", "%s", s.buildsOf(e))
	case <-s.limit(t).Done():
		require.Fail(t, "it neither waits nor ends")
	}
	return commit
}
