package services

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"delivery.internal/lib/aws/buildspec"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/awsapi"
	"delivery.internal/lib/rehearsal/cloud"
)

const codebuildService = "codebuild.amazonaws.com"

// Build states, as CodeBuild names them.
const (
	buildInProgress = "IN_PROGRESS"
	buildSucceeded  = "SUCCEEDED"
	buildFailed     = "FAILED"
	buildStopped    = "STOPPED"
	buildTimedOut   = "TIMED_OUT"
)

// defaultTimeout is how long a build may take where the project does not say.
const defaultTimeout = time.Hour

// projectSettings are the inputs of a project.
type projectSettings struct {
	Name    string  `json:"name"`
	Role    string  `json:"serviceRole"`
	Key     string  `json:"encryptionKey"`
	Timeout float64 `json:"buildTimeout"`
	Source  struct {
		Type      string `json:"type"`
		Location  string `json:"location"`
		Buildspec string `json:"buildspec"`
	} `json:"source"`
	Environment struct {
		Image       string                `json:"image"`
		Type        string                `json:"type"`
		Credentials string                `json:"imagePullCredentialsType"`
		Privileged  bool                  `json:"privilegedMode"`
		Variables   []environmentVariable `json:"environmentVariables"`
	} `json:"environment"`
	Logs struct {
		CloudWatch struct {
			Status string `json:"status"`
			Group  string `json:"groupName"`
			Stream string `json:"streamName"`
		} `json:"cloudwatchLogs"`
	} `json:"logsConfig"`
}

func (s projectSettings) timeout() time.Duration {
	if s.Timeout == 0 {
		return defaultTimeout
	}
	return time.Duration(s.Timeout * float64(time.Minute))
}

func (s projectSettings) logGroup() string {
	if s.Logs.CloudWatch.Group != "" {
		return s.Logs.CloudWatch.Group
	}
	return "/aws/codebuild/" + s.Name
}

// buildRequest is what a build is started with, beyond its project.
type buildRequest struct {
	initiator    string
	fromPipeline bool
	environment  []environmentVariable
	inputs       []Artifact
	primary      string
	output       *Artifact
	keyARN       string
	commit       string
	summary      string
}

// Build is a build of CodeBuild.
type Build struct {
	ID, ARN, Project, Account string
	Number                    int
	Status, Phase             string
	Initiator                 string
	LogGroup, Stream          string
	Started, Ended            time.Time
	Phases                    []BuildPhase
	// Exported are the exported variables that the build set.
	Exported map[string]string
	// Reason says why it did not succeed.
	Reason string
}

// BuildPhase is a phase that a build has gone through.
type BuildPhase struct {
	Name, Status, Message string
	Started, Ended        time.Time
}

// failedPhase is the phase that failed first.
func (b Build) failedPhase() string {
	for _, p := range b.Phases {
		if p.Status != buildSucceeded {
			return p.Name
		}
	}
	return b.Phase
}

// build is a running Build. The public part is guarded by the emulator's lock.
type build struct {
	Build
	emulator *Emulator
	settings projectSettings
	request  buildRequest
	ctx      context.Context
	cancel   context.CancelCauseFunc

	// Of the goroutine that runs it:
	session *cloud.Session
	dir     string
	sources map[string]string // folder by artifact
	spec    buildspec.Spec
	env     []string
	shell   *shell
	written []Artifact
	stops   []func()
	// failing says that a phase has failed and the build goes on.
	failing error
}

var (
	errStopped  = errors.New("the build was stopped")
	errTimedOut = errors.New("the build has timed out")
)

// snapshot copies the public part.
func (b *build) snapshot(r *Emulator) Build {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := b.Build
	c.Phases = append([]BuildPhase(nil), c.Phases...)
	c.Exported = maps.Clone(c.Exported)
	return c
}

// StartBuild implements awsapi.Backend.
func (r *Emulator) StartBuild(_ context.Context, account, project string) (awsapi.Build, error) {
	b, err := r.startBuild(account, project, buildRequest{initiator: "user"})
	if err != nil {
		return awsapi.Build{}, err
	}
	return b.snapshot(r).api(), nil
}

// FindBuild implements awsapi.Backend.
func (r *Emulator) FindBuild(id string) (awsapi.Build, bool) {
	b, ok := r.Build(id)
	return b.api(), ok
}

func (b Build) api() awsapi.Build {
	return awsapi.Build{ID: b.ID, ARN: b.ARN, Project: b.Project, Status: b.Status, Phase: b.Phase, LogGroup: b.LogGroup, Stream: b.Stream, Started: b.Started, Ended: b.Ended, Exported: b.Exported}
}

// Build returns a build by its id or ARN.
func (r *Emulator) Build(id string) (Build, bool) {
	if _, after, ok := strings.Cut(id, ":build/"); ok {
		id = after
	}
	r.mu.Lock()
	b := r.builds[id]
	r.mu.Unlock()
	if b == nil {
		return Build{}, false
	}
	return b.snapshot(r), true
}

// RunningBuilds returns the builds that have not ended.
func (r *Emulator) RunningBuilds() []Build {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Build
	for _, b := range r.builds {
		if b.Status == buildInProgress {
			out = append(out, b.Build)
		}
	}
	return out
}

// StopBuild interrupts a build.
func (r *Emulator) StopBuild(id string) error {
	r.mu.Lock()
	b := r.builds[id]
	r.mu.Unlock()
	if b == nil {
		return fail("ResourceNotFoundException", "the build %s does not exist", id)
	}
	b.cancel(errStopped)
	return nil
}

// startBuild starts a build of a deployed project.
func (r *Emulator) startBuild(account, project string, request buildRequest) (*build, error) {
	res := r.cloud.Get(account, typetoken.Project, project)
	if res == nil {
		res = r.cloud.First(account, typetoken.Project, func(p *cloud.Resource) bool { return p.Name == project })
	}
	if res == nil {
		return nil, fail("ResourceNotFoundException", "Project cannot be found: %s", cloud.ARN("codebuild", account, "project/"+project))
	}
	s, err := settings[projectSettings](res)
	if err != nil {
		return nil, err
	}
	if request.fromPipeline != (s.Source.Type == "CODEPIPELINE") {
		return nil, fail("InvalidInputException", "the project %s has the source type %s: a pipeline, and only a pipeline, needs CODEPIPELINE", project, s.Source.Type)
	}
	id := newID()
	ctx, cancel := context.WithCancelCause(r.ctx)
	b := &build{
		Build: Build{
			ID: project + ":" + id, ARN: cloud.ARN("codebuild", account, "build/"+project+":"+id), Project: project, Account: account,
			Status: buildInProgress, Phase: "SUBMITTED", Initiator: request.initiator, Started: r.cloud.Now(),
			LogGroup: s.logGroup(), Stream: id,
		},
		emulator: r, settings: s, request: request, ctx: ctx, cancel: cancel, sources: map[string]string{},
	}
	if stream := s.Logs.CloudWatch.Stream; stream != "" {
		b.Stream = stream + "/" + id
	}
	r.change(func() {
		number := cloud.DataOf(r.cloud, res, func() *int { return new(int) })
		*number++
		b.Number = *number
		r.builds[b.ID] = b
	})
	b.event(buildInProgress, "started by "+request.initiator)
	if !r.spawn(func(context.Context) { b.run() }) {
		return nil, errors.New("the local cloud is closed")
	}
	return b, nil
}

// event tells of the build's state.
func (b *build) event(status, text string) {
	phase := b.phaseName()
	b.emulator.note("build", b.Project, map[string]any{"build": b.ID, "state": status, "phase": phase, "initiator": b.Initiator}, "build %d %s: %s", b.Number, strings.ToLower(status), text)
	b.emulator.EmitAWS(b.Account, "aws.codebuild", "CodeBuild Build State Change", []string{b.ARN}, map[string]any{
		"build-status": status, "project-name": b.Project, "build-id": b.ARN, "current-phase": phase, "current-phase-context": "[]", "version": "1",
		"additional-information": map[string]any{
			"build-number": b.Number, "initiator": b.Initiator, "build-complete": status != buildInProgress,
			"build-start-time": b.Started.UTC().Format("Jan 2, 2006 3:04:05 PM"),
			"logs":             map[string]any{"group-name": b.LogGroup, "stream-name": b.Stream},
			"environment":      map[string]any{"image": b.settings.Environment.Image, "type": b.settings.Environment.Type, "privileged-mode": b.settings.Environment.Privileged},
		},
	})
}

// run takes the build through its phases. See "Build phase transitions".
func (b *build) run() {
	ctx, stop := context.WithTimeoutCause(b.ctx, b.settings.timeout(), errTimedOut)
	defer stop()
	err := b.steps(ctx)
	b.clean()
	status := buildSucceeded
	switch cause := context.Cause(ctx); {
	case err == nil:
	case errors.Is(cause, errTimedOut):
		status, err = buildTimedOut, fail("BUILD_TIMED_OUT", "the build took longer than %s", b.settings.timeout())
	case cause != nil:
		status, err = buildStopped, errStopped
	default:
		status = buildFailed
	}
	b.emulator.change(func() {
		b.Status, b.Phase, b.Ended = status, "COMPLETED", b.emulator.cloud.Now()
		if err != nil {
			b.Reason = err.Error()
		}
	})
	if err == nil {
		b.event(status, b.request.summary)
	} else {
		b.event(status, err.Error())
	}
}

func (b *build) steps(ctx context.Context) error {
	if err := b.phase("PROVISIONING", b.provision); err != nil {
		return err
	}
	if err := b.phase("DOWNLOAD_SOURCE", b.download); err != nil {
		return err
	}
	if err := b.prepare(); err != nil {
		return err
	}
	for _, name := range buildspec.Phases {
		goOn, err := b.commands(ctx, name)
		if !goOn {
			return err
		}
	}
	// Artifacts are uploaded even if the build has failed.
	err := b.phase("UPLOAD_ARTIFACTS", func() error { return b.upload(ctx) })
	if b.failing != nil {
		return b.failing
	}
	return err
}

// phase records a phase.
func (b *build) phase(name string, f func() error) error {
	b.emulator.change(func() {
		b.Phase = name
		b.Phases = append(b.Phases, BuildPhase{Name: name, Status: buildInProgress, Started: b.emulator.cloud.Now()})
	})
	err := f()
	b.emulator.change(func() {
		p := &b.Phases[len(b.Phases)-1]
		p.Status, p.Ended = buildSucceeded, b.emulator.cloud.Now()
		if err != nil {
			p.Status, p.Message = buildFailed, err.Error()
		}
	})
	if err != nil {
		b.log("Phase complete: " + name + " State: FAILED: " + err.Error())
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// log writes a line to the build's log. A build without a log does not run.
func (b *build) log(line string) {
	if b.session != nil {
		b.emulator.note("buildlog", b.Project, map[string]any{"build": b.ID, "phase": b.phaseName(), "group": b.LogGroup}, "%s", line)
	}
}

func (b *build) phaseName() string {
	b.emulator.mu.Lock()
	defer b.emulator.mu.Unlock()
	return b.Phase
}

// commands runs a phase of the buildspec. goOn says whether the next one runs:
// after a failed build phase post_build still does, unless on-failure is ABORT.
func (b *build) commands(ctx context.Context, name string) (goOn bool, err error) {
	p, ok := b.spec.Phases[name]
	if !ok {
		return true, nil
	}
	err = b.phase(strings.ToUpper(name), func() error { return b.runCommands(ctx, p) })
	if err == nil {
		return true, nil
	}
	if ctx.Err() != nil {
		return false, err
	}
	if b.failing == nil {
		b.failing = err
	}
	late := name == "build" || name == "post_build"
	if p.OnFailure == "ABORT" || p.OnFailure == "" && !late {
		return false, b.failing
	}
	_, err = b.shell.run(ctx, "export CODEBUILD_BUILD_SUCCEEDING=0")
	return err == nil, err
}

func (b *build) runCommands(ctx context.Context, p buildspec.Phase) error {
	err := b.runList(ctx, p.Commands)
	return errors.Join(err, b.runList(ctx, p.Finally))
}

func (b *build) runList(ctx context.Context, commands []string) error {
	for _, c := range commands {
		b.log("Running command " + c)
		code, err := b.shell.run(ctx, c)
		if err != nil {
			return err
		}
		if code != 0 {
			return fail("COMMAND_EXECUTION_ERROR", "Error while executing command: %s. Reason: exit status %d", c, code)
		}
	}
	return nil
}

// upload writes the artifact with the build's role, after it has read what the
// build exports.
func (b *build) upload(ctx context.Context) error {
	exported, err := b.shell.values(ctx, b.spec.Env.Exported)
	if err != nil {
		return err
	}
	b.emulator.change(func() { b.Exported = exported })
	if b.request.output == nil {
		return nil
	}
	if b.spec.Artifacts == nil {
		return fail("CLIENT_ERROR", "the buildspec has no artifacts, but the pipeline wants %s", b.request.output.Name)
	}
	data, err := packArtifacts(*b.spec.Artifacts, b.source())
	if err != nil {
		return err
	}
	at := *b.request.output
	if at.KMSKey == "" {
		at.KMSKey = b.settings.Key
	}
	if err := b.emulator.putObject(b.session, at, data, "s3:PutObject"); err != nil {
		return err
	}
	b.written = append(b.written, at)
	return nil
}

// tmp is the folder for temporary files.
func (b *build) tmp() string { return filepath.Join(b.dir, "tmp") }

// source is the folder of the primary source.
func (b *build) source() string { return b.sources[b.request.primary] }

// clean ends what the build has left running, and removes its files.
func (b *build) clean() {
	if b.shell != nil {
		b.shell.close()
		// A program may have lost the variables of CodeBuild, but hardly its
		// temporary folder.
		sweep("CODEBUILD_BUILD_ARN="+b.ARN, "TMPDIR="+b.tmp())
	}
	b.emulator.creds.remove(b.credentialsID())
	for _, stop := range b.stops {
		stop()
	}
	if b.dir == "" {
		return
	}
	// Go's module cache is read-only; a build may have made one.
	_ = filepath.WalkDir(b.dir, func(p string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = os.Chmod(p, 0o755)
		}
		return nil
	})
	_ = os.RemoveAll(b.dir) // a leftover in the work folder harms nobody
}
