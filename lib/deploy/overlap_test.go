package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/contract"
	"delivery.internal/lib/pulumicli"
	"delivery.internal/lib/testbuild"
)

// pushed is a push in the middle of its pipeline.
type pushed struct {
	source, bundle, digest string
	run                    int
	Bundle
}

// pushing reviews a push; change writes its source.
func (s *stage) pushing(change func()) pushed {
	s.Helper()
	source, bundle := s.TempDir(), s.TempDir()
	require.NoError(s, os.CopyFS(source, os.DirFS(s.source)))
	s.source, s.bundle = source, bundle
	change()
	b := s.preview()
	return pushed{source: source, bundle: bundle, digest: b.Digest, run: s.run, Bundle: b}
}

// finish deploys a push that was reviewed before.
func (s *stage) finish(p pushed) error {
	s.Helper()
	s.source, s.bundle, s.digest, s.summary, s.run = p.source, p.bundle, p.digest, p.exportedSummary(), p.run
	return s.deploy()
}

// overlap reviews two pushes, then deploys the first, and returns the second.
func (s *stage) overlap(first, second func()) pushed {
	s.Helper()
	base := s.source
	a := s.pushing(first)
	s.source = base
	b := s.pushing(second)
	require.NoError(s, s.finish(a), s.log.String())
	return b
}

// recording notes what the CLI is told and which objects of the state are
// written.
func (s *stage) recording() (commands func() []string, writes func() int) {
	s.Helper()
	dir := s.TempDir()
	file := filepath.Join(dir, "commands")
	script := fmt.Sprintf("#!/bin/sh\necho \"$1\" >> '%s'\nexec '%s' \"$@\"\n", file, s.pulumi)
	s.pulumi = filepath.Join(dir, "pulumi")
	require.NoError(s, os.WriteFile(s.pulumi, []byte(script), 0o755))
	var mu sync.Mutex
	n := 0
	s.cloud.watching(func(r *http.Request) {
		if (r.Method == http.MethodPut || r.Method == http.MethodDelete) && strings.Contains(r.URL.Path, stateBucket) {
			mu.Lock()
			defer mu.Unlock()
			n++
		}
	})
	commands = func() []string {
		text, err := os.ReadFile(file)
		require.NoError(s, err)
		return strings.Fields(string(text))
	}
	return commands, func() int { mu.Lock(); defer mu.Unlock(); return n }
}

// watching calls f for every request, before it is answered.
func (c *fakeCloud) watching(f func(r *http.Request)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fault = func(r *http.Request) int { f(r); return 0 }
}

func TestStackWithoutChangesIsNotTouched(t *testing.T) {
	s := newStage(t)
	s.delivered()
	commands, writes := s.recording()
	require.Equal(t, "2 stacks: no changes", s.delivered().Summary)
	require.NotContains(t, commands(), "up")
	require.Zero(t, writes(), "neither state nor lock nor history")
	require.Equal(t, contract.Succeeded, s.recorded().Outcome)

	// Of two, only the one that changes.
	s.orders("p")
	s.delivered()
	require.Equal(t, 1, strings.Count(strings.Join(commands(), " "), "up"))
}

func TestOptionsAreShownAndReachTheState(t *testing.T) {
	testbuild.Long(t)
	s := newStage(t)
	s.delivered()
	text, err := os.ReadFile(filepath.Join(s.source, "infra/messaging/Pulumi.yaml"))
	require.NoError(t, err)
	protected := strings.Replace(string(text), "outputs:", "    options: {protect: true}\noutputs:", 1)
	s.write("infra/messaging/Pulumi.yaml", protected)
	b := s.preview()
	require.Equal(t, "2 stacks: 1 to change options, 1 to be previewed again when deploying", b.Summary)
	require.Contains(t, s.bundleText(), "options aws:test/thing:Thing topic: protect")
	require.NoError(t, s.deploy(), s.log.String())
	state, _ := s.cloud.get(t, stateBucket, ".pulumi/stacks/messaging/dev.json")
	require.Contains(t, state, `"protect":true`)
	require.Len(t, s.provider.done(), 2, "nothing happens in the cloud")
	require.Equal(t, "2 stacks: no changes", s.delivered().Summary)

	// A push that was reviewed before it does not take it back in silence.
	s.write("infra/messaging/Pulumi.yaml", string(text))
	s.delivered()
	second := s.overlap(func() { s.write("infra/messaging/Pulumi.yaml", protected) }, func() { s.write("infra/messaging/Pulumi.yaml", string(text)) })
	require.ErrorContains(t, s.finish(second), "options urn:pulumi:dev::messaging::aws:test/thing:Thing::topic (protect)")
}

func TestOfOverlappingPushesTheLaterGoesOnWithWhatWasShown(t *testing.T) {
	for name, c := range map[string]struct {
		first, second func(s *stage)
		want          []string // what the second does
	}{
		"the same change": {
			func(s *stage) { s.messaging(20) }, func(s *stage) { s.messaging(20) }, nil,
		},
		"the same property": {
			func(s *stage) { s.messaging(20) }, func(s *stage) { s.messaging(30) }, []string{"update m"},
		},
		"two properties, one of them secret": {
			func(s *stage) { s.messaging(20) }, func(s *stage) { s.messaging(20); s.token("another-" + hush) }, []string{"update m"},
		},
		"two stacks": {
			func(s *stage) { s.orders("p") }, func(s *stage) { s.orders("p"); s.messaging(20) }, []string{"update m"},
		},
		"a replacement": {
			func(s *stage) { s.messaging(20) }, func(s *stage) { s.messaging(20); s.orders("p") }, []string{"create p", "delete o"},
		},
		"a removal": {
			func(s *stage) { s.orders("p") }, func(s *stage) { s.manifest("", "    remove: true\n") }, []string{"delete p"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if name != "two properties, one of them secret" {
				testbuild.Long(t)
			}
			s := newStage(t)
			s.delivered()
			second := s.overlap(func() { c.first(s) }, func() { c.second(s) })
			done := len(s.provider.done())
			require.NoError(t, s.finish(second), s.log.String())
			require.Equal(t, c.want, append([]string(nil), s.provider.done()[done:]...))
			require.Equal(t, contract.Succeeded, s.recorded().Outcome)
			require.NotContains(t, s.log.String(), hush)
			require.NotContains(t, s.delivered().Summary, "to update", "it is deployed")
		})
	}
}

// token gives messaging's thing another secret.
func (s *stage) token(value string) {
	s.Helper()
	path := filepath.Join(s.source, "infra", "messaging", "Pulumi.yaml")
	text, err := os.ReadFile(path)
	require.NoError(s, err)
	require.Contains(s, string(text), hush)
	require.NoError(s, os.WriteFile(path, []byte(strings.Replace(string(text), hush, value, 1)), 0o600))
}

func TestOfOverlappingPushesTheLaterIsRefusedWhatNobodyHasSeen(t *testing.T) {
	for name, c := range map[string]struct {
		first, second func(s *stage)
		want          string
	}{
		"takes the first back": {
			func(s *stage) { s.messaging(20) }, func(*stage) {}, "update urn:pulumi:dev::messaging::aws:test/thing:Thing::topic (size)",
		},
		"takes a secret back": {
			func(s *stage) { s.token("another-" + hush) }, func(*stage) {}, "update urn:pulumi:dev::messaging::aws:test/thing:Thing::topic (token)",
		},
		"takes an output back": {
			func(s *stage) { s.add("outputs:\n", "  label: x\n") }, func(*stage) {},
			"outputs urn:pulumi:dev::messaging::pulumi:pulumi:Stack::messaging-dev (label)",
		},
		"deletes what the first made": {
			func(s *stage) { s.more() }, func(s *stage) { s.messaging(20) }, "delete urn:pulumi:dev::messaging::aws:test/thing:Thing::more",
		},
		"removes what the first made": {
			func(s *stage) { s.more() }, func(s *stage) { s.manifest("    remove: true\n", "    remove: true\n") },
			"delete urn:pulumi:dev::messaging::aws:test/thing:Thing::more",
		},
		"comes back after a removal": {
			func(s *stage) { s.manifest("", "    remove: true\n") }, func(*stage) {}, "stack orders: it was removed since its review",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if name != "takes a secret back" {
				testbuild.Long(t)
			}
			s := newStage(t)
			s.delivered()
			second := s.overlap(func() { c.first(s) }, func() { c.second(s) })
			first := s.run
			done := len(s.provider.done())
			err := s.finish(second)
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, "merge another change for a new review")
			if !strings.Contains(c.want, "removed since") {
				require.ErrorContains(t, err, fmt.Sprintf("commit %s, execution 00000000-0000-4000-8000-%012d (update, succeeded)", commitA, first))
				require.Regexp(t, `it was written at 20\d\d-\d\d-\d\dT`, err.Error())
			}
			require.Len(t, s.provider.done(), done, "a refusal changes nothing")
			require.NotContains(t, s.log.String()+err.Error(), hush)
		})
	}
}

// more adds a thing to messaging.
func (s *stage) more() {
	s.add("resources:\n", "  more:\n    type: aws:test:Thing\n    properties: {name: more}\n")
}

// add puts a text into messaging's program.
func (s *stage) add(after, text string) {
	s.Helper()
	path := filepath.Join(s.source, "infra", "messaging", "Pulumi.yaml")
	program, err := os.ReadFile(path)
	require.NoError(s, err)
	require.Contains(s, string(program), after)
	require.NoError(s, os.WriteFile(path, []byte(strings.Replace(string(program), after, after+text, 1)), 0o600))
}

// The plans are the CLI's own: equal secrets have different ciphertexts there.
func TestSecretsOfPlansAreComparedByValue(t *testing.T) {
	testbuild.Long(t)
	s := newStage(t)
	s.delivered()
	plan := func(token string) []byte {
		p := s.pushing(func() { s.messaging(10); s.token(token) })
		text, err := os.ReadFile(filepath.Join(p.bundle, "plans", "messaging.json"))
		require.NoError(t, err)
		return text
	}
	a, same, other := plan("one-"+hush), plan("one-"+hush), plan("two-"+hush)
	require.NotEqual(t, a, same)
	engine := s.deployer(deployRole).Engine.(*CLI)
	state, err := engine.State(t.Context(), Stack{Name: "messaging", Project: "messaging", Environment: "dev", Dir: filepath.Join(s.source, "infra", "messaging")})
	require.NoError(t, err)
	open := engine.Opener(t.Context(), state)
	more, err := unshown(same, a, open)
	require.NoError(t, err)
	require.Empty(t, more)
	changed := []Change{{URN: "urn:pulumi:dev::messaging::aws:test/thing:Thing::topic", Op: "update", Paths: []string{"token"}}}
	more, err = unshown(other, a, open)
	require.NoError(t, err)
	require.Contains(t, more, changed[0])

	// Without the key nothing secret counts as shown.
	state.Secrets.EncryptedKey = "AAAA"
	more, err = unshown(same, a, engine.Opener(t.Context(), state))
	require.NoError(t, err)
	require.Contains(t, more, changed[0])
	require.Contains(t, s.log.String(), "secrets can't be compared with the review")
	require.NotContains(t, s.log.String(), hush)
}

func TestPreviewWaitsForAHeldLock(t *testing.T) {
	s := newStage(t)
	s.delivered()
	// As the state is while another run updates it.
	const key = ".pulumi/stacks/messaging/dev.json"
	state, _ := s.cloud.get(t, stateBucket, key)
	middle := strings.Replace(state, `"metadata":{}`, `"pending_operations":[{"type":"updating","resource":{"urn":"urn:pulumi:dev::messaging::aws:test/thing:Thing::topic","custom":true,"type":"aws:test/thing:Thing"}}],"metadata":{}`, 1)
	require.NotEqual(t, state, middle)
	s.cloud.put(t, stateBucket, key, middle)
	lock := s.lock("messaging")
	released := s.whenLocked(lock, func() { s.cloud.put(t, stateBucket, key, state) })
	require.Equal(t, "2 stacks: no changes", s.preview().Summary)
	<-released
	require.Contains(t, s.log.String(), "the stack is locked by ada@elsewhere (pid 1) since ")
	require.NotContains(t, s.log.String(), "was killed")
}

func TestStateThatMovedWhileUpWaitedForTheLockIsLookedAtAgain(t *testing.T) {
	testbuild.Long(t)
	s := newStage(t)
	s.delivered()
	s.messaging(20)
	s.preview()
	const key = ".pulumi/stacks/messaging/dev.json"
	var once sync.Once
	// Another run comes between the deployer's look and the CLI's lock.
	s.cloud.watching(func(r *http.Request) {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, ".pulumi/locks/organization/messaging/") {
			once.Do(func() {
				s.whenLocked(s.lock("messaging"), func() {
					state, _ := s.cloud.get(t, stateBucket, key)
					s.cloud.put(t, stateBucket, key, strings.ReplaceAll(state, `"size":10`, `"size":15`))
				})
			})
		}
	})
	require.NoError(t, s.deploy(), s.log.String())
	require.Contains(t, s.log.String(), "the state has moved while waiting for the lock: looking again")
	state, _ := s.cloud.get(t, stateBucket, key)
	require.Contains(t, state, `"size":20`)
}

func TestStackWithoutItsCheckpointIsRefused(t *testing.T) {
	s := newStage(t)
	s.delivered()
	const key = ".pulumi/stacks/messaging/dev.json"
	checkpoint, _ := s.cloud.get(t, stateBucket, key)
	drop := func(part string) {
		for _, k := range s.cloud.keys(t, part) {
			_, err := s.cloud.objects.DeleteObject(stateBucket, k)
			require.NoError(t, err)
		}
	}
	refused := func(trace string) {
		s.Helper()
		s.push()
		_, err := s.deployer(previewRole).Preview(t.Context())
		require.ErrorContains(t, err, "stack messaging: its checkpoint "+key+" is missing from bucket "+stateBucket+", but "+trace)
		require.ErrorContains(t, err, "aws s3api delete-object --bucket "+stateBucket+" --key "+key+" --version-id")
		require.Len(t, s.provider.done(), 2, "nothing is created")
		require.Empty(t, s.cloud.keys(t, key), "and no stack is made")
	}
	drop(key) // the .bak with it
	refused(".pulumi/")
	drop(".pulumi/backups/messaging")
	refused(".pulumi/history/messaging/dev/dev-")
	drop(".pulumi/history/messaging")
	s.cloud.put(t, stateBucket, key+".bak", checkpoint)
	s.push()
	_, err := s.deployer(previewRole).Preview(t.Context())
	require.ErrorContains(t, err, "but "+key+".bak was written at")

	s.cloud.put(t, stateBucket, key, checkpoint)
	require.Equal(t, "2 stacks: no changes", s.delivered().Summary)

	// It is lost between review and deployment.
	s.messaging(20)
	s.preview()
	_, err = s.cloud.objects.DeleteObject(stateBucket, key)
	require.NoError(t, err)
	require.ErrorContains(t, s.deploy(), "is missing from bucket")
	require.Len(t, s.provider.done(), 2)
}

func TestRemovedStackLeavesNothingAndMayComeBack(t *testing.T) {
	testbuild.Long(t)
	s := newStage(t)
	s.delivered()
	s.manifest("", "    remove: true\n")
	s.delivered()
	for _, key := range s.cloud.keys(t, ".pulumi/") {
		require.NotContains(t, key, "orders")
	}
	s.manifest("", "")
	s.delivered()
	require.Equal(t, []string{"delete o", "create o"}, s.provider.done()[2:])

	// What can't be deleted is not passed over in silence.
	s.manifest("", "    remove: true\n")
	s.preview()
	s.cloud.failing(-1, http.StatusForbidden, func(r *http.Request) bool {
		return r.Method == http.MethodDelete && strings.Contains(r.URL.Path, ".pulumi/backups/orders")
	})
	err := s.deploy()
	require.ErrorContains(t, err, ".pulumi/backups/orders")
}

func TestInterruptionIsNoPlanViolation(t *testing.T) {
	s := newStage(t)
	s.write("delivery.yaml", "stacks:\n  - {name: many, path: many}\n")
	s.write("many/Pulumi.yaml", `name: many
runtime: yaml
resources:
  a: {type: aws:test:Thing, properties: {name: a}}
  b: {type: aws:test:Thing, properties: {name: b}, options: {dependsOn: ["${a}"]}}
  c: {type: aws:test:Thing, properties: {name: c}, options: {dependsOn: ["${b}"]}}
`)
	s.preview()
	ctx, stop := context.WithCancel(t.Context())
	s.provider.setHook(func(string, string) error {
		stop()
		return s.provider.untilCanceled()
	})
	err := s.deployer(deployRole).Deploy(ctx)
	require.ErrorContains(t, err, "failed (interrupted")
	require.ErrorContains(t, err, "the run was interrupted and its state was saved")
	require.NotContains(t, err.Error(), remedies[pulumicli.PlanViolated])
	require.Equal(t, []string{"create a"}, s.provider.done())
}

func TestInterruptionWhileWaitingClaimsNothing(t *testing.T) {
	testbuild.Long(t)
	s := newStage(t)
	s.delivered()
	ctx, stop := context.WithCancel(t.Context())
	s.whenLocked(s.lock("messaging"), stop)
	_, err := s.deployer(previewRole).Preview(ctx)
	require.ErrorContains(t, err, "interrupted while waiting for another try")
	require.ErrorContains(t, err, "the stack is locked by ada@elsewhere")
	require.ErrorContains(t, err, "the run was interrupted before it changed anything here")
	require.NotContains(t, err.Error(), "its state was saved")
	require.NotContains(t, err.Error(), remedies[pulumicli.Locked])
}

// What docs/deployment.md says under "A killed update", for an operation that
// did not happen.
func TestKilledUpdateIsSettledAsTheGuideSays(t *testing.T) {
	testbuild.Long(t)
	s := newStage(t)
	s.preview()
	pid := s.stub()
	s.provider.setHook(func(string, string) error { return errors.Join(kill(pid), errors.New("killed")) })
	require.Error(t, s.deploy())
	s.provider.setHook(nil)
	for _, key := range s.cloud.keys(t, ".pulumi/locks/") {
		_, err := s.cloud.objects.DeleteObject(stateBucket, key)
		require.NoError(t, err)
	}
	require.ErrorContains(t, s.deploy(), "was killed in the middle of creating")

	dir := t.TempDir() // no project is needed
	pulumi := func(args ...string) {
		cmd := exec.CommandContext(t.Context(), s.pulumi, append(args, "--stack", "organization/messaging/dev")...)
		cmd.Dir, cmd.Env = dir, append(s.env, "PULUMI_BACKEND_URL="+s.settings("").Backend())
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	pulumi("stack", "export", "--file", "state.json")
	file := filepath.Join(dir, "state.json")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var doc struct {
		Version    int            `json:"version"`
		Deployment map[string]any `json:"deployment"`
	}
	require.NoError(t, json.Unmarshal(text, &doc))
	require.Contains(t, doc.Deployment, "pending_operations")
	delete(doc.Deployment, "pending_operations")
	text, err = json.Marshal(doc)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, text, 0o600))
	pulumi("stack", "import", "--file", "state.json")

	s.delivered()
	require.Equal(t, []string{"create m", "create o"}, s.provider.done())
}

// kill ends the process whose id a file holds, at once.
func kill(pidFile string) error {
	text, err := os.ReadFile(pidFile)
	if err != nil {
		return err
	}
	id, err := strconv.Atoi(strings.TrimSpace(string(text)))
	return errors.Join(err, syscall.Kill(id, syscall.SIGKILL))
}
