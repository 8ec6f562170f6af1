package operator

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"delivery.internal/lib/contract"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/rehearsal"
	"delivery.internal/lib/rehearsal/cloud"
	"delivery.internal/lib/rehearsal/services"
)

// Question is what a person is asked before an environment is deployed to.
type Question struct {
	Environment                       naming.Environment
	Pipeline, Commit, Summary, Digest string
	// Diff is the readable diff of the preview.
	Diff string
}

func (o *Operator) pipeline(env naming.Environment) string {
	return o.rig.Names(env).Of(naming.Pipeline)
}

// Runs returns the executions of an environment's pipeline, oldest first.
func (o *Operator) Runs(env naming.Environment) []services.Execution {
	return o.rig.Services.Executions(o.pipeline(env))
}

// RunsOf returns the executions for a commit.
func (o *Operator) RunsOf(env naming.Environment, commit string) []services.Execution {
	var out []services.Execution
	for _, e := range o.Runs(env) {
		if e.Variables[contract.VarCommit] == commit {
			out = append(out, e)
		}
	}
	return out
}

func ended(e services.Execution) bool { return e.Status != services.InProgress }

// WaitForEnd waits for the end of an environment's execution for a commit.
func (o *Operator) WaitForEnd(ctx context.Context, env naming.Environment, commit string) (services.Execution, error) {
	return o.rig.Services.Wait(ctx, o.pipeline(env), func(e services.Execution) bool {
		return e.Variables[contract.VarCommit] == commit && ended(e)
	})
}

// WaitForDeployment is WaitForEnd for an execution that must succeed.
func (o *Operator) WaitForDeployment(ctx context.Context, env naming.Environment, commit string) (services.Execution, error) {
	e, err := o.WaitForEnd(ctx, env, commit)
	if err != nil {
		return e, err
	}
	if e.Status != services.Succeeded {
		return e, fmt.Errorf("%s has %s: %s%s", e.Pipeline, e.Status, e.Reason, o.lastWords(e))
	}
	return e, nil
}

// BuildLog are the lines that the builds of an execution wrote, of those
// actions that match.
func (o *Operator) BuildLog(e services.Execution, match func(services.ActionRun) bool) []string {
	builds := map[any]bool{}
	for _, s := range e.Stages {
		for _, a := range s.Actions {
			builds[a.External] = a.External != "" && match(a)
		}
	}
	var lines []string
	for _, line := range o.rig.Cloud.Journal.Events("buildlog") {
		if builds[line.Fields["build"]] {
			lines = append(lines, line.Message)
		}
	}
	return lines
}

// lastWords are the last lines of the builds that failed in an execution.
func (o *Operator) lastWords(e services.Execution) string {
	const most = 5
	lines := o.BuildLog(e, func(a services.ActionRun) bool { return a.Error != "" })
	lines = slices.DeleteFunc(lines, func(line string) bool { return strings.TrimSpace(line) == "" })
	var out strings.Builder
	for _, line := range lines[max(0, len(lines)-most):] {
		out.WriteString("\n  | " + line)
	}
	return out.String()
}

// WaitForApproval waits until an environment asks for the approval of a
// commit. An execution that ends without asking is an error.
func (o *Operator) WaitForApproval(ctx context.Context, env naming.Environment, commit string) (Question, error) {
	waits := func(e services.Execution) bool {
		a := e.Action("Approve")
		return a != nil && a.Token != ""
	}
	e, err := o.rig.Services.Wait(ctx, o.pipeline(env), func(e services.Execution) bool {
		return e.Variables[contract.VarCommit] == commit && (ended(e) || waits(e))
	})
	if err != nil {
		return Question{}, err
	}
	if ended(e) {
		return Question{}, fmt.Errorf("%s has %s without asking: %s%s", e.Pipeline, e.Status, e.Reason, o.lastWords(e))
	}
	diff, err := o.diff(e.ID)
	exports := e.Action("Preview").Outputs
	return Question{Environment: env, Pipeline: e.Pipeline, Commit: commit, Summary: exports[contract.ExportSummary], Digest: exports[contract.ExportDigest], Diff: diff}, err
}

// diff reads the readable diff from an execution's bundle.
func (o *Operator) diff(execution string) (string, error) {
	text, err := o.rig.Services.ReadArtifact(execution, contract.BundleArtifact)
	if err != nil {
		return "", err
	}
	archive, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		return "", fmt.Errorf("the bundle of execution %s: %w", execution, err)
	}
	f, err := archive.Open("diff.md")
	if err != nil {
		return "", fmt.Errorf("the bundle of execution %s: %w", execution, err)
	}
	defer f.Close()
	out, err := io.ReadAll(f)
	return string(out), err
}

// Decide answers an environment's question for a commit as the delivery
// account's operator.
func (o *Operator) Decide(env naming.Environment, commit string, approved bool, summary string) error {
	for _, e := range o.RunsOf(env, commit) {
		for _, p := range o.rig.Services.PendingApprovals() {
			if p.Execution == e.ID {
				return o.rig.Services.Decide(o.rig.Cloud.Operator(cloud.DeliveryAccount), p, approved, summary)
			}
		}
	}
	return fmt.Errorf("nothing waits for an approval of commit %s", commit)
}

// Removal is the sample's delivery.yaml with every stack to be removed.
func Removal(root string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(rehearsal.SampleFolder(root), "delivery.yaml"))
	if err != nil {
		return nil, err
	}
	var manifest struct {
		Stacks []map[string]any `yaml:"stacks"`
	}
	if err := yaml.Unmarshal(text, &manifest); err != nil {
		return nil, err
	}
	for _, s := range manifest.Stacks {
		s["remove"] = true
	}
	return yaml.Marshal(manifest)
}
