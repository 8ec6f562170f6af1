package services

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"delivery.internal/lib/aws/apierr"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

// SourceHost serves the archives of repositories.
type SourceHost interface {
	// Archive returns the files of a repository, as a zip archive, at a commit
	// or at the head of a branch, and the commit.
	Archive(ctx context.Context, repository, commitOrBranch string) (zip []byte, commit string, err error)
	// Describe returns the message and the time of a commit.
	Describe(repository, commit string) (message string, authored time.Time, ok bool)
}

// Options say what the services work with.
type Options struct {
	// Endpoint is the URL of the local cloud's APIs, the AWS_ENDPOINT_URL of
	// functions and builds.
	Endpoint string
	// Providers opens the providers for a build's credentials and returns the
	// value of PULUMI_DEBUG_PROVIDERS. nil attaches none.
	Providers func(*cloud.Session) (debugProviders string, stop func(), err error)
	// Path are the folders of programs that stand for those of the build image.
	Path []string
	// WorkDir is where builds and functions have their files.
	WorkDir string
	// Source serves the repositories behind connections.
	Source SourceHost
	// Env is the extra environment of builds, as NAME=value.
	Env []string
	// Grace is how long a build that is stopped may take after its interrupt.
	Grace time.Duration
}

// defaultGrace is long enough for an engine to finish a running operation.
const defaultGrace = 30 * time.Second

// Emulator runs the services of the local cloud. What they keep of a resource
// is in the cloud, and is guarded here.
type Emulator struct {
	// Registry takes the images of builds that run docker.
	Registry *Registry

	cloud *cloud.Cloud
	o     Options
	ctx   context.Context
	stop  context.CancelFunc
	tasks sync.WaitGroup
	creds *credentialServer

	mu      sync.Mutex
	closed  bool
	changed chan struct{} // closed, and replaced, at every change
	busy    int           // running tasks
	waiters map[*waiter]bool

	// Builds stay when their project goes: see
	// https://docs.aws.amazon.com/codebuild/latest/APIReference/API_DeleteProject.html
	builds        map[string]*build // by id
	notifications []Notification    // what people have got stays with them
}

// waiter is a task that waits for a person or for another execution.
type waiter struct {
	ctx   context.Context
	ready func() bool
}

// New starts the services of a local cloud.
func New(c *cloud.Cloud, o Options) *Emulator {
	if o.Grace == 0 {
		o.Grace = defaultGrace
	}
	if o.WorkDir == "" {
		o.WorkDir = filepath.Join(os.TempDir(), "rehearsal")
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &Emulator{
		cloud: c, o: o, ctx: ctx, stop: stop,
		changed: make(chan struct{}), waiters: map[*waiter]bool{}, builds: map[string]*build{},
		creds: &credentialServer{cloud: c, builds: map[string]*buildCredentials{}},
	}
	r.Registry = NewRegistry(c, r)
	c.OnChange(r.observe)
	return r
}

// Close stops everything that runs, and waits until it has ended.
func (r *Emulator) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil
	}
	r.closed = true
	r.mu.Unlock()
	r.stop()
	r.endFunctions()
	r.tasks.Wait()
	return r.creds.close()
}

// Idle waits until nothing happens any more: what is left waits for a person.
func (r *Emulator) Idle(ctx context.Context) error {
	err := r.await(ctx, r.quiet)
	if err != nil {
		return fmt.Errorf("the local cloud is still busy: %w", err)
	}
	return nil
}

// quiet is called with the lock held.
func (r *Emulator) quiet() bool {
	if r.busy != len(r.waiters) {
		return false
	}
	for w := range r.waiters {
		if w.ready() || w.ctx.Err() != nil {
			return false // it has only not woken up yet
		}
	}
	return true
}

// spawn runs a task in the background; false means that the cloud is closed.
func (r *Emulator) spawn(f func(context.Context)) bool {
	end, ok := r.begin()
	if !ok {
		return false
	}
	go func() {
		defer end()
		f(r.ctx)
	}()
	return true
}

// begin counts the caller as a running task until it calls end.
func (r *Emulator) begin() (end func(), ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, false
	}
	r.busy++
	r.tasks.Add(1)
	return func() {
		r.change(func() { r.busy-- })
		r.tasks.Done()
	}, true
}

// change changes the state under the lock and wakes who waits for it.
func (r *Emulator) change(f func()) {
	r.mu.Lock()
	f()
	close(r.changed)
	r.changed = make(chan struct{})
	r.mu.Unlock()
}

// await waits until ready, which is called with the lock held, returns true.
func (r *Emulator) await(ctx context.Context, ready func() bool) error {
	for {
		r.mu.Lock()
		ok, changed := ready(), r.changed
		r.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// errQuiet ends a wait for what nothing can bring about any more.
var errQuiet = errors.New("nothing is running any more")

// settle is await for a caller outside: it gives up when nothing runs that
// could still make it ready.
func (r *Emulator) settle(ctx context.Context, ready func() bool) error {
	done := false
	err := r.await(ctx, func() bool {
		done = ready()
		return done || r.quiet()
	})
	if err == nil && !done {
		return errQuiet
	}
	return err
}

// pause is await for a task that does nothing meanwhile: Idle does not wait
// for it.
func (r *Emulator) pause(ctx context.Context, ready func() bool) error {
	w := &waiter{ctx, ready}
	r.change(func() { r.waiters[w] = true })
	// Leaving is a change of its own: until then, a waiter that is ready
	// counts as busy.
	defer r.change(func() { delete(r.waiters, w) })
	return r.await(ctx, ready)
}

// Wake makes everything that waits look at the clock again: for tests that
// moved it.
func (r *Emulator) Wake() { r.change(func() {}) }

// note writes to the journal.
func (r *Emulator) note(kind, subject string, fields map[string]any, format string, args ...any) {
	r.cloud.Journal.Add(cloud.Event{Kind: kind, Subject: subject, Message: fmt.Sprintf(format, args...), Fields: fields})
}

// observe reacts to what is deployed and removed.
func (r *Emulator) observe(change cloud.Change, res *cloud.Resource) {
	switch res.Type {
	case typetoken.Pipeline:
		r.pipelineChanged(change, res)
	case typetoken.Function:
		if change == cloud.Updated {
			r.functionData(res).renew()
		}
	case typetoken.MetricAlarm:
		if change != cloud.Deleted {
			r.evaluateAlarm(res)
		}
	}
}

// settings reads a resource's inputs into a struct with JSON tags. Fields that
// the struct does not have are left out.
func settings[T any](res *cloud.Resource) (T, error) {
	var out T
	text, err := json.Marshal(res.Inputs)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		return out, fmt.Errorf("%s %s can't be read: %w", res.Type, res.ID, err)
	}
	return out, nil
}

// source is the context that a service sends along when it acts for a
// resource: against the confused deputy.
func source(resourceARN, account string) map[string][]string {
	return map[string][]string{"aws:SourceArn": {resourceARN}, "aws:SourceAccount": {account}}
}

func fail(code, format string, args ...any) error {
	return apierr.BadRequest(code, format, args...)
}

// codeOf is the code that a service would give for an error.
func codeOf(err error) string {
	var denied *cloud.Denied
	switch {
	case apierr.CodeOf(err) != "":
		return apierr.CodeOf(err)
	case errors.As(err, &denied):
		return "AccessDeniedException"
	}
	return "InternalError"
}
