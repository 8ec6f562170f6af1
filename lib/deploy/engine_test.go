package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/contract"
	"delivery.internal/lib/testbuild"
)

func TestPushesAreReviewedDeployedAndRemoved(t *testing.T) {
	s := newStage(t)

	// First push: what orders reads is not there yet, so orders waits.
	b := s.preview()
	require.Equal(t, "PERMISSIONS BROADENED in 1 place; 2 stacks: 1 to create, 1 to change outputs, 1 to be previewed again when deploying", b.Summary)
	require.Empty(t, s.provider.done(), "a preview creates nothing")
	exports, err := exec.Command("bash", "-c", ". '"+s.bundle+"/exports.sh'; echo \"$DELIVERY_SUMMARY|$DELIVERY_DIGEST\"").Output()
	require.NoError(t, err)
	require.Equal(t, b.Summary+"|"+b.Digest, strings.TrimSpace(string(exports)))
	for _, f := range []string{"bundle.json", "summary.txt", "diff.md", "plans/messaging.json"} {
		require.FileExists(t, filepath.Join(s.bundle, f))
	}
	require.NoError(t, s.deploy(), s.log.String())
	require.Equal(t, []string{"create m", "create o"}, s.provider.done())
	s.usedRoles()
	d := s.recorded()
	require.Equal(t, contract.Succeeded, d.Outcome)
	require.Equal(t, b.Digest, d.Digest)
	require.Len(t, s.cloud.published(), 1)
	require.Contains(t, s.cloud.published()[0], "delivery.deployer.dev")

	// Nothing changed.
	require.Equal(t, "2 stacks: no changes", s.delivered().Summary)
	require.Len(t, s.provider.done(), 2)

	// What orders reads changes: its review can't show what follows from that,
	// so it is refused, and shown by the review of the next push.
	s.limit = 6
	s.messaging(20)
	b = s.preview()
	require.Equal(t, "2 stacks: 1 to update, 1 to change outputs, 1 to be previewed again when deploying", b.Summary)
	require.ErrorContains(t, s.deploy(), "stack orders: after what it depends on was deployed, it would change what no review has shown (update queue (size))")
	require.Equal(t, []string{"update m"}, s.provider.done()[2:])
	require.Equal(t, "2 stacks: 1 to update", s.delivered().Summary)
	require.Equal(t, []string{"update o"}, s.provider.done()[3:])

	// Only orders changes: its review binds, and its plan is carried out.
	s.orders("p")
	b = s.delivered()
	require.Equal(t, "2 stacks: 1 to replace", b.Summary)
	require.ElementsMatch(t, []string{"create p", "delete o"}, s.provider.done()[4:])

	s.manifest("", "    remove: true\n")
	require.Equal(t, "2 stacks: 1 to delete", s.delivered().Summary)
	require.Equal(t, []string{".pulumi/stacks/messaging/dev.json"}, s.cloud.deployed(t))
	s.manifest("    remove: true\n", "    remove: true\n")
	s.delivered()
	require.Empty(t, s.cloud.deployed(t), "an empty stack is removed from the backend")
	require.Equal(t, []string{"delete p", "delete m"}, s.provider.done()[6:])
	require.Equal(t, "2 stacks: no changes", s.delivered().Summary, "removing again is not an error")

	require.Empty(t, s.cloud.keys(t, ".pulumi/locks/"))
	ledger, found := s.cloud.get(t, ledgerBucket, contract.LedgerKey("dev", commitA))
	require.True(t, found)
	for name, text := range map[string]string{"bundle": s.bundleText(), "log": s.log.String(), "ledger": ledger, "events": strings.Join(s.cloud.published(), "")} {
		require.NotContains(t, text, hush, name)
	}
}

// usedRoles checks that previews used the preview role and deployments the
// deploy role, each in a session that names the execution.
func (s *stage) usedRoles() {
	s.Helper()
	s.provider.mu.Lock()
	defer s.provider.mu.Unlock()
	all := strings.Join(s.provider.configured, "\n")
	require.Contains(s, all, previewRole)
	require.Contains(s, all, deployRole)
	require.Contains(s, all, s.settings("").SessionName())
}

func TestDeployRefusesWhatWasNotReviewed(t *testing.T) {
	s := newStage(t)
	s.delivered()
	s.messaging(20)
	b := s.preview()
	done := len(s.provider.done())

	// The source is another one than was reviewed.
	s.messaging(30)
	s.preview()
	s.messaging(31)
	require.ErrorContains(t, s.deploy(), "the source is not the one that was reviewed (infra/messaging/Pulumi.yaml differs)")

	// The program wants something else than its plan, with the same files as
	// far as digests go: what it does now is compared with the review.
	s.messaging(30)
	require.NoError(t, os.WriteFile(filepath.Join(s.bundle, "plans", "messaging.json"), []byte("{}"), 0o600))
	require.ErrorContains(t, s.deploy(), "plans/messaging.json of the bundle is missing or was changed after the review")

	s.preview()
	d := s.deployer(deployRole)
	d.Settings.ReviewedDigest = b.Digest
	require.ErrorContains(t, d.Deploy(t.Context()), "the review that was shown has digest "+b.Digest)
	require.Len(t, s.provider.done(), done, "a refusal changes nothing")
	require.NoError(t, s.deploy(), s.log.String())
}

func TestFailedOperationIsReportedRecordedAndNotRepeated(t *testing.T) {
	s := newStage(t)
	tries := 0
	s.provider.setHook(func(op, name string) error {
		if op == "create" && name == "m" {
			tries++
			return errors.New("api error SlowDown: the cloud does not want to, StatusCode: 503")
		}
		return nil
	})
	s.preview()
	err := s.deploy()
	require.ErrorContains(t, err, "stack messaging: pulumi up messaging failed (program or cloud")
	require.ErrorContains(t, err, "the cloud does not want to")
	require.Equal(t, 1, tries)
	require.Equal(t, contract.Failed, s.recorded().Outcome)
	require.Contains(t, s.cloud.published()[0], `\"outcome\":\"failed\"`)

	s.provider.setHook(nil)
	s.delivered()
	require.Equal(t, []string{"create m", "create o"}, s.provider.done())
}

func TestFailingPreviewSaysWhy(t *testing.T) {
	s := newStage(t)
	s.write("infra/messaging/Pulumi.yaml", "name: messaging\nruntime: yaml\nresources:\n  topic:\n    type: aws:test:Thing\n    properties:\n      name: ${nothing}\n")
	s.push()
	_, err := s.deployer(previewRole).Preview(t.Context())
	require.ErrorContains(t, err, "stack messaging: pulumi preview messaging failed")
	require.ErrorContains(t, err, "nothing")
	require.NoFileExists(t, filepath.Join(s.bundle, "bundle.json"))
}

func TestKilledUpdateIsNotRepeated(t *testing.T) {
	s := newStage(t)
	s.preview()
	pid := s.stub()
	s.provider.setHook(func(op, name string) error {
		text, err := os.ReadFile(pid)
		if err != nil {
			return err
		}
		id, err := strconv.Atoi(strings.TrimSpace(string(text)))
		return errors.Join(err, syscall.Kill(id, syscall.SIGKILL), errors.New("killed"))
	})
	require.ErrorContains(t, s.deploy(), "pulumi up messaging failed (unknown")
	s.provider.setHook(nil)
	done := len(s.provider.done())

	// The lock of the killed run is still there: it could be running.
	for _, key := range s.cloud.keys(t, ".pulumi/locks/") {
		_, err := s.cloud.objects.DeleteObject(stateBucket, key)
		require.NoError(t, err)
	}
	const sentence = "was killed in the middle of creating urn:pulumi:dev::messaging::aws:test/thing:Thing::topic, and going on could do that twice: nothing was changed"
	require.ErrorContains(t, s.deploy(), sentence)
	s.push()
	_, err := s.deployer(previewRole).Preview(t.Context())
	require.ErrorContains(t, err, sentence)
	require.Len(t, s.provider.done(), done)
}

func TestUpdateWhoseStateIsLostIsNotRepeated(t *testing.T) {
	testbuild.Long(t)
	s := newStage(t)
	s.preview()
	s.provider.setHook(func(string, string) error {
		s.cloud.failing(-1, http.StatusForbidden, func(r *http.Request) bool {
			return r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/messaging/dev.json") && !strings.Contains(r.URL.Path, "locks")
		})
		return nil
	})
	err := s.deploy()
	require.ErrorContains(t, err, "pulumi up messaging failed (snapshot lost")
	require.Equal(t, []string{"create m"}, s.provider.done())
	require.NotContains(t, s.log.String(), "waiting before another try")

	// What was done is a pending operation now.
	s.cloud.failing(0, 0, nil)
	s.provider.setHook(nil)
	require.ErrorContains(t, s.deploy(), "was killed in the middle of creating")
	require.Equal(t, []string{"create m"}, s.provider.done())
}

func TestHeldLockIsWaitedFor(t *testing.T) {
	s := newStage(t)
	s.delivered()
	s.messaging(20)
	s.preview()
	lock := s.lock("messaging")
	released := s.whenLocked(lock, func() {})
	require.NoError(t, s.deploy(), s.log.String())
	<-released
	require.Contains(t, s.log.String(), `"msg":"waiting before another try","class":"locked"`)

	// Patience ends.
	s.messaging(30)
	s.preview()
	s.lock("messaging")
	d := s.deployer(deployRole)
	d.Engine.(*CLI).Retry.LockPatience = time.Second
	require.ErrorContains(t, d.Deploy(t.Context()), "another run holds the stack for too long")
}

// lock puts a lock of another run into the backend.
func (s *stage) lock(project string) (key string) {
	s.Helper()
	key = ".pulumi/locks/organization/" + project + "/dev/7c6e7d0a-0000-4000-8000-000000000001.json"
	s.cloud.put(s.T, stateBucket, key, `{"pid":1,"username":"ada","hostname":"elsewhere","timestamp":"2026-01-01T00:00:00Z"}`)
	return key
}

// whenLocked runs f and removes the lock once the deployer waits for it.
func (s *stage) whenLocked(key string, f func()) (released chan struct{}) {
	released = make(chan struct{})
	go func() {
		defer close(released)
		for !strings.Contains(s.log.String(), `"class":"locked"`) {
			select {
			case <-s.Context().Done():
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
		f()
		_, err := s.cloud.objects.DeleteObject(stateBucket, key)
		if err != nil {
			s.Error(err)
		}
	}()
	return released
}

func TestBackendFaultsAreSurvived(t *testing.T) {
	testbuild.Long(t)
	s := newStage(t)
	// The SDK in the CLI gives up after three attempts; the deployer goes on.
	fail := func(n, status int, method, part string, work func()) {
		left := s.cloud.failing(n, status, func(r *http.Request) bool {
			return r.Method == method && strings.Contains(r.URL.Path, part)
		})
		work()
		require.Zero(t, left(), part)
		require.Contains(t, s.log.String(), `"class":"transient"`)
		s.log.reset()
	}
	deploy := func() { require.NoError(t, s.deploy(), s.log.String()) }
	// Both stacks are looked at together: with seven faults one of them gets
	// three.
	fail(7, 503, http.MethodGet, ".pulumi/meta.yaml", func() { s.preview() })
	fail(4, 500, http.MethodPut, ".pulumi/locks/organization/messaging", deploy)
	require.Equal(t, []string{"create m", "create o"}, s.provider.done())
	fail(4, 503, http.MethodGet, ".pulumi/stacks/messaging/dev.json", func() { s.preview() })
}

func TestDeniedBackendIsNotRepeated(t *testing.T) {
	s := newStage(t)
	s.cloud.failing(-1, http.StatusForbidden, func(r *http.Request) bool { return strings.Contains(r.URL.Path, stateBucket) })
	s.push()
	_, err := s.deployer(previewRole).Preview(t.Context())
	require.ErrorContains(t, err, "AccessDenied")
	require.ErrorContains(t, err, "the build role may not use the state bucket")
	require.NotContains(t, s.log.String(), "waiting before another try")
}

func TestLockLeftBehindIsRemovedOrReported(t *testing.T) {
	testbuild.Long(t)
	s := newStage(t)
	s.preview()
	deletes := func(r *http.Request) bool {
		return r.Method == http.MethodDelete && strings.Contains(r.URL.Path, ".pulumi/locks/organization/messaging")
	}
	// The CLI tries three times.
	left := s.cloud.failing(3, http.StatusForbidden, deletes)
	require.NoError(t, s.deploy(), s.log.String())

	require.Zero(t, left())
	require.Contains(t, s.log.String(), "removing the lock that the last command left behind")
	require.Empty(t, s.cloud.keys(t, ".pulumi/locks/"))

	s.messaging(20)
	s.preview()
	s.cloud.failing(-1, http.StatusForbidden, deletes)
	require.ErrorContains(t, s.deploy(), "the stack stays locked, because its lock .pulumi/locks/organization/messaging/dev/")
	require.Len(t, s.cloud.keys(t, ".pulumi/locks/"), 1)
}

func TestInterruptedEngineFinishesItsOperation(t *testing.T) {
	testbuild.Long(t)
	s := newStage(t)
	s.preview()
	ctx, stop := context.WithCancel(t.Context())
	s.provider.setHook(func(op, name string) error {
		stop()
		return s.provider.untilCanceled()
	})
	err := s.deployer(deployRole).Deploy(ctx)
	require.ErrorContains(t, err, "interrupted")
	require.Equal(t, []string{"create m"}, s.provider.done(), "what had begun was finished, and no more")
	require.Empty(t, s.cloud.keys(t, ".pulumi/locks/"))
	require.Equal(t, contract.Failed, s.recorded().Outcome)

	s.provider.setHook(nil)
	s.delivered()
	require.Equal(t, []string{"create m", "create o"}, s.provider.done(), "the state knew what was done")
}

func TestStacksThatNeedNothingOfEachOtherRunTogether(t *testing.T) {
	s := newStage(t)
	s.write("delivery.yaml", "stacks:\n  - {name: a, path: a}\n  - {name: b, path: b}\n")
	for _, name := range []string{"a", "b"} {
		s.write(name+"/Pulumi.yaml", "name: "+name+"\nruntime: yaml\nresources:\n  thing:\n    type: aws:test:Thing\n    properties:\n      name: "+name+"\n")
	}
	var met [2]chan struct{}
	for i := range met {
		met[i] = make(chan struct{})
	}
	s.provider.setHook(func(op, name string) error {
		me := int(name[0] - 'a')
		close(met[me])
		select {
		case <-met[1-me]:
			return nil
		case <-time.After(time.Minute):
			return errors.New("the other stack never came")
		}
	})
	s.delivered()
}

// TestSampleWorkload deploys examples/infrastructure as it is, the Go project
// compiled by the language host. Cold, that takes a minute.
func TestSampleWorkload(t *testing.T) {
	testbuild.Long(t)
	s := newStage(t)
	s.source = filepath.Join("..", "..", "examples", "infrastructure")
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOFLAGS", "GOSUMDB"} {
		out, err := exec.Command("go", "env", name).Output()
		require.NoError(t, err)
		s.env = append(s.env, name+"="+strings.TrimSpace(string(out)))
	}
	s.delivered()
	require.Equal(t, []string{
		"create alerts-topic-dev-a1b2", "create alerts-topic-parameter-dev-a1b2",
		"create orders-dead-letter-queue-dev-a1b2", "create orders-queue-dev-a1b2",
	}, s.provider.done())
	require.Equal(t, "2 stacks: no changes", s.delivered().Summary)
}

// TestDeployerCommand runs the binary as a build does: settings from the
// environment, JSON on stderr, an exit code, an end by SIGTERM.
func TestDeployerCommand(t *testing.T) {
	s := newStage(t)
	binary := filepath.Join(t.TempDir(), "deployer")
	out, err := exec.Command("go", "build", "-o", binary, "delivery.internal/lib/cmd/deployer").CombinedOutput()
	require.NoError(t, err, string(out))

	code, stdout, stderr := s.command(binary, previewRole, "preview")
	require.Zero(t, code, stderr)
	require.Contains(t, stdout, "[messaging] ")
	for line := range strings.Lines(stderr) {
		require.True(t, json.Valid([]byte(line)), line)
	}
	code, _, stderr = s.command(binary, deployRole, "deploy")
	require.Zero(t, code, stderr)
	require.Equal(t, contract.Succeeded, s.recorded().Outcome)
	require.Equal(t, []string{"create m", "create o"}, s.provider.done())

	code, _, stderr = s.command(binary, deployRole, "deploy")
	require.Zero(t, code, "running it again does nothing: %s", stderr)
	require.Len(t, s.provider.done(), 2)

	s.messaging(20)
	s.push()
	code, _, stderr = s.command(binary, previewRole, "preview")
	require.Zero(t, code, stderr)
	s.provider.setHook(func(string, string) error {
		return errors.Join(syscall.Kill(int(s.child.Load()), syscall.SIGTERM), s.provider.untilCanceled())
	})
	code, _, stderr = s.command(binary, deployRole, "deploy")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "interrupted")
	require.Equal(t, []string{"update m"}, s.provider.done()[2:])
	require.Empty(t, s.cloud.keys(t, ".pulumi/locks/"))
	require.Equal(t, contract.Failed, s.recorded().Outcome)
}

// exported is what the pipeline passes from the preview to the deployment.
func (s *stage) exported(name string) string {
	s.Helper()
	out, err := exec.Command("bash", "-c", ". '"+s.bundle+"/exports.sh'; printf %s \"$"+name+"\"").Output()
	require.NoError(s, err)
	return string(out)
}

// command runs the deployer with the environment that CodeBuild would give.
func (s *stage) command(binary, role, verb string) (code int, stdout, stderr string) {
	s.Helper()
	cmd := exec.CommandContext(s.Context(), binary, verb, "--source", s.source, "--bundle", s.bundle)
	cmd.Env = slices.Clone(s.env)
	vars := environment()
	vars["DELIVERY_ROLE"], vars["DELIVERY_EXECUTION"] = role, s.settings(role).Execution
	if verb == "deploy" {
		vars["DELIVERY_DIGEST"], vars["DELIVERY_SUMMARY"] = s.exported("DELIVERY_DIGEST"), s.exported("DELIVERY_SUMMARY")
	}
	for name, value := range vars {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var o, e strings.Builder
	cmd.Stdout, cmd.Stderr = &o, &e
	require.NoError(s, cmd.Start())
	s.child.Store(int64(cmd.Process.Pid))
	_ = cmd.Wait() // the exit code says it
	return cmd.ProcessState.ExitCode(), o.String(), e.String()
}
