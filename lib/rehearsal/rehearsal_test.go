package rehearsal_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/contract"
	"delivery.internal/lib/leastprivilege"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/rehearsal"
	"delivery.internal/lib/rehearsal/cloud"
	"delivery.internal/lib/rehearsal/github"
	"delivery.internal/lib/rehearsal/operator"
	"delivery.internal/lib/rehearsal/services"
	"delivery.internal/lib/testbuild"
)

// The whole platform on the real engine, once: the scenarios follow each other
// in one installation, as they would in an account. What a scenario needs of
// the one before is what is deployed, and nothing else.
func TestRehearsal(t *testing.T) {
	s := open(t)
	s.step("every stack comes up", s.everyStackComesUp)
	s.step("a second up changes nothing", s.secondUpChangesNothing)
	s.step("a bucket name of a stranger stops a new installation", s.takenNames)
	s.step("a merged change goes to production", s.mergedChangeGoesToProduction)
	s.step("builds write no artifact but the bundle", s.buildsWriteOnlyTheBundle)
	s.step("the delivered branch takes reviewed pull requests only", s.reviewedPullRequestsOnly)
	s.step("a forged signature starts nothing", s.forgedSignature)
	s.step("a replayed delivery starts nothing", s.replayedDelivery)
	s.step("an event that is delivered again starts nothing", s.repeatedEvent)
	s.step("nobody else speaks on the delivery bus", s.strangersOnTheBus)
	s.step("a dead letter is seen", s.deadLetterIsSeen)
	s.step("a push to another branch starts nothing", s.otherBranch)
	s.step("a rejected approval deploys nothing", s.rejectedApproval)
	s.step("a failing preview stops before anything is changed", s.failingPreview)
	s.step("production refuses a commit that staging never deployed", s.neverOnStaging)
	s.step("a program error in deploy is recorded, and the other environment goes on", s.errorInDeploy)
	s.step("throttling by S3 in the middle is survived", s.throttled)
	s.step("a lock that another build holds is waited for", s.lockedByAnother)
	s.long("a forged review is refused, and programs see no credentials", s.forgedReview)
	s.long("a source that was swapped after its review is refused", s.swappedSource)
	s.long("of two overlapping pushes both are deployed", s.overlappingPushes)
	s.step("an image with a critical finding is not approved", s.criticalFinding)
	s.step("images are judged as ECR and Inspector scan them", s.imagesAreJudged)
	s.long("a private repository of the free plan is served too", s.freePlan)
	s.step("a push gets past a flood of strangers", s.floodOfStrangers)
	s.step("a push survives the death of the receiver", s.dyingReceiver)
	s.step("two webhook secrets are good during a rotation", s.secretIsRotated)
	s.step("the workload is removed by a merge", s.workloadIsRemoved)
	s.step("a renamed repository replaces what GitHub holds", s.repositoryIsRenamed)
	s.step("everything is destroyed and nothing is left", s.everythingIsDestroyed)
	s.step("calls need every part of the policies, or a reason is listed", s.callsNeedThePolicies)
}

// stage is a rehearsal under test.
type stage struct {
	rig      *rehearsal.Rig
	operator *operator.Operator
	t        *testing.T
	ctx      context.Context
	log      *output
	calls    *leastprivilege.Recording
}

// output keeps what the CLI says, for failures.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.text.String()
	return s[max(0, len(s)-6000):]
}

func open(t *testing.T) *stage {
	t.Helper()
	testbuild.Tools(t)
	root := testbuild.Binaries(t)
	require.NoError(t, rehearsal.BuildPrograms(t.Context(), root))
	log := &output{}
	rig, err := rehearsal.Open(t.Context(), rehearsal.Options{Root: root, Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rig.Close()) })
	calls := rig.RecordCalls()
	person, err := operator.New(rig, log)
	require.NoError(t, err)
	t.Cleanup(person.Close)
	return &stage{rig: rig, operator: person, t: t, ctx: t.Context(), log: log, calls: calls}
}

// step runs a scenario; the following ones make no sense after a failure.
func (s *stage) step(name string, f func(t *testing.T)) {
	if !s.t.Run(name, f) {
		s.t.Logf("the CLI's last words:\n%s", s.log.tail())
		for _, e := range s.rig.Cloud.Journal.Events("buildlog", "denied", "fault", "pipeline", "rule") {
			s.t.Logf("%s %s %s", e.Kind, e.Subject, e.Message)
		}
		s.t.FailNow()
	}
}

// long is step for a scenario that the short form of the tests leaves out.
func (s *stage) long(name string, f func(t *testing.T)) {
	s.step(name, func(t *testing.T) {
		testbuild.Long(t)
		f(t)
	})
}

// limit ends a step that would never end by itself.
func (s *stage) limit(t *testing.T) context.Context {
	ctx, stop := context.WithTimeout(s.ctx, 5*time.Minute)
	t.Cleanup(stop)
	return ctx
}

func (s *stage) everyStackComesUp(t *testing.T) {
	err := s.operator.DeployPlatform(s.limit(t), func(what string, f func(context.Context) error) error {
		if err := f(s.ctx); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		return nil
	})
	require.NoError(t, err)
	for _, env := range s.rig.Environments.Names() {
		runs := s.operator.Runs(env)
		require.Len(t, runs, 1, "creating a pipeline starts it")
		require.Equal(t, services.Failed, runs[0].Status, "and no push started this one")
		require.Contains(t, s.buildsOf(runs[0]), "was not started by a delivery")
	}
	require.Empty(t, s.denials())
}

func (s *stage) denials() []string {
	_, denied := s.rig.Calls()
	return denied
}

// buildsOf is what the builds of an execution wrote.
func (s *stage) buildsOf(e services.Execution) string {
	return strings.Join(s.operator.BuildLog(e, func(services.ActionRun) bool { return true }), "\n")
}

// pulumi runs the plain CLI on a stack of the platform.
func (s *stage) pulumi(t *testing.T, project string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(s.limit(t), filepath.Join(s.rig.Tools(), "pulumi"), append(args, "--non-interactive")...)
	cmd.Dir, cmd.Env = s.rig.ProjectDir(project), s.operator.Shell()
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (s *stage) secondUpChangesNothing(t *testing.T) {
	for _, p := range s.operator.Platform.Projects() {
		out, err := s.pulumi(t, p.Dir, "up", "--yes", "--skip-preview", "--expect-no-changes", "--stack", "organization/"+p.Pulumi+"/"+p.Stack)
		require.NoError(t, err, "%s: %s", p.Name, out)
	}
	require.Empty(t, s.denials())
}

// deliver merges a reviewed change and returns its commit on the delivered
// branch.
func (s *stage) deliver(t *testing.T, message string, changes map[string][]byte) string {
	t.Helper()
	commit, err := s.operator.Merge(s.limit(t), message, changes)
	require.NoError(t, err)
	return commit
}

func (s *stage) mustDeploy(t *testing.T, env naming.Environment, commit string) services.Execution {
	t.Helper()
	e, err := s.operator.WaitForDeployment(s.limit(t), env, commit)
	require.NoError(t, err, "%s", s.buildsOf(e))
	return e
}

// approve answers production's question for a commit.
func (s *stage) answer(t *testing.T, commit string, yes bool) operator.Question {
	t.Helper()
	q, err := s.operator.WaitForApproval(s.limit(t), naming.Prod, commit)
	require.NoError(t, err)
	require.NoError(t, s.operator.Decide(naming.Prod, commit, yes, "by the test"))
	return q
}

// everywhere follows a commit to production.
func (s *stage) everywhere(t *testing.T, commit string) {
	t.Helper()
	s.mustDeploy(t, naming.Dev, commit)
	s.mustDeploy(t, naming.Staging, commit)
	s.answer(t, commit, true)
	s.mustDeploy(t, naming.Prod, commit)
}

var accounts = map[naming.Environment]string{naming.Dev: cloud.DevAccount, naming.Staging: cloud.StagingAccount, naming.Prod: cloud.ProdAccount}

// queue is the sample's order queue in an environment.
func (s *stage) queue(env naming.Environment) *cloud.Resource {
	name := s.rig.Names(env).Of(naming.WorkloadQueue)
	return s.rig.Cloud.First(accounts[env], typetoken.Queue, func(r *cloud.Resource) bool { return r.Name == name })
}

func (s *stage) ledger(env naming.Environment, commit string) string {
	text, err := s.rig.Cloud.Objects.Get(s.rig.Names(naming.Shared).Of(naming.LedgerBucket), contract.LedgerKey(string(env), commit))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func (s *stage) mergedChangeGoesToProduction(t *testing.T) {
	commit := s.deliver(t, "Deliver the sample workload", nil)
	dev, staging := s.mustDeploy(t, naming.Dev, commit), s.mustDeploy(t, naming.Staging, commit)
	require.True(t, dev.Started.Before(staging.Ended) && staging.Started.Before(dev.Ended), "they run in parallel")
	require.Nil(t, s.queue(naming.Prod), "nothing is in production before the approval")
	q := s.answer(t, commit, true)
	require.Contains(t, q.Diff, "create aws:sns/topic:Topic alerts")
	require.NotEmpty(t, q.Summary)
	require.Len(t, q.Digest, 64)
	prod := s.mustDeploy(t, naming.Prod, commit)
	require.Equal(t, commit, prod.Commit)
	for _, env := range s.rig.Environments.Names() {
		require.NotNil(t, s.queue(env), "%s", env)
		require.Contains(t, s.ledger(env, commit), `"succeeded"`)
	}
	require.NoError(t, s.rig.Services.Idle(s.limit(t)))
	var told []string
	for _, n := range s.rig.Services.Notifications() {
		told = append(told, n.Text())
	}
	all := strings.Join(told, "\n")
	require.Contains(t, all, prod.Pipeline)
	require.Contains(t, all, commit, "the approval names the commit")
	require.Empty(t, s.denials())
}

// startsNothing holds an action to starting no pipeline.
func (s *stage) startsNothing(t *testing.T, f func()) {
	t.Helper()
	before := s.allRuns()
	f()
	require.NoError(t, s.rig.Services.Idle(s.limit(t)))
	require.Equal(t, before, s.allRuns())
}

func (s *stage) allRuns() (ids []string) {
	for _, env := range s.rig.Environments.Names() {
		for _, e := range s.operator.Runs(env) {
			ids = append(ids, e.ID)
		}
	}
	return ids
}

func (s *stage) forgedSignature(t *testing.T) {
	s.startsNothing(t, func() { require.NoError(t, s.rig.GitHub.Forge(s.ctx, "mallory")) })
	require.Equal(t, 401, s.lastAnswer().Status)
}

func (s *stage) lastAnswer() (d struct {
	ID, Answer string
	Status     int
}) {
	all := s.rig.GitHub.Deliveries()
	l := all[len(all)-1]
	d.ID, d.Answer, d.Status = l.ID, l.Answer, l.Status
	return d
}

func (s *stage) replayedDelivery(t *testing.T) {
	pushed := s.rig.GitHub.Deliveries()
	i := slices.IndexFunc(pushed, func(d github.Delivery) bool { return d.Event == "push" && d.Status == 202 })
	require.GreaterOrEqual(t, i, 0)
	s.startsNothing(t, func() { require.NoError(t, s.rig.GitHub.Redeliver(s.ctx, pushed[i].ID)) })
	require.Equal(t, 200, s.lastAnswer().Status)
	require.Contains(t, s.lastAnswer().Answer, "already accepted")
}

func (s *stage) otherBranch(t *testing.T) {
	_, err := s.rig.Repository.Commit("Try something", map[string][]byte{"NOTES": []byte("later\n")})
	require.NoError(t, err)
	s.startsNothing(t, func() { require.NoError(t, s.rig.GitHub.Push(s.ctx, "feature", rehearsal.Person)) })
	require.Equal(t, 200, s.lastAnswer().Status)
	require.Contains(t, s.lastAnswer().Answer, "ignored")
}

// file reads a file of the sample workload.
func (s *stage) file(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(rehearsal.SampleFolder(s.rig.Root), filepath.FromSlash(path)))
	require.NoError(t, err)
	return string(text)
}

// visible returns the orders program, in YAML, with another visibility timeout.
func (s *stage) visible(t *testing.T, seconds int) map[string][]byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "orders.yaml"))
	require.NoError(t, err)
	return map[string][]byte{"orders/Pulumi.yaml": replaced(t, string(text), "visibilityTimeoutSeconds: 60", fmt.Sprintf("visibilityTimeoutSeconds: %d", seconds))}
}

// visibleInGo is visible for scenarios about programs.
func (s *stage) visibleInGo(t *testing.T, seconds int) map[string][]byte {
	t.Helper()
	return map[string][]byte{
		"orders/Pulumi.yaml": []byte(s.file(t, "orders/Pulumi.yaml")),
		"orders/main.go":     replaced(t, s.file(t, "orders/main.go"), "VisibilityTimeoutSeconds: pulumi.Int(60)", fmt.Sprintf("VisibilityTimeoutSeconds: pulumi.Int(%d)", seconds)),
	}
}

// replaced replaces a text that must be there.
func replaced(t *testing.T, text, old, now string) []byte {
	t.Helper()
	require.Contains(t, text, old)
	return []byte(strings.ReplaceAll(text, old, now))
}

func (s *stage) rejectedApproval(t *testing.T) {
	commit := s.deliver(t, "Hide orders for longer", s.visible(t, 70))
	s.mustDeploy(t, naming.Staging, commit)
	s.answer(t, commit, false)
	prod, err := s.operator.WaitForEnd(s.limit(t), naming.Prod, commit)
	require.NoError(t, err)
	require.Equal(t, services.Failed, prod.Status)
	require.Nil(t, prod.Stage("Deploy"), "the deployment was not begun")
	s.mustDeploy(t, naming.Dev, commit)
	require.Equal(t, "70", s.queue(naming.Staging).Str("visibilityTimeoutSeconds"))
	require.Equal(t, "60", s.queue(naming.Prod).Str("visibilityTimeoutSeconds"))
	require.NotContains(t, s.ledger(naming.Prod, commit), `"succeeded"`)
}

func (s *stage) failingPreview(t *testing.T) {
	broken := strings.Replace(s.file(t, "messaging/Pulumi.yaml"), "aws:sns:Topic", "aws:sns:NoSuchThing", 1)
	before := len(s.operator.Runs(naming.Prod))
	commit := s.deliver(t, "Break the program", map[string][]byte{"messaging/Pulumi.yaml": []byte(broken)})
	for _, env := range []naming.Environment{naming.Dev, naming.Staging} {
		e, err := s.operator.WaitForDeployment(s.limit(t), env, commit)
		require.ErrorContains(t, err, "NoSuchThing", "the last lines of the log say what is wrong")
		require.Equal(t, services.Failed, e.Status)
		require.Nil(t, e.Stage("Deploy"))
	}
	require.NoError(t, s.rig.Services.Idle(s.limit(t)))
	require.Len(t, s.operator.Runs(naming.Prod), before, "production was not started")
}

// neverOnStaging starts production by hand for a commit that staging refused.
func (s *stage) neverOnStaging(t *testing.T) {
	commit := s.rig.Repository.Head(rehearsal.Branch)
	id, err := s.rig.Services.StartPipeline(s.rig.Cloud.Operator(cloud.DeliveryAccount), s.rig.Names(naming.Prod).Of(naming.Pipeline), map[string]string{
		contract.VarCommit: commit, contract.VarDelivery: "by hand", contract.VarPusher: "mallory",
	})
	require.NoError(t, err)
	e, err := s.rig.Services.Wait(s.limit(t), s.rig.Names(naming.Prod).Of(naming.Pipeline), func(e services.Execution) bool { return e.ID == id && e.Status != services.InProgress })
	require.NoError(t, err)
	require.Equal(t, services.Failed, e.Status)
	require.Nil(t, e.Stage("Approve"))
	require.Contains(t, s.buildsOf(e), "was never deployed to staging")
}

func (s *stage) errorInDeploy(t *testing.T) {
	fault := s.rig.Cloud.Inject(cloud.Fault{Service: "provider", Operation: "update", Resource: "urn:pulumi:dev::orders", Status: 400, Code: "InvalidAttributeValue", Times: 1})
	changes := s.visible(t, 80)
	changes["messaging/Pulumi.yaml"] = []byte(s.file(t, "messaging/Pulumi.yaml"))
	commit := s.deliver(t, "Hide orders for even longer", changes)
	dev, err := s.operator.WaitForEnd(s.limit(t), naming.Dev, commit)
	require.NoError(t, err)
	require.Equal(t, 1, fault.Struck)
	require.Equal(t, services.Failed, dev.Status)
	require.NotNil(t, dev.Stage("Deploy"))
	require.Contains(t, s.buildsOf(dev), "InvalidAttributeValue")
	require.Contains(t, s.ledger(naming.Dev, commit), `"failed"`)
	s.mustDeploy(t, naming.Staging, commit)
	s.answer(t, commit, true)
	s.mustDeploy(t, naming.Prod, commit)
	require.Equal(t, "80", s.queue(naming.Prod).Str("visibilityTimeoutSeconds"))
}

func (s *stage) throttled(t *testing.T) {
	bucket := s.rig.Names(naming.Dev).Of(naming.StateBucket)
	// More than the three attempts of the SDK inside the CLI.
	fault := s.rig.Cloud.Inject(cloud.Fault{Service: "s3", Operation: "ListObjectsV2", Resource: bucket, Status: 503, Code: "SlowDown", Times: 4})
	commit := s.deliver(t, "Hide orders for shorter", s.visible(t, 50))
	s.mustDeploy(t, naming.Dev, commit)
	require.Equal(t, 4, fault.Struck)
	require.Equal(t, "50", s.queue(naming.Dev).Str("visibilityTimeoutSeconds"), "what failed before is deployed by the next change")
	s.mustDeploy(t, naming.Staging, commit)
	s.answer(t, commit, true)
	s.mustDeploy(t, naming.Prod, commit)
}

// lockedByAnother holds the lock until the deployer says that it waits.
func (s *stage) lockedByAnother(t *testing.T) {
	bucket, key := s.rig.Names(naming.Dev).Of(naming.StateBucket), ".pulumi/locks/organization/orders/dev/00000000-0000-4000-8000-000000000000.json"
	lock := fmt.Sprintf(`{"pid":1,"username":"ada","hostname":"another-build","timestamp":%q}`, time.Now().UTC().Format(time.RFC3339))
	var waited sync.Once
	released := make(chan error, 1)
	s.rig.Cloud.Journal.Listen(func(e cloud.Event) {
		if e.Kind == "buildlog" && strings.Contains(e.Message, "another-build") {
			waited.Do(func() { released <- s.rig.Cloud.Objects.Delete(bucket, key) })
		}
	})
	require.NoError(t, s.rig.Cloud.Objects.Put(bucket, key, []byte(lock)))
	commit := s.deliver(t, "Hide orders as before", s.visible(t, 60))
	e := s.mustDeploy(t, naming.Dev, commit)
	select {
	case err := <-released:
		require.NoError(t, err)
	default:
		require.Fail(t, "nobody waited for the lock", "%s", s.buildsOf(e))
	}
	require.Equal(t, "60", s.queue(naming.Dev).Str("visibilityTimeoutSeconds"))
	s.mustDeploy(t, naming.Staging, commit)
	s.answer(t, commit, true)
	s.mustDeploy(t, naming.Prod, commit)
}

func (s *stage) criticalFinding(t *testing.T) {
	approved := s.operator.ApprovedImage()
	require.True(t, strings.HasPrefix(approved, "sha256:"))
	bad, err := s.pushImage("bad", map[string]int{"CRITICAL": 1, "LOW": 3})
	require.NoError(t, err)
	require.NoError(t, s.rig.Services.Idle(s.limit(t)))
	require.NotEqual(t, bad, s.operator.ApprovedImage())
	require.Equal(t, approved, s.operator.ApprovedImage())
	good, err := s.pushImage("good", map[string]int{"LOW": 3})
	require.NoError(t, err)
	require.NoError(t, s.rig.Services.Idle(s.limit(t)))
	require.Equal(t, good, s.operator.ApprovedImage())
}

func (s *stage) workloadIsRemoved(t *testing.T) {
	manifest, err := operator.Removal(s.rig.Root)
	require.NoError(t, err)
	require.ErrorContains(t, s.operator.Platform.DestroyAll(s.limit(t), false), "workloads still have stacks")
	s.everywhere(t, s.deliver(t, "Remove the workload", map[string][]byte{"delivery.yaml": manifest}))
	for env, account := range accounts {
		require.Nil(t, s.queue(env), "%s", env)
		require.Empty(t, s.rig.Cloud.Find(account, "aws:sns/topic:Topic", nil))
	}
}

// repositoryIsRenamed changes an input that replaces resources, and one that
// updates others, in several stacks.
func (s *stage) repositoryIsRenamed(t *testing.T) {
	const hook = "github:index/repositoryWebhook:RepositoryWebhook"
	before := s.rig.Cloud.First("", hook, nil)
	require.NoError(t, s.operator.SetConfig("bootstrap", "bootstrap:repositoryName", "landscape"))
	ctx := s.limit(t)
	for _, p := range []string{"bootstrap", "shared", "environments/dev"} {
		require.NoError(t, s.operator.Platform.Up(ctx, p), p)
	}
	after := s.rig.Cloud.Find("", hook, nil)
	require.Len(t, after, 1)
	require.NotEqual(t, before.ID, after[0].ID, "it was replaced")
	require.Equal(t, "landscape", after[0].Str("repository"))
	for _, p := range s.operator.Platform.Projects() {
		if p.Name == "shared" || p.Name == "environments/dev" {
			out, err := s.pulumi(t, p.Dir, "preview", "--expect-no-changes", "--stack", "organization/"+p.Pulumi+"/"+p.Stack)
			require.NoError(t, err, out)
		}
	}
}

func (s *stage) everythingIsDestroyed(t *testing.T) {
	require.NoError(t, s.operator.Platform.DestroyAll(s.limit(t), false))
	left, err := s.rig.Left()
	require.NoError(t, err)
	require.Empty(t, left.All())
	// It can be run again: there is nothing to do.
	require.NoError(t, s.operator.Platform.DestroyAll(s.limit(t), false))
}
