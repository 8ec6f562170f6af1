package services

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/rehearsal/cloud"
)

// play runs a buildspec over files, as a build of a pipeline.
func (p *platform) play(spec string, files map[string]string, inputs props, change ...func(*buildRequest)) (Build, map[string]string) {
	p.t.Helper()
	p.project("preview", spec, inputs)
	in := Artifact{Name: "Source", Bucket: "artifacts", Key: "in", KMSKey: keyARN}
	require.NoError(p.t, p.c.Objects.Put("artifacts", "in", zippedFiles(files)))
	out := Artifact{Name: "Out", Bucket: "artifacts", Key: "out", KMSKey: keyARN}
	request := buildRequest{fromPipeline: true, initiator: "test", inputs: []Artifact{in}, primary: "Source", output: &out}
	for _, f := range change {
		f(&request)
	}
	b, err := p.startBuild(account, "preview", request)
	require.NoError(p.t, err)
	require.NoError(p.t, p.await(p.t.Context(), func() bool { return b.Status != buildInProgress }))
	data, err := p.c.Objects.Get("artifacts", "out")
	if err != nil {
		return b.snapshot(p.Emulator), nil
	}
	return b.snapshot(p.Emulator), unzipped(p.t, data)
}

func (p *platform) buildLog() string { return strings.Join(p.said("buildlog"), "\n") }

func TestTheShellLastsFromCommandToCommand(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	b, out := p.play(`
version: 0.2
env:
  variables: {GREETING: "from the spec", FROM_PROJECT: spec}
  exported-variables: [LATER, MULTI, NEVER]
phases:
  install:
    commands:
      - cd deep; export LATER=1; plain=2; shout() { echo "$@!"; }
  build:
    commands:
      - shout "$(basename "$PWD")" "$LATER" "$plain" "$GREETING" "$FROM_PROJECT"
      - |
        MULTI="a
        b"
        export MULTI
      - (exit 0) && echo "nothing on stdin:$(cat)"
      - echo kept > "$CODEBUILD_SRC_DIR/result"
artifacts:
  files: [result]
`, map[string]string{"deep/x": ""}, nil)
	require.Equal(t, buildSucceeded, b.Status, b.Reason)
	require.Equal(t, map[string]string{"result": "kept\n"}, out)
	require.Equal(t, "1", b.Exported["LATER"])
	require.Equal(t, "a\nb", b.Exported["MULTI"])
	require.NotContains(t, b.Exported, "NEVER")
	require.Contains(t, p.buildLog(), "deep 1 2 from the spec project!", "the project's variables win over the buildspec's")
	require.Contains(t, p.buildLog(), "nothing on stdin:")
}

func TestPhasesAfterAFailure(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		spec, phases string
	}{
		"build goes on to post_build": {"build: {commands: [exit 3]}\n  post_build: {commands: ['echo ok=$CODEBUILD_BUILD_SUCCEEDING']}", "PROVISIONING DOWNLOAD_SOURCE BUILD POST_BUILD UPLOAD_ARTIFACTS"},
		"ABORT ends it":               {"build: {on-failure: ABORT, commands: [exit 3]}\n  post_build: {commands: [echo never]}", "PROVISIONING DOWNLOAD_SOURCE BUILD"},
		"install ends it":             {"install: {commands: [exit 3]}\n  build: {commands: [echo never]}", "PROVISIONING DOWNLOAD_SOURCE INSTALL"},
		"CONTINUE goes on":            {"install: {on-failure: CONTINUE, commands: [exit 3]}\n  build: {commands: [echo ok=$CODEBUILD_BUILD_SUCCEEDING]}", "PROVISIONING DOWNLOAD_SOURCE INSTALL BUILD UPLOAD_ARTIFACTS"},
		"set -e":                      {"build: {commands: ['set -e; false; echo never', echo never]}", "PROVISIONING DOWNLOAD_SOURCE BUILD UPLOAD_ARTIFACTS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t)
			b, _ := p.play("version: 0.2\nphases:\n  "+tc.spec+"\n", map[string]string{"x": ""}, nil, func(r *buildRequest) { r.output = nil })
			require.Equal(t, buildFailed, b.Status)
			var phases []string
			for _, ph := range b.Phases {
				phases = append(phases, ph.Name)
			}
			require.Equal(t, tc.phases, strings.Join(phases, " "))
			require.NotContains(t, p.said("buildlog"), "never")
			if strings.Contains(tc.spec, "ok=") {
				require.Contains(t, p.said("buildlog"), "ok=0")
			}
		})
	}
}

func TestFinallyAlwaysRuns(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	b, _ := p.play("version: 0.2\nphases:\n  build:\n    commands: [export A=1, exit 3, echo never]\n    finally: ['echo finally $A']\n", map[string]string{"x": ""}, nil)
	require.Equal(t, buildFailed, b.Status)
	require.Contains(t, p.said("buildlog"), "finally 1", "the exports of a shell that has ended are known to the next")
}

func TestABuildSeesOnlyWhatCodeBuildGives(t *testing.T) {
	t.Setenv("SECRET_OF_THIS_MACHINE", "x")
	opened := ""
	p := newPlatform(t, func(o *Options) {
		o.Path, o.Env = []string{"/opt/tools"}, []string{"EXTRA=1"}
		o.Providers = func(s *cloud.Session) (string, func(), error) {
			opened = s.ARN()
			return "aws:1", func() { opened += " closed" }, nil
		}
	})
	b, out := p.play("version: 0.2\nphases:\n  build:\n    commands: ['env > env; curl --version >/dev/null 2>&1; true']\nartifacts:\n  files: [env]\n", map[string]string{"x": ""}, nil,
		func(r *buildRequest) { r.environment = []environmentVariable{{"COMMIT", "abc", "PLAINTEXT"}} })
	require.Equal(t, buildSucceeded, b.Status, b.Reason)
	env := "\n" + out["env"]
	for _, want := range []string{"AWS_REGION=us-east-1", "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:", "AWS_CONTAINER_AUTHORIZATION_TOKEN=", "CODEBUILD_BUILD_ID=preview:",
		"CODEBUILD_SRC_DIR=", "PULUMI_DEBUG_PROVIDERS=aws:1", "EXTRA=1", "PATH=/opt/tools:", "COMMIT=abc", "FROM_PROJECT=project", "CODEBUILD_INITIATOR=test", "AWS_ENDPOINT_URL=http"} {
		require.Contains(t, env, "\n"+want)
	}
	require.NotContains(t, env, "SECRET_OF_THIS_MACHINE")
	require.NotContains(t, env, "AWS_SECRET_ACCESS_KEY")
	require.Contains(t, opened, "assumed-role/preview-role/AWSCodeBuild-")
	require.Contains(t, opened, " closed")
	entries, err := os.ReadDir(p.o.WorkDir)
	require.NoError(t, err)
	require.Empty(t, entries, "nothing is left of a build")
}

func TestTheCredentialsOfABuild(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	role := p.world.role("r", codebuildService)
	session, err := p.c.Issue(role, "one", 10*time.Minute)
	require.NoError(t, err)
	env, err := p.creds.add("id", &buildCredentials{session: session, renew: func() (*cloud.Session, error) { return p.c.Issue(role, "two", time.Hour) }})
	require.NoError(t, err)
	get := func(token string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.TrimPrefix(env[0], "AWS_CONTAINER_CREDENTIALS_FULL_URI="), nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", token)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(text)
	}
	status, _ := get("wrong")
	require.Equal(t, 403, status)
	status, text := get(strings.TrimPrefix(env[1], "AWS_CONTAINER_AUTHORIZATION_TOKEN="))
	require.Equal(t, 200, status)
	var got struct{ AccessKeyId string } //nolint:revive // AWS's spelling
	require.NoError(t, json.Unmarshal([]byte(text), &got))
	require.Equal(t, "two", p.c.Session(got.AccessKeyId).Name, "what ends soon is renewed")
}

func TestStoppingABuildInterruptsIt(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	started := make(chan string, 1)
	p.c.Journal.Listen(func(e cloud.Event) {
		if e.Kind == "buildlog" && e.Message == "at work" {
			started <- e.Fields["build"].(string)
		}
	})
	go func() { _ = p.StopBuild(<-started) }()
	b, _ := p.play(`
version: 0.2
phases:
  build:
    commands:
      - |
        trap 'echo interrupted; exit 130' INT
        echo at work
        while :; do read -t 60 < <(:) || read -t 1 <> <(:); done
  post_build:
    commands: [echo never]
`, map[string]string{"x": ""}, nil)
	require.Equal(t, buildStopped, b.Status)
	require.Contains(t, p.said("buildlog"), "interrupted")
	require.NotContains(t, p.said("buildlog"), "never")
}

func TestClosingTheCloudLeavesNoProcess(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, func(o *Options) { o.Grace = time.Nanosecond })
	started := make(chan struct{}, 2)
	p.c.Journal.Listen(func(e cloud.Event) {
		if e.Kind == "buildlog" && strings.HasPrefix(e.Message, "pid ") {
			started <- struct{}{}
		}
	})
	// One child is in the shell's group, one has left it, as the engine does.
	p.project("preview", `
version: 0.2
phases:
  build:
    commands:
      - trap '' INT; sleep 1000 & echo pid $!; setsid sh -c 'echo pid $$; exec sleep 1000' & wait
`, nil)
	require.NoError(t, p.c.Objects.Put("artifacts", "in", zippedFiles(map[string]string{"x": ""})))
	_, err := p.startBuild(account, "preview", buildRequest{fromPipeline: true, inputs: []Artifact{{Name: "Source", Bucket: "artifacts", Key: "in"}}, primary: "Source"})
	require.NoError(t, err)
	<-started
	<-started
	require.NoError(t, p.Close())
	for _, line := range p.said("buildlog", "pid ") {
		if !strings.HasPrefix(line, "pid ") {
			continue
		}
		state, err := os.ReadFile(filepath.Join("/proc", strings.TrimPrefix(line, "pid "), "stat"))
		if err == nil { // a killed child may wait to be reaped by the machine's init
			require.Contains(t, string(state), ") Z ")
		}
	}
}

func TestABuildThatTakesTooLong(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	b, _ := p.play("version: 0.2\nphases:\n  build:\n    commands: [sleep 1000]\n", map[string]string{"x": ""}, props{"buildTimeout": 0.001})
	require.Equal(t, buildTimedOut, b.Status)
}

func TestBuildspecsThatAreRefused(t *testing.T) {
	t.Parallel()
	const head = "version: 0.2\nphases: {build: {commands: [x]}}\n"
	for spec, text := range map[string]string{
		"version: 0.2": "phases is missing",
		"version: 0.1\nphases: {build: {commands: [x]}}":                    "version 0.1",
		"version: 0.2\nphases: {build: {on-failure: RETRY, commands: [x]}}": "RETRY",
		"version: 0.2\nphases: {build: {run-as: me, commands: [x]}}":        "run-as of the phase build",
		head + "run-as: me":                                           "run-as",
		head + "env: {shell: sh}":                                     "env.shell",
		head + "env: {parameter-store: {A: b}}":                       "parameter-store",
		head + "env: {secrets-manager: {A: b}}":                       "secrets-manager",
		head + "env: {git-credential-helper: yes}":                    "git-credential-helper",
		head + "reports: {a: {files: [b]}}":                           "reports",
		head + "cache: {paths: [a]}":                                  "cache",
		head + "artifacts: {files: [a], secondary-artifacts: {b: 1}}": "secondary-artifacts",
		head + "artifacts: {files: [a], name: b}":                     "artifacts.name",
		head + "artifacts: {files: [a], s3-prefix: b}":                "artifacts.s3-prefix",
	} {
		_, err := parseBuildspec(spec)
		require.ErrorContains(t, err, text, spec)
	}
}

func TestGlobs(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		glob, name string
		want       bool
	}{
		{"**/*", "a", true}, {"**/*", "deep/er/.hidden", true}, {"*", "a", true}, {"*", "a/b", false}, {"a/**/b", "a/b", true}, {"a/**/b", "a/x/y/b", true},
		{"*.txt", "a.txt", true}, {"*.txt", "atxt", false}, {"a?", "ab", true}, {"./a", "a", true}, {"a/**", "a/b/c", true},
	} {
		require.Equal(t, tc.want, glob(tc.glob).MatchString(tc.name), "%s %s", tc.glob, tc.name)
	}
}

func TestArtifactsMustExist(t *testing.T) {
	t.Parallel()
	for name, artifacts := range map[string]string{"none": "", "no match": "artifacts: {files: [missing]}", "no folder": "artifacts: {base-directory: missing, files: ['**/*']}"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t)
			b, _ := p.play("version: 0.2\nphases: {build: {commands: ['true']}}\n"+artifacts, map[string]string{"x": ""}, nil)
			require.Equal(t, buildFailed, b.Status)
			require.Contains(t, b.Reason, "UPLOAD_ARTIFACTS")
		})
	}
}

func TestAnArchiveCantLeaveItsFolder(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, unzip(zippedFiles(map[string]string{"../x": ""}), t.TempDir()), "outside of its folder")
}
